"""Writing files whole or not at all, whenever the process is killed or the disk is full. Every room writes this way.

Whether a place can be written to is asked before the work whose result is to go there: `folder_to_write`,
`file_to_write`.
"""

import errno
import hashlib
import os
import stat
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LONG = 200  # bytes of a name to which nothing is added: file systems take 255
_TRIES, _PAUSE = 10, 0.2  # seconds between two: what a virus scanner has open it soon closes


def in_its_place(head: bytes) -> str | None:
    """What a clone or a download may have left in a file's place, with what to do about it.

    Args:
        head: the beginning of the file, some hundred bytes.

    Returns:
        A clause for an error; None where it is neither a pointer of Git LFS nor a web page.
    """
    begin = head.lstrip().lower()
    if begin.startswith(b"version https://git-lfs."):
        return "a pointer of Git LFS lies in the file's place: `git lfs pull` fetches the file"
    if begin.startswith((b"<!doctype html", b"<html")):
        return "a web page lies in the file's place, as where a download has to be confirmed: fetch the file again"
    return None


def lies_in_place_of(path: str | os.PathLike[str]) -> str | None:
    """`in_its_place` for a file on disk; None too where nothing can be read."""
    try:
        with open(path, "rb") as file:
            return in_its_place(file.read(256))
    except OSError:
        return None


def folder_to_write(path: str | os.PathLike[str]) -> Path:
    """A folder for results, made where it is missing.

    Raises:
        OSError: it is a file, cannot be made, or cannot be written in.
    """
    path = Path(path)
    _refuse_a_home(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):  # permissions alone do not tell: the disk may be read-only
            return path
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(f"{path}: a folder is wanted, and there is a file in its place") from None
    except OSError as error:
        raise type(error)(f"{path}: nothing can be written in this folder ({error.strerror or error})") from None


def file_to_write(path: str | os.PathLike[str]) -> Path:
    """A file for results; its folder is made where it is missing.

    Raises:
        OSError: it is a folder, a device or a pipe, or its folder cannot be made or written in.
    """
    path = Path(path)
    _refuse_what_is_no_file(path)
    folder_to_write(path.parent)
    return path


@contextmanager
def alone_in(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Keep other processes from writing results to the same folder meanwhile, however this one ends.

    Where the file system knows no locks it is only said that the folder cannot be guarded.

    Raises:
        FileExistsError: one does so now.
        OSError: as `folder_to_write`.
    """
    from filelock import FileLock, Timeout  # comes with PyTorch

    path = folder_to_write(folder) / ".running.lock"
    if not can_be_locked(path):
        warnings.warn(f"{folder}: no locks on this file system; let no other run write to this folder", stacklevel=3)
        yield
        return
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise FileExistsError(f"{folder}: another run is writing to this folder now; choose another") from None
    try:
        yield
    finally:
        lock.release()


def can_be_locked(path: Path) -> bool:
    """Whether the file system of a file that may be written knows locks; some network file systems do not.

    Raises:
        OSError: the file cannot be opened, or something else has its name, which may lead anywhere or be waited for.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise OSError(f"{path}: wanted for a lock, and a link, a folder, a device or a pipe is there: remove it")
    try:
        import fcntl
    except ImportError:  # Windows, where every file can be locked
        return True
    with open(path, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in (errno.EAGAIN, errno.EACCES)  # somebody holds it
    return True


def _refuse_a_home(path: Path) -> None:
    """`~` is a shell's, which leaves it as it is in `--out=~/runs`: results would go to a folder of that name."""
    try:
        meant = path.expanduser()
    except RuntimeError:  # no such user
        return
    if meant != path and not os.path.lexists(path.parts[0]):
        raise FileNotFoundError(f"{path}: there is no folder called {path.parts[0]} here; is {meant} meant?")


def _refuse_what_is_no_file(path: Path) -> None:
    """A folder cannot be replaced by a file; a device such as /dev/null could, and would be gone."""
    _refuse_a_home(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path}: a file is wanted, and this is a folder")
    if path.exists() and not path.is_file():
        raise OSError(f"{path}: a file is wanted, and this is a device or a pipe, which results would replace")


def _replace(part: Path, path: Path) -> None:
    """Give a whole file its name. Windows refuses while the old one is open anywhere: it is asked again."""
    for _ in range(_TRIES if sys.platform == "win32" else 0):
        try:
            os.replace(part, path)
            return
        except PermissionError:
            time.sleep(_PAUSE)
    os.replace(part, path)


@contextmanager
def atomically(path: str | os.PathLike[str], alone: bool = False) -> Iterator[Path]:
    """A file that takes its name once it is whole: the old content stays until then, and if writing fails.

    >>> with atomically("features.npz") as part:
    ...     numpy.savez(part, features=features)

    Args:
        path: where the file is to be.
        alone: nobody else writes this path. The temporary file's name is then always the same, so that a process that
            is killed again and again leaves one behind and not one each time.

    Yields:
        A path in the same folder, to write to.

    Raises:
        OSError: nothing can be written there.
    """
    path = Path(path)
    _refuse_what_is_no_file(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = "" if alone else f".{os.getpid()}"
    name = path.name if len(os.fsencode(path.name)) <= LONG else hashlib.sha256(os.fsencode(path.name)).hexdigest()
    part = path.with_name(f".{name}{writer}.part")  # hidden, and no picture's suffix: nobody reads it as data
    part.unlink(missing_ok=True)  # of a killed process; or a link, through which another file would be written
    try:
        yield part
        _replace(part, path)
    except OSError as error:
        if error.filename in (None, str(part)):  # a full disk says no name; the part's means nothing to anybody
            error.filename = str(path)
        raise
    finally:
        part.unlink(missing_ok=True)


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file's whole content, or leave what was there."""
    with atomically(path) as part, part.open("xb") as file:
        file.write(data)
