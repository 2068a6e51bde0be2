"""What failed in a reader's code, and in which line of it: for cells, for checks, and for pieces that are carried over.

A page runs this file too, so it needs the standard library alone.
"""

import os
import traceback
from pathlib import Path

CODE = "<your code>"  # the file that a cell's frames name
CHECK = "<the check>"  # and that of the line after it
_PACKAGE = str(Path(__file__).parents[1]) + os.sep
_LIBRARY = str(Path(traceback.__file__).parent) + os.sep  # Python's own


def said(failure: BaseException) -> str:
    """'NameError: name 'x' is not defined', on one line, with all that a message of several lines says.

    Args:
        failure: the error.
    """
    if isinstance(failure, SyntaxError):  # formatted, it begins with the file and shows the line
        return f"{type(failure).__name__}: {failure.msg}"
    lines = "".join(traceback.format_exception_only(failure)).splitlines()
    return " ".join(line.strip() for line in lines if line.strip())


def where(failure: BaseException) -> str:
    """The last line of the reader's own code that ran into it.

    Args:
        failure: the error, as it was caught.

    Returns:
        'line 3', or 'line 3 of your build-scores' where the code is a piece that `built.bring` took over; "" if the
        error came up outside the reader's code: then it is about what the code hands over.
    """
    if isinstance(failure, SyntaxError) and failure.filename and failure.filename.startswith("<your "):
        return _line(failure.filename, failure.lineno)
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(failure.__traceback__)]
    own = [frame for frame in frames if _is_reader_s(frame[0])]
    return _line(*own[-1]) if own else ""


def told(failure: BaseException) -> str:
    """Both: 'line 3: NameError: name 'x' is not defined'. Arguments as of `where`."""
    line = where(failure)
    return (f"{line}: " if line else "") + said(failure)


def _is_reader_s(file: str) -> bool:
    if file == CHECK or file.startswith(("<frozen", _PACKAGE, _LIBRARY)):
        return False
    return not {"site-packages", "dist-packages"} & set(Path(file).parts)


def _line(file: str, number: int | None) -> str:
    piece = file[1:-1] if file.startswith("<your ") and file != CODE else ""
    return f"line {number}" + (f" of {piece}" if piece else "")
