"""The embedded default as a data set: FaceWorld faces, of as many people as you ask for, aligned like the real ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.data import Dataset

from .images import to_bytes, to_float


class FaceWorldDataset(Dataset[tuple[Tensor, int]]):
    """Aligned faces of identities `first … first + identities − 1` of one face world.

    An identity is drawn when first asked for and then kept as bytes: 112×96 faces take 32 KB each.
    Two data sets over identities that do not overlap are an open-set split.

    Attributes:
        labels: (N,) int64, counted from 0 whatever `first` is.
        num_classes: how many identities.
    """

    def __init__(
        self, identities: int, per_identity: int, size: tuple[int, int] = (112, 96), seed: int = 0, first: int = 0
    ) -> None:
        """Name the faces; none is drawn yet.

        Args:
            identities: how many people.
            per_identity: pictures of each.
            size: (height, width).
            seed: which world; the same seed gives the same people.
            first: the first person's number.
        """
        from cosface_edu.faces import FaceWorld

        if identities < 1 or per_identity < 1:
            raise ValueError(f"wanted at least one face, got {identities} identities of {per_identity} pictures")
        self.world, self.size, self.first = FaceWorld(seed=seed), size, first
        self.num_classes, self.per_identity = identities, per_identity
        self.labels = torch.arange(identities).repeat_interleave(per_identity)
        self._drawn: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self.labels)

    def identity(self, label: int) -> Tensor:
        """All pictures of one person, (per_identity, 3, H, W) uint8."""
        if label not in self._drawn:
            images, _ = self.world.sample(identity=self.first + label, n=self.per_identity, size=self.size)
            self._drawn[label] = to_bytes(images)
        return self._drawn[label]

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        label, picture = divmod(range(len(self))[index], self.per_identity)
        return to_float(self.identity(label)[picture]), label
