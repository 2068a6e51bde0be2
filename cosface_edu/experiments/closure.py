"""Which of the package's files a result depends on: all that its module imports, computed from the source.

Nothing is listed by hand, so nothing can be forgotten: importing a module runs the `__init__` of every package above it
and whatever these import, and all of it counts, imports inside functions too.
"""

import ast
import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def _file(module: str, root: Path) -> Path | None:
    """The file of a module, or of a package's `__init__`; None if there is no such module in the package."""
    first, *rest = module.split(".")
    if first != root.name:
        return None
    path = root.joinpath(*rest)
    found = (path / "__init__.py", path.with_suffix(".py")) if rest else (path / "__init__.py",)
    return next((file for file in found if file.is_file()), None)


def _imported(module: str, file: Path) -> Iterator[str]:
    """What a module's source imports, by name; names of functions are among them, and are no file's."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Name) and node.id == "__path__":  # a package that imports whatever lies in its folder
            yield from (f"{module}.{found.stem}" for found in sorted(file.parent.glob("*.py")) if found != file)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{name.name}" for name in node.names)


def closure(module: str, root: Path = PACKAGE) -> list[str]:
    """A module of the package and every module of the package that it imports, directly or not.

    Args:
        module: such as 'cosface_edu.experiments.toy', a module's own `__name__`.
        root: the package's folder.

    Returns:
        Names in alphabetical order.

    Raises:
        ValueError: no such module in the package.
    """
    if _file(module, root) is None:
        raise ValueError(f"{module}: no module of {root.name}")
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        file = _file(name, root)
        if file is None or name in found:
            continue
        found.add(name)
        above = name.rpartition(".")[0]  # its package is imported first
        waiting += [above, *_imported(name, file)]
    return sorted(found)


def docstrings(source: str | bytes) -> Iterator[tuple[range, bool]]:
    """Where the docstrings of a source stand.

    Args:
        source: of a module, a class or a function.

    Yields:
        Numbers of its lines, from 0, and whether the docstring is all that its owner has.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node, clean=False
        ):
            text = node.body[0]
            assert text.end_lineno is not None
            yield range(text.lineno - 1, text.end_lineno), len(node.body) == 1


def _without_docstrings(file: Path) -> bytes:
    """A file's source but its docstrings: what they say changes no result. By lines, the same on every Python."""
    source = file.read_bytes()
    said = {number for numbers, _ in docstrings(source) for number in numbers}
    return b"".join(line for number, line in enumerate(source.splitlines(keepends=True)) if number not in said)


@cache
def code_hash(module: str, root: Path = PACKAGE) -> str:
    """Hash of the source of `closure(module)`: two results with the same hash were made by the same code.

    Docstrings do not count: a reference page can be mended without any record becoming an old one.
    """
    digest = hashlib.sha256()
    for name in closure(module, root):
        file = _file(name, root)
        assert file is not None
        digest.update(name.encode() + b"\0" + _without_docstrings(file) + b"\0")
    return digest.hexdigest()


def module_name(name: str) -> str:
    """A module's `__name__`, or its real one where Python was started with it and calls it `__main__`."""
    if name != "__main__":
        return name
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec is not None else name
