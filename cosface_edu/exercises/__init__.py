"""Exercises that code checks: a reader's answer goes in, what is right or still wrong comes out.

Each chapter with checked exercises has a module here. A check is an ordinary function of the reader's answer that
raises `AssertionError` with a helpful sentence while the answer is wrong; `check` runs it and shows the verdict, so
that a page of unanswered exercises still runs from top to bottom.

Checks in `plain` need the standard library alone. The built pages run them too, in Python compiled for the browser,
from these very files; the others want the notebook.
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from types import ModuleType

from cosface_edu.exercises import failures, plain

__all__ = ["Verdict", "available", "check", "exercise", "hint"]

_CHECKS: dict[str, Callable] = {}
_HINTS: dict[str, str] = {}
_IN_PAGE: dict[str, tuple[str, str]] = {}


@dataclass(frozen=True)
class Verdict:
    """Outcome of one check; draws itself in a notebook and prints itself elsewhere.

    Attributes:
        name: the exercise.
        passed: whether the answer holds.
        message: praise, or what is still wrong.
    """

    name: str
    passed: bool
    message: str

    def __str__(self) -> str:
        return f"{'✓' if self.passed else '✗ not yet:'} {self.message}"

    def _repr_html_(self) -> str:
        kind = "passed" if self.passed else "open"
        return f'<p class="check check-{kind}" data-check="{escape(self.name)}">{escape(str(self))}</p>'


def exercise(name: str, hint: str = "", chapter: str = "") -> Callable[[Callable], Callable]:
    """Register a check under the name that the chapter calls it by.

    Args:
        name: the exercise.
        hint: the first sentence of help, for a reader who asks; every check in `plain` has one.
        chapter: its page, if that is not the one that the module is named for.

    Returns:
        A decorator for a function of the answer, which raises AssertionError with a helpful sentence while the answer
        is wrong and may return praise.

    Raises:
        ValueError: two exercises of one name.
    """

    def register(function: Callable) -> Callable:
        if name in _CHECKS:
            raise ValueError(f"two exercises are called {name!r}")
        _CHECKS[name] = function
        _HINTS[name] = hint
        if function.__module__.startswith(f"{__name__}.plain."):
            page = chapter or function.__module__.rpartition(".")[2].replace("_", "-")
            _IN_PAGE[name] = (page, hint)
        return function

    return register


def _load(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def available() -> list[str]:
    """Names of all checked exercises."""
    _load(sys.modules[__name__])
    return sorted(_CHECKS)


def in_page() -> dict[str, tuple[str, str]]:
    """Exercises that a built page checks itself: name -> chapter and hint."""
    _load(plain)
    return dict(sorted(_IN_PAGE.items()))


def _raised(error: Exception) -> str:
    said, where = failures.said(error), failures.where(error)
    if where:
        return f"{where}: your code raised {said}"
    return f"the check can do nothing with this answer ({said}): is it of the kind and the size that is asked for?"


def _found(name: str) -> Callable:
    _load(plain)  # first, and alone where that is enough: the others import torch
    if name not in _CHECKS and name not in available():
        raise KeyError(f"no exercise {name!r}; there are: {', '.join(available())}")
    return _CHECKS[name]


def hint(name: str) -> str:
    """Help with an exercise, as the button of a page gives it.

    Args:
        name: the exercise, as the chapter calls it.

    Returns:
        The hint; of an exercise that has none, what its check takes.

    Raises:
        KeyError: no exercise has this name.
    """
    asked = _found(name)
    return _HINTS[name] or f"The answer is: {(asked.__doc__ or 'what the starter names').strip().splitlines()[0]}"


def check(name: str, answer: object) -> Verdict:
    """Run the check of an exercise on an answer.

    Args:
        name: the exercise, as the chapter calls it.
        answer: what the exercise asks for: a function, a number, a module.

    Returns:
        A verdict: passed, or what is still wrong. An error raised by the answer itself is reported, not raised.

    Raises:
        KeyError: no exercise has this name.
    """
    asked = _found(name)
    try:
        praise = asked(answer)
    except AssertionError as wrong:
        return Verdict(name, False, str(wrong) or "the answer does not hold")
    except Exception as error:  # the reader's code may raise anything, and should be told what and where
        return Verdict(name, False, _raised(error))
    return Verdict(name, True, praise or "that is it.")
