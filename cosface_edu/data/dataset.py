"""What every data set of real pictures does: decode, fit to the network's input, and deal with broken pictures."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.utils.data import Dataset

from .images import BrokenImage, fit, to_float

OnBroken = Literal["fail", "skip"]


class Faces(Protocol):
    """What every data set of labelled faces has, from disk or drawn: all that training and evaluation ask of one."""

    @property
    def labels(self) -> Tensor: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Tensor, int]: ...


class PictureDataset(Dataset[tuple[Tensor, int]], ABC):
    """Pictures with labels; a subclass says how many there are and reads one.

    Attributes:
        labels: (N,) int64.
        size: (height, width) of the images handed out.
        on_broken: 'fail' or 'skip'.
    """

    labels: Tensor

    def __init__(self, size: tuple[int, int], on_broken: OnBroken) -> None:
        if on_broken not in ("fail", "skip"):
            raise ValueError(f"on_broken={on_broken!r}: choose 'fail' or 'skip'")
        self.size, self.on_broken = size, on_broken

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def read(self, index: int) -> tuple[Tensor, int]:
        """Picture `index` as it is stored, (3, H, W) uint8, and its label; BrokenImage if it cannot be decoded."""

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels, label = self.crop(index)
        return to_float(pixels), label

    def crop(self, index: int) -> tuple[Tensor, int]:
        """Picture `index` at the data set's size, still in bytes (3, height, width), and its label."""
        index = range(len(self))[index]  # negative ones too; IndexError past the end
        pixels, label = self.read(index) if self.on_broken == "fail" else self._next_whole(index)
        return fit(pixels, self.size), label

    def _next_whole(self, index: int) -> tuple[Tensor, int]:
        """The picture, or the next whole one of the same person: batches keep their size, labels stay right."""
        try:
            return self.read(index)
        except BrokenImage as error:
            warnings.warn(f"skipped {error}", stacklevel=3)
        same = torch.nonzero(self.labels == self.labels[index])[:, 0]
        for other in same.roll(-int(torch.searchsorted(same, index)))[1:].tolist():
            try:
                return self.read(other)
            except BrokenImage as error:
                warnings.warn(f"skipped {error}", stacklevel=3)
        raise BrokenImage(f"not one of the {len(same)} pictures of person {int(self.labels[index])} can be decoded")
