"""The embedded default as a data set: FaceWorld faces, of as many people as you ask for, aligned like the real ones."""

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from cosface_edu.data.dataset import OnBroken
from cosface_edu.data.formats import Format, register
from cosface_edu.data.images import to_bytes, to_float
from cosface_edu.data.report import CheckReport
from cosface_edu.faces.world import FaceWorld

# Faces drawn once are kept up to this many bytes (33,000 of 112×96); a larger data set draws the rest again each time.
KEEP_BYTES = 2**30


class FaceWorldDataset(Dataset[tuple[Tensor, int]]):
    """Aligned faces of identities `first … first + identities − 1` of one face world.

    Images are rounded to bytes, as if they came from disk. Two data sets over identities that do not overlap are an
    open-set split; images of the same people from another `start` are a closed-set one.

    Args:
        identities: how many people.
        per_identity: pictures of each.
        size: (height, width).
        seed: of the world.
        first: number of the first person.
        start: number of each person's first picture.

    Attributes:
        labels: (N,) int64, counted from 0 whatever `first` is.
        num_classes: how many identities.
    """

    def __init__(
        self,
        identities: int,
        per_identity: int,
        size: tuple[int, int] = (112, 96),
        seed: int = 0,
        first: int = 0,
        start: int = 0,
    ) -> None:
        """Name the faces; none is drawn yet.

        Args:
            identities: how many people.
            per_identity: pictures of each.
            size: (height, width).
            seed: which world; the same seed gives the same people.
            first: number of the first person.
            start: number of each person's first picture.
        """
        if identities < 1 or per_identity < 1:
            raise ValueError(f"wanted at least one face, got {identities} identities of {per_identity} pictures")
        self.world, self.size, self.first, self.start = FaceWorld(seed=seed), size, first, start
        self.num_classes, self.per_identity = identities, per_identity
        self.labels = torch.arange(identities).repeat_interleave(per_identity)
        self._kept: dict[int, Tensor] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Without the faces drawn so far: to a spawned worker each would go as a file of shared memory of its own."""
        return self.__dict__ | {"_kept": {}}

    def __len__(self) -> int:
        return self.num_classes * self.per_identity

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, int]]:
        """A batch at once, which is how a DataLoader asks and what the renderer is fast at."""
        indices = [range(len(self))[index] for index in indices]  # negative ones too; IndexError past the end
        faces = {index: self._kept[index] for index in indices if index in self._kept}
        wanted = torch.tensor([index for index in dict.fromkeys(indices) if index not in faces])
        if len(wanted):
            who, which = wanted // self.per_identity + self.first, wanted % self.per_identity + self.start
            drawn = dict(zip(wanted.tolist(), to_bytes(self.world.images(who, which, self.size)[0]), strict=True))
            faces |= drawn
            if (len(self._kept) + len(drawn)) * drawn[int(wanted[0])].numel() <= KEEP_BYTES:
                # clones: a row of a batch would keep the whole batch alive
                self._kept |= {index: face.clone() for index, face in drawn.items()}
        return [(to_float(faces[index]), index // self.per_identity) for index in indices]


def _open(
    source: str | os.PathLike[str], size: tuple[int, int], on_broken: OnBroken, settings: Mapping[str, Any]
) -> FaceWorldDataset:
    return FaceWorldDataset(**({"identities": 100, "per_identity": 16} | dict(settings)), size=size)


def _check(report: CheckReport, progress: bool) -> None:
    report.facts.append("drawn by a program when asked for: nothing on disk, nothing to be broken")


register(
    Format(
        "faceworld",
        recognise=lambda source: str(source) == "faceworld",
        open=_open,
        check=_check,
        yields="people",
        takes=("identities", "per_identity", "seed", "first", "start"),
    )
)
