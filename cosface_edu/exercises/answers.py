"""What kind of thing an answer is: asked first, so that a wrong kind gets a plain sentence and not an error."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def number(answer: object, low: float = -math.inf, high: float = math.inf, may_be_nan: bool = False) -> float:
    """The answer as a finite float between low and high, or an AssertionError that says what was expected."""
    assert isinstance(answer, Real), "Answer with a number."
    value = float(answer)
    if may_be_nan and math.isnan(value):
        return value
    assert math.isfinite(value), "Answer with a finite number."
    assert low <= value <= high, f"{value:g} cannot be: the answer lies between {low:g} and {high:g}."
    return value


def told(right: float, given: float, form: str) -> tuple[str, str]:
    """Both numbers as they are shown: with more digits than `form` asks for where they would look the same.

    Args:
        right: what the answer should be.
        given: what it is.
        form: a format with a number of digits, such as ".4f" or ".1%".
    """
    sign, digits, kind = form[: form.index(".")], int(form[form.index(".") + 1 : -1]), form[-1]
    for more in range(digits, 18):
        shown = f"{right:{sign}.{more}{kind}}", f"{given:{sign}.{more}{kind}}"
        if shown[0] != shown[1]:
            return shown
    return f"{right:{form}}", f"{given:{form}}"


def numbers(answer: object, n: int) -> list[float]:
    """The answer as a list of n finite floats, or an AssertionError."""
    assert isinstance(answer, list | tuple), f"Expected a list, got {type(answer).__name__}."
    assert len(answer) == n, f"Expected {n} numbers, got {len(answer)}."
    return [number(value) for value in answer]


def table(answer: object, rows: int, columns: int) -> list[list[float]]:
    """The answer as a list of rows of finite floats, or an AssertionError."""
    assert isinstance(answer, list | tuple), f"Expected a list of rows, got {type(answer).__name__}."
    assert len(answer) == rows, f"Expected {rows} rows, got {len(answer)}."
    return [numbers(row, columns) for row in answer]


def function(answer: object) -> Callable[..., Any]:
    """The answer as a function, or an AssertionError."""
    assert callable(answer), "Answer with a function: its name alone, without brackets behind it."
    return answer


def tensor(answer: object, *shape: int) -> Tensor:
    """The answer as a finite tensor of this shape, or an AssertionError."""
    import torch  # here, because pages load this file without it

    assert isinstance(answer, torch.Tensor), f"Expected a tensor, got {type(answer).__name__}."
    assert tuple(answer.shape) == shape, f"Expected the shape {shape}, got {tuple(answer.shape)}."
    assert torch.isfinite(answer).all(), "There are values that are not finite."
    return answer
