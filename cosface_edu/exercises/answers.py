"""What kind of thing an answer is: asked first, so that a wrong kind gets a plain sentence and not an error."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Complex, Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


def number(answer: object, low: float = -math.inf, high: float = math.inf, may_be_nan: bool = False) -> float:
    """The answer as a finite float between low and high, or an AssertionError that says what was expected."""
    answer = _alone(answer)
    assert isinstance(answer, Real), "Answer with a number."
    value = float(answer)
    if may_be_nan and math.isnan(value):
        return value
    assert math.isfinite(value), "Answer with a finite number."
    assert low <= value <= high, f"{value:g} cannot be: the answer lies between {low:g} and {high:g}."
    return value


def complex_number(answer: object) -> complex:
    """The answer as a complex number, or an AssertionError."""
    answer = _alone(answer)
    assert isinstance(answer, Complex), f"Expected a complex number, got {type(answer).__name__}."
    return complex(answer)


def close(given: float, right: float) -> bool:
    """Whether a number is right to within what float32 loses: a millionth, of itself where it is larger than 1."""
    return abs(given - right) <= 1e-6 * max(1, abs(right))


def large(function: Callable[..., Any], *given: object, advice: str) -> float:
    """What a function gives where an exponential overflows unless something is taken out of it.

    Args:
        function: the reader's, right for smaller numbers.
        given: what it is called with.
        advice: what to say where it overflows: `math` raises there, NumPy and torch give infinity or NaN.
    """
    try:
        said = _alone(function(*given))
    except (OverflowError, ValueError):
        raise AssertionError(advice) from None
    assert not isinstance(said, Real) or math.isfinite(said), advice
    return number(said)


def told(right: complex, given: complex, form: str) -> tuple[str, str]:
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


def parts(answer: object, n: int, what: str) -> list[Any]:
    """The answer as a list of n things, or an AssertionError; an array or a tensor is a list, too."""
    if hasattr(answer, "tolist"):
        answer = answer.tolist()
    assert isinstance(answer, list | tuple), f"Expected a list of {n} {what}, got {type(answer).__name__}."
    assert len(answer) == n, f"Expected {n} {what}, got {len(answer)}."
    return list(answer)


def numbers(answer: object, n: int) -> list[float]:
    """The answer as a list of n finite floats, or an AssertionError."""
    return [number(value) for value in parts(answer, n, "numbers")]


def table(answer: object, rows: int, columns: int) -> list[list[float]]:
    """The answer as a list of rows of finite floats, or an AssertionError."""
    return [numbers(row, columns) for row in parts(answer, rows, "rows")]


def function(answer: object) -> Callable[..., Any]:
    """The answer as a function that says so where it returned None, or an AssertionError."""
    assert callable(answer), "Answer with a function: its name alone, without brackets behind it."

    def returning(*given: object) -> Any:
        got = answer(*given)
        assert got is not None, "The function returned None: `print` shows a value, `return` hands it back."
        return got

    return returning


def tensor(answer: object, *shape: int) -> Tensor:
    """The answer as a finite tensor of this shape, or an AssertionError."""
    import torch  # here, because pages load this file without it

    assert isinstance(answer, torch.Tensor), f"Expected a tensor, got {type(answer).__name__}."
    assert tuple(answer.shape) == shape, f"Expected the shape {shape}, got {tuple(answer.shape)}."
    assert torch.isfinite(answer).all(), "There are values that are not finite."
    return answer


def _alone(answer: object) -> object:
    """The number that an array or a tensor holds alone; anything else as it is."""
    try:
        return answer.item()  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ValueError, RuntimeError):  # no array, or one of several numbers
        return answer
