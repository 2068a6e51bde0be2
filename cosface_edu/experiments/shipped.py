"""Files of the repository that chapters draw: beside the package in a clone, or what the wheel brought along.

A chapter that runs alone, against an installed package, finds the book's records by this (`tool.setuptools.data-files`
in pyproject.toml lists what travels).
"""

from importlib import metadata
from pathlib import Path
from typing import Any

from cosface_edu.experiments import record
from cosface_edu.experiments.closure import PACKAGE

SHARE = "share/cosface-edu"  # under the environment's prefix


def path(name: str) -> Path:
    """Where a file of the repository lies here.

    Args:
        name: its path from the repository's top, such as 'book/results/groups.json'.

    Raises:
        FileNotFoundError: neither beside the package nor among what was installed with it.
    """
    beside = PACKAGE.parent / name
    if beside.is_file():
        return beside
    try:
        installed = metadata.files("cosface-edu") or []
    except metadata.PackageNotFoundError:
        installed = []
    for file in installed:
        if file.as_posix().endswith(f"{SHARE}/{name}"):
            return Path(str(file.locate())).resolve()
    raise FileNotFoundError(f"{name}: neither in a clone beside {PACKAGE} nor installed with it")


def recorded(name: str) -> dict[str, Any]:
    """A record that a page draws.

    Args:
        name: of a record in book/results; 'by-hand/…' for those that no command makes.

    Raises:
        FileNotFoundError: there is no such record.
        ValueError: it lacks a field, see `experiments.record.FIELDS`.
    """
    return record.load(path(f"book/{name if '/' in name else f'results/{name}'}.json"))
