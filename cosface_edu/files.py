"""Writing files whole or not at all, whenever the process is killed or the disk is full. Every room writes this way."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
    """
    path = Path(path)
    writer = "" if alone else f".{os.getpid()}"
    part = path.with_name(f".{path.name}{writer}.part")  # hidden, and no picture's suffix: nobody reads it as data
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file's whole content, or leave what was there."""
    with atomically(path) as part:
        part.write_bytes(data)
