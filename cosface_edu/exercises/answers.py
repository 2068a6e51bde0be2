"""What kind of thing an answer is: asked first, so that a wrong kind gets a plain sentence and not an error."""

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

import torch
from torch import Tensor


def number(answer: object, low: float = -math.inf, high: float = math.inf) -> float:
    """The answer as a finite float between low and high, or an AssertionError that says what was expected."""
    assert isinstance(answer, Real), "Answer with a number."
    value = float(answer)
    assert math.isfinite(value), "Answer with a finite number."
    assert low <= value <= high, f"{value:g} cannot be: the answer lies between {low:g} and {high:g}."
    return value


def function(answer: object) -> Callable[..., Any]:
    """The answer as a function, or an AssertionError."""
    assert callable(answer), "Answer with a function."
    return answer


def tensor(answer: object, *shape: int) -> Tensor:
    """The answer as a finite tensor of this shape, or an AssertionError."""
    assert isinstance(answer, Tensor), f"Expected a tensor, got {type(answer).__name__}."
    assert tuple(answer.shape) == shape, f"Expected the shape {shape}, got {tuple(answer.shape)}."
    assert torch.isfinite(answer).all(), "There are values that are not finite."
    return answer
