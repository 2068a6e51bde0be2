"""Arrays of NumPy as tensors, also those that PyTorch refuses as they lie."""

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor


def as_tensor(values: ArrayLike | Tensor, device: torch.device | None = None) -> Tensor:
    """A tensor, without a copy where that serves.

    Arrays are copied that run backwards, as `picture[:, ::-1]` does, that are stored in another order of bytes, or
    that must not be written to, as a memory-mapped file's.

    Args:
        values: numbers of any shape.
        device: where to; None for where they are.

    Returns:
        The same numbers in the same shape.
    """
    if isinstance(values, np.ndarray):
        values = np.require(values, values.dtype.newbyteorder("="), ["C", "W"])
    return torch.as_tensor(values, device=device)
