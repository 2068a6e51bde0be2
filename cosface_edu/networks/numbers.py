"""The numbers that a network computes in: float32, or float16 after `.half()`."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def dtype_of(network: nn.Module | Callable[..., Any]) -> torch.dtype | None:
    """The kind of numbers that a network's weights are, by the first of them.

    Args:
        network: a network, or any other callable.

    Returns:
        The kind; None for what has no weights, and for other callables.
    """
    parameters = network.parameters() if isinstance(network, nn.Module) else iter(())
    return next((parameter.dtype for parameter in parameters if parameter.is_floating_point()), None)
