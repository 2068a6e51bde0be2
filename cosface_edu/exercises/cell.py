"""A reader's cell, run as a notebook runs it: what it prints, what its last line is worth, or where it fails.

The built pages run this file in Python compiled for the browser; nothing here needs more than the standard library.
"""

import ast
import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator

from cosface_edu import exercises
from cosface_edu.exercises import failures

MOST = 20_000  # characters that a page shows of what a cell printed


class _Printed(io.StringIO):
    """Keeps the beginning of what is printed, so that a loop that prints for ever fills no memory."""

    def __init__(self, hear: Callable[[str], object]) -> None:
        super().__init__()
        self.hear = hear

    def write(self, text: str) -> int:
        room = MOST - self.tell()
        if room >= 0 and text:
            shown = text if len(text) <= room else text[:room] + "\n… and more"
            super().write(shown)
            self.hear(shown)
        return len(text)


class _NoKeyboard(io.RawIOBase):
    """Standard input of a cell: there is nobody to type, in a page as little as where answers are checked in a row."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        raise EOFError("there is no keyboard input here: write the value into the code instead of asking for it")


@contextlib.contextmanager
def _nobody_types() -> Iterator[None]:
    keyboard, sys.stdin = sys.stdin, io.TextIOWrapper(io.BufferedReader(_NoKeyboard()))
    try:
        yield
    finally:
        sys.stdin = keyboard


def namespace() -> dict[str, object]:
    """Names that a cell finds: `exercises` is imported, as in the chapters' first cell."""
    return {"__name__": "__main__", "exercises": exercises}


def run(code: str, last: str = "", hear: Callable[[str], object] = lambda printed: None) -> dict[str, object]:
    """Run a cell in a namespace of its own that knows `exercises`.

    Args:
        code: what the reader wrote.
        last: a line to run after it, such as `exercises.check("nsl-posterior", posterior)`.
        hear: given each piece of what is printed as it is printed, for whoever may have to stop the cell; no more of
            it than is returned.

    Returns:
        `printed`: text; `value`: repr of the last line if it is an expression, or ""; `json`: the same as JSON where
        it can be, else ""; `error`: one line that says what failed and in which line, or ""; `verdict`: name, passed
        and message if the last line was a check, else None.
    """
    names = namespace()
    printed, value, error = _Printed(hear), None, ""
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), _nobody_types():
        try:
            value = _value(code, failures.CODE, names)
            if last:
                value = _value(last, failures.CHECK, names)
        except (KeyboardInterrupt, SystemExit) as left:
            error = f"your code left with {type(left).__name__}"
        except BaseException as failure:  # the reader's code may raise anything, and should be told what and where
            error = failures.told(failure)
    verdict = value if isinstance(value, exercises.Verdict) else None
    return {
        "printed": printed.getvalue(),
        "value": "" if value is None or verdict else repr(value)[:MOST],
        "json": _json(value),
        "error": error,
        "verdict": verdict and {"name": verdict.name, "passed": verdict.passed, "message": str(verdict)},
    }


def _value(code: str, file: str, names: dict) -> object:
    tree = ast.parse(code, file)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        exec(compile(tree, file, "exec"), names)
        return None
    del tree.body[-1]
    exec(compile(tree, file, "exec"), names)
    return eval(compile(ast.Expression(last.value), file, "eval"), names)


def _json(value: object) -> str:
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return ""
