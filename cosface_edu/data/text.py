"""Text files as other people's programs write them: lists of pairs, indices, properties."""

import codecs
import os
from pathlib import Path

#: Counts, classes and the like lie below; larger numbers are damage, and end elsewhere in errors without a place.
LARGEST = 2**31

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def whole_number(text: str) -> int | None:
    """The number that digits stand for, if it is below `LARGEST`; None otherwise, of however many digits."""
    return int(text) if text.isdecimal() and len(text) <= 12 and int(text) < LARGEST else None


def read_text(path: str | os.PathLike[str]) -> str:
    """A text file's content.

    A byte order mark (Notepad, Excel; UTF-16 from PowerShell's `>`) says what the encoding is and is no part of the
    text. Without one it is UTF-8; bytes that are not are kept as Python keeps them in file names, so that a name in
    another encoding still names its file.

    Raises:
        ValueError: this is no text, or does not fit into memory.
    """
    try:
        data = Path(path).read_bytes()
    except MemoryError as error:
        raise ValueError(f"{path}: larger than memory, which no list is") from error
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(encoding)
            except UnicodeDecodeError as error:
                raise ValueError(f"{path}: begins as {encoding.upper()} text and is not: {error}") from error
    if b"\0" in data:
        raise ValueError(f"{path}: not a text file: it has null bytes; save it as UTF-8")
    return data.decode("utf-8", "surrogateescape")
