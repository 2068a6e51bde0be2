"""Whether a picture of one data set is in another too, saved anew or not: it makes a test of the other too easy.

Two pictures are compared by their details: the picture as a network would get it, shrunk to 28×24 grey pixels, less its
own blurred self, less what all pictures of a set have in common, such as a frame. Copies are those whose details have
a cosine of `COPY` or more. Between sets of real faces that were made apart, 270 million pairs, those that had that much
were the same photographs; the next had 0.81. Each of 3,603 crops had more than 0.95 with itself as a JPEG of quality
30, at half its size and enlarged by nearest pixels. Moved by one pixel of 112×96 it may have less than `COPY`; a mirror
image, or the face cut out by another template, is not found. Nor are copies saved anew found in a set of hundreds of
pictures that are nearly one, such as the frames of a still clip: what all have in common is the face itself.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import normalize

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from .images import fit

COPY = 0.9
SMALL = (28, 24)  # the proportions of 112×96, to which `fit` cuts 112×112 as well
BLUR = 5  # pixels of the small picture; what lights and shadows share is wider, what JPEG spoils is finer
LEAST = 1.0  # grey levels, root mean square; faces have 3 to 30
FEW = 20  # of so many pictures or fewer the mean is rather their faces' than their frame's
GREY = (0.299, 0.587, 0.114)
BLOCK = 4096  # pictures compared at a time


def details(pixels: Tensor) -> Tensor:
    """What is left of a picture when it is saved anew, and of no other.

    Args:
        pixels: (3, H, W) uint8.

    Returns:
        (672,) float32 of length 1; zeros for a picture that has no details.
    """
    # a channel at a time: floats of a whole photograph would be four times its bytes
    small = torch.stack([weight * fit(c[None].float(), SMALL) for weight, c in zip(GREY, pixels, strict=True)]).sum(0)
    edge = BLUR // 2
    blurred = F.avg_pool2d(F.pad(small, (edge,) * 4, mode="replicate"), BLUR, stride=1)
    fine = (small - blurred).flatten()
    fine = fine - fine.mean()
    length = fine.norm()
    return fine / length if length >= LEAST * len(fine) ** 0.5 else torch.zeros_like(fine)


class Copy(NamedTuple):
    """A picture that two data sets have.

    Attributes:
        picture: what the one that was checked calls it: its path, or a file and a number.
        person: under whom it stands there: the folder's name or the label, '' where a set does not say.
        other: what the other calls it.
        other_person: under whom it stands in the other.
        alike: cosine of their details, 1 for the same pixels.

    Example:
        >>> from cosface_edu.data import Copy
        >>> Copy("people/anna/1.jpg", "anna", "lfw.bin: picture 7", "", 0.99).other
        'lfw.bin: picture 7'
    """

    picture: str
    person: str
    other: str
    other_person: str
    alike: float


@dataclass
class Shared:
    """What a data set shares with another.

    Attributes:
        path: the other.
        pictures: a line for each picture of the one that was checked which is in the other, with the one there that is
            most like it.
        met: how many of the other's pictures are among those of the one that was checked.
        ours: how many pictures of the one that was checked were compared.
        theirs: how many of the other.
        plain: how many of both have no details to be known by, and were not.
        people: names that people have in both, as the one and the other write them. Case, the writing of accents and
            underscores for spaces make no difference.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu import data
        >>> for folder in ("training/anna", "test/Anna"):
        ...     Path(folder).mkdir(parents=True)
        ...     Image.radial_gradient("L").save(f"{folder}/1.png")
        >>> shared = data.check("training", against=["test"]).shared[0]
        >>> len(shared.pictures), shared.met, shared.people
        (1, 1, [('anna', 'Anna')])
    """

    path: Path
    pictures: list[Copy] = field(default_factory=list)
    met: int = 0
    ours: int = 0
    theirs: int = 0
    plain: int = 0
    people: list[tuple[str, str]] = field(default_factory=list)


class Known(NamedTuple):
    """One picture of a data set, to be compared: what the set calls it, under whom it stands there, its `details`."""

    name: str
    person: str
    details: NDArray[np.float32]


class Comparison:
    """A data set whose pictures are sought in another: first all of its own are added, then the other's are met.

    Attributes:
        shared: what has been found so far.
    """

    def __init__(self, path: Path) -> None:
        self.shared = Shared(path)
        self._names: list[tuple[str, str]] = []  # and the person
        self._added: list[NDArray[np.float16]] = []
        self._met = np.zeros(0, np.bool_)

    def add(self, pictures: list[Known]) -> None:
        """Take in some of its pictures."""
        pictures = self._detailed(pictures)
        self.shared.theirs += len(pictures)
        self._names += [(picture.name, picture.person) for picture in pictures]
        self._added += [picture.details.astype(np.float16) for picture in pictures]

    def _detailed(self, pictures: list[Known]) -> list[Known]:
        detailed = [picture for picture in pictures if picture.details.any()]
        self.shared.plain += len(pictures) - len(detailed)
        return detailed

    @cached_property
    def _common(self) -> NDArray[np.float32]:
        """What all its pictures have in common, (672,)."""
        total = np.zeros(SMALL[0] * SMALL[1], np.float32)
        for row in self._added:
            total += row
        total /= len(self._added) + FEW
        return total

    @cached_property
    def _rows(self) -> NDArray[np.float16]:
        """Its pictures without what they have in common, (N, 672)."""
        rows = np.stack(self._added)
        for start in range(0, len(rows), BLOCK):
            rows[start : start + BLOCK] = self._own(rows[start : start + BLOCK])
        self._met = np.zeros(len(rows), np.bool_)
        return rows

    def _own(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        own = rows.astype(np.float32) - self._common
        return (own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-6)).astype(np.float32, copy=False)

    def meet(self, pictures: list[Known]) -> None:
        """Look which of another data set's pictures are among its own."""
        pictures = self._detailed(pictures)
        self.shared.ours += len(pictures)
        if not pictures or not self._added:
            return
        theirs, wanted = self._rows, self._own(np.stack([picture.details for picture in pictures]))  # (n, 672)
        nearest, alike = np.zeros(len(wanted), np.int64), np.full(len(wanted), -1.0, np.float32)
        for start in range(0, len(theirs), BLOCK):
            cosines = wanted @ theirs[start : start + BLOCK].astype(np.float32).T  # (n, BLOCK)
            self._met[start : start + BLOCK] |= (cosines >= COPY).any(axis=0)
            best = cosines.argmax(axis=1)
            cosine = cosines[np.arange(len(wanted)), best]
            nearest, alike = np.where(cosine > alike, best + start, nearest), np.maximum(alike, cosine)
        for picture, place, cosine in zip(pictures, nearest.tolist(), alike.tolist(), strict=True):
            if cosine >= COPY:
                self.shared.pictures.append(Copy(picture.name, picture.person, *self._names[place], min(cosine, 1.0)))
        self.shared.met = int(self._met.sum())


def written_alike(name: str) -> str:
    """A person's name without what is often written otherwise: case, accents as one character or two, underscores."""
    return re.sub(r"[\s_]+", " ", normalize("NFC", name)).strip().casefold()
