"""Whether two data sets have pictures in common, which makes a test of one of them easier than it should be."""

from pathlib import Path
from typing import Any


def in_both(faces: Any, others: Any) -> list[Path]:
    """Files of `faces` that `others` has too: the same file, or a copy that has kept its name.

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
    if not (hasattr(faces, "path") and hasattr(others, "path")):
        return []
    by_name: dict[str, list[Path]] = {}
    for index in range(len(faces)):
        path = faces.path(index)
        by_name.setdefault(path.name, []).append(path)
    found: set[Path] = set()
    for index in range(len(others)):
        other = others.path(index)
        found.update(path for path in by_name.get(other.name, ()) if path not in found and _same(path, other))
    return sorted(found)


def _same(path: Path, other: Path) -> bool:
    if path.samefile(other):
        return True
    return path.stat().st_size == other.stat().st_size and path.read_bytes() == other.read_bytes()
