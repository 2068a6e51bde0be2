"""Whose a face is: by number, or by name."""

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from .arrays import as_tensor


def numbered(*labels: ArrayLike | Tensor, device: torch.device) -> list[Tensor]:
    """Labels as numbers: numbers as they are, names by their place in the sorted list of all names given.

    Args:
        *labels: each (n,) numbers or names; what has the same name gets the same number in all of them.
        device: where to.

    Returns:
        Each (n,), in the order given.
    """
    given = [each if isinstance(each, Tensor) else np.asarray(each) for each in labels]
    if any(isinstance(each, np.ndarray) and each.dtype.kind in "USO" for each in given):
        names = [each.cpu().numpy() if isinstance(each, Tensor) else each for each in given]
        places = np.unique(np.concatenate(names), return_inverse=True)[1]
        return [as_tensor(each, device) for each in np.split(places, np.cumsum([len(each) for each in names])[:-1])]
    return [as_tensor(each, device) for each in given]


def check_one_each(labels: Tensor, features: Tensor, name: str) -> None:
    """There must be one label for each embedding.

    Raises:
        ValueError: otherwise; the message says how many there are of both.
    """
    if labels.shape != (len(features),):
        shape = tuple(labels.shape)
        raise ValueError(f"one label for each embedding: {name} has {len(features)}, and labels of shape {shape}")
