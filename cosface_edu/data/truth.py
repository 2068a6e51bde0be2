"""Same person or not: labels as people write them, and pairs dealt to folds."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_WORDS = {"1": 1, "0": 0, "-1": -1, "true": 1, "false": 0}


def truths(values: Any) -> NDArray[np.bool_]:
    """Whether each pair is genuine, by the labels' values and not by their being something.

    Args:
        values: (P,) booleans; numbers or their texts, 1 for the same person and 0 or −1 for two people. (P, 1) serves
            too.

    Returns:
        (P,) booleans.

    Raises:
        ValueError: any other value, or 0 and −1 side by side.
    """
    array = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype == bool:
        return array
    if array.dtype.kind in "iuf":
        found = np.unique(array).tolist()
        numbers = array
    else:
        found = sorted({_number(value) for value in array.ravel().tolist()}, key=str)
        numbers = np.array([_number(value) for value in array.ravel().tolist()], dtype=object).reshape(array.shape)
    if not set(found) <= {0, 1} and not set(found) <= {-1, 1}:
        shown = ", ".join(repr(value) for value in found[:5])
        raise ValueError(
            f"labels of pairs are true or false, 1 or 0, or 1 or -1; got {shown}{', …'[: 3 * (len(found) > 5)]}"
        )
    return np.asarray(numbers == 1, dtype=bool)


def _number(value: Any) -> Any:
    """A label's number, or the label itself where it has none."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower(), value)
    return int(value) if isinstance(value, bool | np.bool_) else value


def deal(same: Tensor, folds: int) -> Tensor:
    """Fold numbers of pairs that come without any.

    Runs of equal length, as the makers of such files mean it: each of lfw.bin's holds as many genuine as impostor
    pairs. Where a run lacks a kind the pairs are sorted by it, a threshold would be chosen on the wrong mixture, and
    each kind is cut into runs by itself.

    Args:
        same: (P,) bool.
        folds: how many.

    Returns:
        (P,) int64, from 0.
    """
    if not sorted_by_kind(same, folds):
        return torch.arange(len(same)) * folds // len(same)
    fold = torch.empty(len(same), dtype=torch.int64)
    for kind in (same, ~same):
        count = int(kind.sum())
        fold[kind] = torch.arange(count) * folds // count
    return fold


def sorted_by_kind(same: Tensor, folds: int) -> bool:
    """Whether a run of a `folds`-th of the pairs has less than half of its share of genuine or of impostor pairs."""
    run = torch.arange(len(same)) * folds // len(same)
    kinds = torch.stack([run[same].bincount(minlength=folds), run[~same].bincount(minlength=folds)])  # (2, folds)
    share = kinds.sum(1, keepdim=True) / folds
    return bool((kinds < share / 2).any()) and bool((kinds.sum(1) > 0).all())
