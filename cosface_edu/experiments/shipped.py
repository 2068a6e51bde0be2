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
    if name in (brought := _brought()):
        return brought[name]
    raise FileNotFoundError(f"{name}: neither in a clone beside {PACKAGE} nor installed with it")


def results() -> list[Path]:
    """The book's records that are here, by name: those of the clone, or else those that the wheel brought."""
    folder = "book/results"
    found = list((PACKAGE.parent / folder).glob("*.json"))
    found = found or [path for name, path in _brought().items() if name.startswith(f"{folder}/")]
    return sorted(found, key=lambda path: path.name)


def _brought() -> dict[str, Path]:
    """Files that were installed with the package, by their paths from the repository's top."""
    try:
        installed = metadata.files("cosface-edu") or []
    except metadata.PackageNotFoundError:
        return {}
    shared = [file for file in installed if f"{SHARE}/" in file.as_posix()]
    return {file.as_posix().rpartition(f"{SHARE}/")[2]: Path(str(file.locate())).resolve() for file in shared}


def recorded(name: str) -> dict[str, Any]:
    """A record that a page draws.

    Args:
        name: of a record in book/results; 'by-hand/…' for those that no command makes.

    Raises:
        FileNotFoundError: there is no such record.
        ValueError: it lacks a field, see `experiments.record.FIELDS`.
    """
    return record.load(path(f"book/{name if '/' in name else f'results/{name}'}.json"))
