"""Whether two data sets have pictures in common, which makes a test of one of them easier than it should be."""

import hashlib
from collections.abc import Iterator
from os import stat_result
from pathlib import Path
from typing import Any

from .folders import FolderDataset
from .images import MAX_BYTES
from .pairs import Pictures


def in_both(faces: Any, others: Any) -> list[Path]:
    """Files of `faces` that `others` has too: the same file, or a copy that has kept its name.

    No picture is opened; `check` with `against` finds those that were saved anew, too.

    Args:
        faces: a data set of files in folders; of anything else nothing is said.
        others: likewise.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu.data import FolderDataset, in_both
        >>> for folder in ("probes/anna", "gallery/anna"):
        ...     Path(folder).mkdir(parents=True)
        ...     Image.new("RGB", (96, 112), "grey").save(f"{folder}/1.png")
        >>> in_both(FolderDataset("probes"), FolderDataset("gallery"))[0].name
        '1.png'
    """
    files: dict[tuple[int, int], list[Path]] = {}  # device and number
    named: dict[tuple[str, int], list[Path]] = {}  # name and bytes
    for path, about in _files(faces):
        files.setdefault((about.st_dev, about.st_ino), []).append(path)
        named.setdefault((path.name, about.st_size), []).append(path)
    contents: dict[tuple[str, int], dict[bytes, list[Path]]] = {}  # of those that have a namesake: read once
    found: set[Path] = set()
    for other, about in _files(others):
        same = files.get((about.st_dev, about.st_ino), [])
        found.update(same)
        key = (other.name, about.st_size)
        if same or key not in named:
            continue
        if key not in contents:
            contents[key] = {}
            for path in named[key]:
                contents[key].setdefault(_digest(path), []).append(path)
        found.update(contents[key].get(_digest(other), []))
    return sorted(found)


def _files(faces: Any) -> Iterator[tuple[Path, stat_result]]:
    """The files of a data set that has any; one that is gone or too large is somebody else's to tell."""
    if isinstance(faces, FolderDataset | Pictures):
        for index in range(len(faces)):
            path = faces.path(index)
            if path.exists() and (about := path.stat()).st_size <= MAX_BYTES:
                yield path, about


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
