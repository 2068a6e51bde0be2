"""Which files of a folder are pictures: the one rule that every command follows."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

from .images import IMAGE_SUFFIXES

#: Folders that systems make beside people's own: a Mac's and Windows', and thumbnails of a Synology.
SYSTEM_FOLDERS = frozenset(("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"))


@dataclass
class Found:
    """What lies in a folder, at any depth.

    Attributes:
        pictures: paths of the pictures, relative to the folder, with slashes, sorted.
        others: files that are no pictures we read, by how their names end.
        hidden: how many pictures are left out because their name, or that of a folder above, begins with a dot, or
            because a system keeps the folder for itself.
        unopened: folders that could not be opened, relative, with the reason.
        again: links to folders that are looked at by another name.
        folders: the folders directly below, sorted; hidden ones and those of `again` are not among them.
    """

    pictures: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    hidden: int = 0
    unopened: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    @property
    def left_out(self) -> list[str]:
        """What was left out, a line each: nothing is passed over in silence."""
        lines = []
        if self.others:
            kinds = ", ".join(f"{end or 'without a suffix'} ({count:,})" for end, count in self.others.most_common(8))
            more = ", …" if len(self.others) > 8 else ""
            lines.append(f"{_files(self.others.total())} no pictures we read: {kinds}{more}")
        if self.hidden:
            lines.append(f"{_files(self.hidden)} hidden, by a dot before the name or in a system's own folder")
        if self.again:
            some = f"{', '.join(self.again[:5])}{', …' if len(self.again) > 5 else ''}"
            lines.append(f"{len(self.again):,} links to folders that are looked at already: {some}")
        lines += [f"folder that cannot be opened: {folder}" for folder in self.unopened]
        return lines


def _files(count: int) -> str:
    return f"{count:,} files that are" if count != 1 else "1 file that is"


def is_picture(name: str) -> bool:
    """Whether a file of this name is taken for a picture; a Mac's `._` files and other hidden ones are not."""
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def walk(root: str | os.PathLike[str]) -> Found:
    """Look through a folder.

    Links to folders are followed, each real folder once, so that a link back up makes no circle; of several ways to
    one folder that without links is taken. Names stay as the file system has them, whatever their encoding.

    Args:
        root: the folder.

    Raises:
        FileNotFoundError: no such folder.
        NotADirectoryError: it is a file.
    """
    root = Path(root)
    if root.exists() and not root.is_dir():
        raise NotADirectoryError(f"{root}: a folder of pictures is wanted, and this is a file")
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder; see data/README.md for what goes where")
    found = Found()
    seen = {_identity(root)}
    waiting: list[str] = [""]
    links: list[str] = []  # to folders: they wait until all real ones are done
    while waiting or links:
        inside = waiting.pop() if waiting else links.pop(0)
        folder = root / inside
        if inside:
            identity = _identity(folder)
            if identity in seen:
                found.again.append(inside)
                continue
            seen.add(identity)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            found.unopened.append(f"{inside or '.'}: {error.strerror or error}")
            continue
        for entry in entries:
            name = f"{inside}/{entry.name}" if inside else entry.name
            if _is_folder(entry):
                if entry.name.startswith(".") or entry.name in SYSTEM_FOLDERS:
                    found.hidden += _hidden_pictures(entry.path)
                    continue
                (links if entry.is_symlink() else waiting).append(name)
                if not inside:
                    found.folders.append(name)
            elif not entry.name.startswith("."):
                if is_picture(entry.name) and to_be_read(entry):
                    found.pictures.append(name)
                else:
                    found.others[os.path.splitext(entry.name)[1]] += 1
            elif entry.name.lower().endswith(IMAGE_SUFFIXES):
                found.hidden += 1
    found.pictures.sort()
    found.folders = [name for name in found.folders if name not in found.again]
    return found


def _identity(folder: Path) -> tuple[int, int] | str:
    """What two ways to one folder have in common; some network drives number nothing."""
    status = folder.stat()
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(folder)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def to_be_read(entry: os.DirEntry[str] | Path) -> bool:
    """Whether this is a file, or a link that leads nowhere: a file that cannot be had, which is to be told.

    Folders, pipes and devices are none, nor are links to them: a pipe would be waited for, a device may never end.
    """
    try:
        is_file = entry.is_file()
    except OSError:  # links in a circle
        is_file = False
    return is_file or not os.path.exists(entry)


def _hidden_pictures(folder: str) -> int:
    """How many pictures lie in a hidden folder; links in it are not followed."""
    return sum(name.lower().endswith(IMAGE_SUFFIXES) for _, _, names in os.walk(folder) for name in names)


def pictures_in(folder: str | os.PathLike[str]) -> list[str]:
    """Names of the pictures directly in a folder, sorted."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if is_picture(entry.name) and to_be_read(entry))


def find_pictures(root: Path, wanted: Iterable[tuple[str, str]]) -> list[Path | None]:
    """Pictures by folder and name without a suffix, as lists of pairs name them.

    The suffix may be any of a picture's, in any case, and letters with accents may be written either way, as one
    character or as two: a Mac's file system and a list are rarely of one mind.

    Args:
        root: the folder that has the folders.
        wanted: (folder, name without suffix).

    Returns:
        For each its path, None where there is no such picture.
    """
    folders: dict[str, str] | None = None
    known: dict[str, dict[str, Path]] = {}
    paths: list[Path | None] = []
    for folder, stem in wanted:
        if folder not in known:
            place = root / folder
            if not os.path.isdir(place) and not folder.isascii():
                if folders is None:
                    folders = {normalize("NFC", name): name for name in os.listdir(root)}
                place = root / folders.get(normalize("NFC", folder), folder)
            names = pictures_in(place) if os.path.isdir(place) else []
            by_stem: dict[str, Path] = {}
            for name in sorted(names, key=_usual_first):
                by_stem.setdefault(normalize("NFC", os.path.splitext(name)[0]), place / name)
            known[folder] = by_stem
        paths.append(known[folder].get(normalize("NFC", stem)))
    return paths


def _usual_first(name: str) -> tuple[int, str]:
    """Where one picture lies there in several formats, JPEG and PNG come before the rest."""
    usual = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
    end = os.path.splitext(name)[1].lower()
    return (usual.index(end) if end in usual else len(usual), name)
