"""Faces in folders, one folder an identity: the shape in which CASIA-WebFace is handed on."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from .images import IMAGE_SUFFIXES, BrokenImage, fit, read_image, to_float

#: The identities of CASIA-WebFace that SphereFace removed because they are in LFW too: 10,575 become 10,572.
LFW_OVERLAP = ("0166921", "1056413", "1193098")
#: A longer list, matched by name, with the three above in it.
LFW_OVERLAP_BY_NAME = (
    *("0000513", "0004539", "0004763", "0005009", "0005082", "0005172", "0166921", "0208962", "0430107"),
    *("0662519", "0955471", "1056413", "1091782", "1193098", "1303492", "2425974", "3478560"),
)


class FolderDataset(Dataset[tuple[Tensor, int]]):
    """Aligned crops under `root/identity/picture`, identities in alphabetical order.

    Attributes:
        names: identity names; a label is an index into them.
        labels: (N,) int64.
        num_classes: how many identities.
        excluded: identities found but left out, because they are named in `exclude`.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        size: tuple[int, int] = (112, 96),
        exclude: Iterable[str] = LFW_OVERLAP,
        on_broken: Literal["fail", "skip"] = "fail",
    ) -> None:
        """List the pictures; none is opened yet.

        Args:
            root: the folder of identity folders.
            size: (height, width) of the images handed out; larger crops are cut about the centre, see `fit`.
            exclude: identity folders to leave out. By default CASIA's overlap with LFW: training on people that
                are tested on would be cheating. Names that are not there do no harm.
            on_broken: a picture that cannot be decoded raises ('fail'), or the next whole picture of the same
                identity stands in for it and a warning names it ('skip'). Evaluation must use 'fail'.

        Raises:
            FileNotFoundError: no such folder, or no identity folder with a picture in it.
        """
        self.root, self.size, self.on_broken = Path(root), size, on_broken
        if on_broken not in ("fail", "skip"):
            raise ValueError(f"on_broken={on_broken!r}: choose 'fail' or 'skip'")
        if not self.root.is_dir():
            raise FileNotFoundError(f"{self.root}: no such folder; see data/README.md for what goes where")
        exclude = frozenset(exclude)
        found = sorted(entry.name for entry in os.scandir(self.root) if entry.is_dir())
        self.excluded = [name for name in found if name in exclude]
        self.names: list[str] = []
        files: list[str] = []
        counts: list[int] = []
        for name in found:
            pictures = [] if name in exclude else image_files(self.root / name)
            if pictures:
                self.names.append(name)
                files += pictures
                counts.append(len(pictures))
        if not files:
            raise FileNotFoundError(
                f"{self.root}: no pictures in identity folders (wanted {self.root}/NAME/picture.jpg); "
                "the folder is empty or one level too high or too low"
            )
        # one numpy block, not half a million Python strings: forked workers then share it instead of copying it
        self._files = np.array(files)
        self.labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
        self._starts = np.concatenate([[0], np.cumsum(counts)])

    @property
    def num_classes(self) -> int:
        return len(self.names)

    def __len__(self) -> int:
        return len(self._files)

    def path(self, index: int) -> Path:
        """Where picture `index` lies."""
        return self.root / self.names[int(self.labels[index])] / str(self._files[index])

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        label = int(self.labels[index])
        return to_float(fit(self._read(index % len(self), label), self.size)), label

    def _read(self, index: int, label: int) -> Tensor:
        if self.on_broken == "fail":
            return read_image(self.path(index))
        start, count = int(self._starts[label]), int(self._starts[label + 1] - self._starts[label])
        for step in range(count):
            try:
                return read_image(self.path(start + (index - start + step) % count))
            except BrokenImage as error:
                warnings.warn(f"skipped {error}", stacklevel=3)
        raise BrokenImage(f"{self.root / self.names[label]}: not one of its {count} pictures can be decoded")


def image_files(folder: str | os.PathLike[str]) -> list[str]:
    """Names of the pictures in a folder, sorted; other files are left alone."""
    return sorted(
        e.name for e in os.scandir(folder) if e.name.lower().endswith(IMAGE_SUFFIXES) and not e.name.startswith(".")
    )
