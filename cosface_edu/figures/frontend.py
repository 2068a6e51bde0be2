"""Who shows what a cell returns: a built page, which has its scripts beside it, or anything else, which has none.

Built pages of the book name files of their `_static` folder; in a notebook these are nowhere, be it live or run by
`nbconvert`, so the piece of HTML carries script, style and picture inside.
"""

import base64
import html
import os
from collections.abc import Callable
from pathlib import Path

#: Set where the book is built, and inherited by the kernels that run its chapters.
BUILD = "COSFACE_BOOK_BUILD"


def carries_all() -> bool:
    """Whether what is shown has to carry all that it needs: everywhere but in a build of the book."""
    return BUILD not in os.environ


def sheet(static: str, name: str, text: Callable[[], str]) -> str:
    """A style sheet: its file's name, or all of it.

    Args:
        static: path from the page to its `_static` folder.
        name: of the file there.
        text: gives what the file holds.
    """
    return f"<style>\n{text()}</style>" if carries_all() else f'<link rel="stylesheet" href="{_at(static, name)}">'


def script(static: str, name: str, text: Callable[[], str]) -> str:
    """A classic script: its file's name, or all of it. Arguments as of `sheet`."""
    return f"<script>\n{text()}</script>" if carries_all() else f'<script defer src="{_at(static, name)}"></script>'


def picture(static: str, name: str, file: Path) -> str:
    """What goes into an image's `src`: the name of a .webp file, or all of it as a data URL.

    Args:
        static: path from the page to its `_static` folder.
        name: of the file there.
        file: which it is a copy of.
    """
    if carries_all():
        return "data:image/webp;base64," + base64.b64encode(file.read_bytes()).decode()
    return _at(static, name)


def _at(static: str, name: str) -> str:
    return f"{html.escape(static.rstrip('/'))}/{name}"
