"""What every data set of real pictures does: decode, fit to the network's input, and deal with broken pictures."""

import signal
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar, TypeVarTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from .images import BrokenImage, decode, decode_into, fit, to_float

OVERSHOOT = 0.1  # beyond [0, 1], which some ways to resize a picture leave

OnBroken = Literal["fail", "skip"]
_Got = TypeVar("_Got")
_More = TypeVarTuple("_More")


class Faces(Protocol):
    """What every data set of labelled faces has, from disk or drawn: all that training and evaluation ask of one.

    Example:
        >>> from cosface_edu.faces import FaceWorldDataset
        >>> faces = FaceWorldDataset(identities=3, per_identity=2, size=(56, 48))
        >>> len(faces), faces.labels
        (6, tensor([0, 0, 1, 1, 2, 2]))
        >>> image, label = faces[5]
        >>> image.shape, label
        (torch.Size([3, 56, 48]), 2)
    """

    @property
    def labels(self) -> Tensor: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Tensor, int]: ...


def people_of(faces: Any) -> Tensor:
    """Whom each image of a data set shows, (N,) int64, for data sets of other libraries too.

    Args:
        faces: a data set with `labels`, or with `targets`, as torchvision calls them.

    Raises:
        TypeError: it has neither, or they are no whole numbers.
        ValueError: there are not as many as images.
    """
    labels = getattr(faces, "labels", None)
    labels = getattr(faces, "targets", None) if labels is None else labels
    if labels is None:
        raise TypeError(
            f"this {type(faces).__name__} says of no image whom it shows: give it `labels`, a whole number for each "
            "image (of a torch.utils.data.Subset: subset.labels = whole.labels[subset.indices])"
        )
    labels = torch.as_tensor(labels)
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool or labels.dim() != 1:
        raise TypeError(
            f"the labels of this {type(faces).__name__} are {tuple(labels.shape)} {labels.dtype}: wanted a whole "
            "number for each image"
        )
    if len(labels) != len(faces):
        raise ValueError(f"this {type(faces).__name__} has {len(faces):,} images and {len(labels):,} labels")
    return labels.long()


def first_image_fits(faces: Any, size: tuple[int, int]) -> None:
    """Look at one image of somebody's own data set before anything is trained on it.

    Args:
        faces: the data set.
        size: (height, width) that a network is to get.

    Raises:
        TypeError: it is no float tensor.
        ValueError: it is of another size, or not in [0, 1], or there is none.
    """
    if len(faces) == 0:
        raise ValueError(f"this {type(faces).__name__} has no images: two people at least are needed, to be told apart")
    image = faces[0][0]
    wanted = f"wanted float tensors (3, {size[0]}, {size[1]}) with values in [0, 1], RGB"
    if not isinstance(image, Tensor) or not image.is_floating_point():
        what = f"a tensor of {image.dtype}" if isinstance(image, Tensor) else f"of type {type(image).__name__}"
        raise TypeError(
            f"image 0 of this {type(faces).__name__} is {what}: {wanted}; torchvision's transforms make them of a "
            "picture: Compose([Resize(size), ToTensor()])"
        )
    if image.shape != (3, *size):
        raise ValueError(
            f"image 0 of this {type(faces).__name__} is {tuple(image.shape)}: {wanted}; change it, or the "
            "configuration's size"
        )
    if float(image.min()) < -OVERSHOOT or float(image.max()) > 1.0 + OVERSHOOT:
        raise ValueError(
            f"image 0 of this {type(faces).__name__} has values from {float(image.min()):.3g} to "
            f"{float(image.max()):.3g}: {wanted}; they are normalised later"
        )


def leave_ctrl_c(worker: int) -> None:
    """For a loader's `worker_init_fn`: Ctrl-C goes to the readers too, and their parent decides what becomes of them.

    A forked process has the handlers of the one that it was forked from. One that begins anew, as all do on macOS, on
    Windows and from Python 3.14 on, would end at once, and the batch that it reads with it. SIGTERM stays: a loader
    ends by it a reader that does not stop.

    Args:
        worker: its number.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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
        pixels, label = self._whole(index, self.read)
        return fit(pixels, self.size), label

    def fill(self, index: int, rows: np.ndarray) -> None:
        """Write picture `index` into memory: rows (height, width, 3) uint8, of the data set's size."""
        self._whole(index, self._write, rows)

    def _write(self, index: int, rows: np.ndarray) -> None:
        rows[:] = fit(self.read(index)[0], self.size).permute(1, 2, 0).numpy()  # (3, H, W) -> (H, W, 3)

    def _whole(self, index: int, get: Callable[[int, *_More], _Got], *more: *_More) -> _Got:
        """What `get` makes of a picture. Where another may stand in for a broken one, it is the next whole one of the
        same person: batches keep their size, labels stay right."""
        index = range(len(self))[index]  # negative ones too; IndexError past the end
        try:
            return get(index, *more)
        except BrokenImage as error:
            if self.on_broken == "fail":
                raise
            warnings.warn(f"skipped {error}", stacklevel=3)
        same = torch.nonzero(self.labels == self.labels[index])[:, 0]
        for other in same.roll(-int(torch.searchsorted(same, index)))[1:].tolist():
            try:
                return get(other, *more)
            except BrokenImage as error:
                warnings.warn(f"skipped {error}", stacklevel=3)
        raise BrokenImage(f"not one of the {len(same)} pictures of person {int(self.labels[index])} can be decoded")


class EncodedDataset(PictureDataset):
    """Pictures that lie in files, or as files within a file; a subclass fetches the bytes of one."""

    @abstractmethod
    def encoded(self, index: int) -> tuple[bytes | memoryview, int, str]:
        """The file of picture `index`, its label, and what an error calls it; BrokenImage if it cannot be fetched."""

    def person(self, label: int) -> str:
        """What the data set calls a person; '' where labels are of pictures, not of people."""
        return ""

    def read(self, index: int) -> tuple[Tensor, int]:
        data, label, name = self.encoded(index)
        return decode(data, name), label

    def _write(self, index: int, rows: np.ndarray) -> None:
        data, _, name = self.encoded(index)
        decode_into(data, rows, name)
