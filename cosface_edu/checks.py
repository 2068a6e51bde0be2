"""Numbers that somebody gives: what is wrong is told with the argument's name, its value and what is allowed."""

import math
import numbers
from typing import Any


def check_number(name: str, value: Any, low: float, high: float = math.inf, allowed: str | None = None) -> Any:
    """The value as Python's own int or float, if low ≤ value ≤ high and it is a finite number (numpy's too).

    Raises:
        ValueError: otherwise.
    """
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        bounds = f"a finite number ≥ {low:g}" if math.isinf(high) else f"a number between {low:g} and {high:g}"
        raise ValueError(f"{name} must be {allowed or bounds}, got {value!r}")
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def check_count(name: str, value: Any, low: int, high: float = math.inf) -> int:
    """The value as Python's own int, if low ≤ value ≤ high and it is an integer (numpy's too).

    Raises:
        ValueError: otherwise.
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or not low <= int(value) <= high:
        bounds = f"of at least {low}" if math.isinf(high) else f"from {low} to {high:,}"
        raise ValueError(f"{name} must be an integer {bounds}, got {value!r}")
    return int(value)
