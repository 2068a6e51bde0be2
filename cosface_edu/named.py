"""What somebody's own file brings by the name `module:attribute`: a loss of one's own, other people's embedder."""

import importlib
import os
import sys
from typing import Any


def find(module: str, attribute: str) -> Any:
    """An attribute of a module that is looked for where Python looks, and then in the current folder.

    The module is imported, which runs it: the name comes from whoever runs this, never from a file that was opened.

    Args:
        module: its name.
        attribute: the attribute's.

    Returns:
        The attribute; None if the module has none of that name.

    Raises:
        ValueError: a path, no such module, or one that it imports is not there.
    """
    if module.startswith("."):
        raise ValueError(f"{module}:{attribute}: wanted the name of a module, as in my_file:{attribute}, not a path")
    here = os.getcwd()
    if here not in sys.path:
        # A console script does not look there by itself. Last: what happens to lie there must not stand in for an
        # installed package. It stays, for what the module imports later and for processes that are started afresh.
        sys.path.append(here)
    try:
        return getattr(importlib.import_module(module), attribute, None)
    except ModuleNotFoundError as error:
        raise ValueError(f"{module}:{attribute}: {error}; looked in {here} and among the installed packages") from error
