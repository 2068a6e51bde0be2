"""What a field of a configuration may hold: its kind and its range, from which every value is read and checked once.

    lr: Annotated[float, Real(0)] = 0.1

A value comes from Python, from NumPy, from JSON or, as text, from a command line. Each kind takes all of these and
gives one of Python's own values, so that one setting written in two ways is one setting.
"""

import ast
import math
import numbers
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_NONE = ("none", "null", "")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What all kinds share.

    Attributes:
        optional: whether None is a value too.
    """

    optional: bool = False

    def read(self, name: str, value: Any) -> Any:
        """The value as one of Python's own.

        Raises:
            ValueError: it is not allowed; the message has the name, the value and what is.
        """
        value = plain(value)
        if self.optional and (value is None or (isinstance(value, str) and value.strip().lower() in _NONE)):
            return None
        return self._read(name, value)

    def _read(self, name: str, value: Any) -> Any:
        raise NotImplementedError

    def _refuse(self, name: str, value: Any, allowed: str) -> ValueError:
        return ValueError(f"{name} must be {allowed}{' or None' if self.optional else ''}, got {value!r}")


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number from `low` on, or `besides`."""

    low: int
    besides: int | None = None

    def _read(self, name: str, value: Any) -> int:
        number = _from_text(value, int)
        if type(number) is int and (self.low <= number < 2**63 or number == self.besides):
            return number
        other = "" if self.besides is None else f"{self.besides} or "
        raise self._refuse(name, value, f"{other}an integer of at least {self.low}")


@dataclass(frozen=True)
class Real(Kind):
    """A finite number from `low` to `high`; without `low` itself where it is `above`."""

    low: float
    high: float = math.inf
    above: bool = False

    def _read(self, name: str, value: Any) -> float:
        number = _from_text(value, float)
        least = math.nextafter(self.low, math.inf) if self.above else self.low
        is_number = isinstance(number, numbers.Real) and not isinstance(number, bool)
        if is_number and math.isfinite(number) and least <= number <= self.high:
            return float(number)
        upper = "" if math.isinf(self.high) else f" and at most {self.high:g}"
        allowed = f"a number {'above' if self.above else 'of at least'} {self.low:g}{upper}"
        raise self._refuse(name, value, allowed)


@dataclass(frozen=True)
class Switch(Kind):
    """True or False, in any of the words that people have for them."""

    def _read(self, name: str, value: Any) -> bool:
        word = str(value).strip().lower() if isinstance(value, bool | int | str) else None
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise self._refuse(name, value, "true or false (yes or no, on or off)")


@dataclass(frozen=True)
class OneOf(Kind):
    """One of a few words."""

    words: tuple[str, ...]

    def _read(self, name: str, value: Any) -> str:
        if value not in self.words:
            raise self._refuse(name, value, f"one of {', '.join(self.words)}")
        return str(value)


@dataclass(frozen=True)
class Text(Kind):
    """A name or a path; `pattern` is what it has to look like, `allowed` says it in words."""

    pattern: str = r"(?s).*\S.*"
    allowed: str = "a name or a path"

    def _read(self, name: str, value: Any) -> str:
        text = os.fspath(value) if isinstance(value, os.PathLike) else value
        if not isinstance(text, str) or not re.fullmatch(self.pattern, text):
            raise self._refuse(name, value, self.allowed)
        return text


@dataclass(frozen=True)
class Size(Kind):
    """(height, width) of a picture; the first stages of a network halve it twice."""

    def _read(self, name: str, value: Any) -> tuple[int, int]:
        sides = value
        if isinstance(value, str):
            sides = _literal(re.sub(r"^\s*(\d+)\s*[x×]\s*(\d+)\s*$", r"\1,\2", value.lower()))
        if not isinstance(sides, tuple) or len(sides) != 2 or not all(type(n) is int and n > 3 for n in sides):
            raise self._refuse(name, value, "(height, width), two integers of at least 4 such as (112, 96) or 112x96")
        return sides


@dataclass(frozen=True)
class Wholes(Kind):
    """Whole numbers from `low` on; one alone is a list of one."""

    low: int = 0

    def _read(self, name: str, value: Any) -> tuple[int, ...]:
        found = (_literal(value) if value.strip() else ()) if isinstance(value, str) else value
        several = found if isinstance(found, tuple) else (found,)
        if not all(type(number) is int and number >= self.low for number in several):
            raise self._refuse(name, value, f"integers of at least {self.low}, such as 100 or (100, 200)")
        return several


@dataclass(frozen=True)
class Options(Kind):
    """Names and values, checked by whom they are for."""

    def _read(self, name: str, value: Any) -> dict[str, Any]:
        found = _literal(value) if isinstance(value, str) else value
        if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
            raise self._refuse(name, value, "names and values such as {'s': 30, 'm': 0.2}")
        if not _written(found):  # a checkpoint keeps them, and is read without running anybody's code
            raise self._refuse(name, value, "numbers, text and True or False, in lists and by name; no objects")
        return found


def plain(value: Any) -> Any:
    """NumPy's and PyTorch's numbers and arrays as Python's own, lists as tuples, in dictionaries too."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        found = value.item()
        # float32's 0.35 is meant to be 0.35, not the double nearest to it, 0.3499999940395355
        return float(str(value)) if isinstance(found, float) and hasattr(value, "tobytes") else found
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(plain(one) for one in value)
    if isinstance(value, Mapping):
        return {plain(key): plain(one) for key, one in value.items()}
    return value


def _written(value: Any) -> bool:
    """Whether a value can be written down as it is."""
    if isinstance(value, dict):
        return all(_written(one) for one in (*value, *value.values()))
    if isinstance(value, tuple):
        return all(map(_written, value))
    return value is None or isinstance(value, bool | int | float | str)


def _from_text(value: Any, kind: type) -> Any:
    """A number written as text; anything else, and text that is none, as it is."""
    try:
        return kind(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _literal(text: str) -> Any:
    """What text says in Python's own writing; text that says nothing, as it is."""
    try:
        return plain(ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
