"""Where a function of one number jumps, told apart from where it is steep."""

from collections.abc import Callable

import torch
from torch import Tensor

from cosface_edu.exercises import answers

LEAST = 1e-4  # more than float32 rounds, less than anybody's mistake


def largest_jump(function: Callable[[Tensor], Tensor], points: Tensor) -> tuple[float, float]:
    """The largest jump of a function, and where it is.

    Each interval between two points is halved thirty times, towards the half in which the function changes more: what
    is steep changes by less and less, and a jump stays.

    Args:
        function: of a tensor, entry by entry.
        points: (n,) rising or falling, float64.

    Returns:
        Height of the jump, never below 0, and its place; of a continuous function nearly 0, and anywhere.
    """
    with torch.no_grad():
        left, right = points[:-1], points[1:]
        at_left, at_right = (answers.tensor(function(side), *side.shape) for side in (left, right))
        for _ in range(30):
            middle = (left + right) / 2
            at_middle = answers.tensor(function(middle), *middle.shape)
            first = (at_middle - at_left).abs() > (at_right - at_middle).abs()
            left, at_left = torch.where(first, left, middle), torch.where(first, at_left, at_middle)
            right, at_right = torch.where(first, middle, right), torch.where(first, at_middle, at_right)
    height, place = (at_right - at_left).abs().max(dim=0)
    return height.item(), left[place].item()
