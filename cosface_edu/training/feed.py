"""From the data set to the device: what each step eats, as floats with their augmentation, ready for the network.

On a processor pictures are augmented where they are decoded, in the worker processes. A GPU is sent bytes, a quarter
of the transfer, while it computes (`ahead`), and flips, shifts, colours, covers and normalises whole batches itself; a
data set kept in its memory (`Config.in_memory`) is only pointed into, and one kept in the host's needs no worker. All
four ways make the same batches: what happens to a picture is a hash of (seed, step, picture), computed alike on every
device. Nothing here waits for the GPU.

What workers read goes into memory that they share with the process that trains, made once (`Slots`). New shared memory
for each batch, as a loader makes it, has to be given by the system page by page, to the worker and again to the process
that trains; and that process takes from all workers.
"""

import math
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from cosface_edu.data import Augment, normalise, to_float
from cosface_edu.data.images import BEFORE_ROWS

from .ahead import BUFFERS, Piece, ahead, lane
from .batches import InMemory, Part, Steps, augmentation_keys
from .config import Config

_EACH_AHEAD = 2  # batches that a worker reads before they are asked for
_LINE = 64  # bytes that a processor's cache holds together: no two places have one in common


class Augmented(Dataset[tuple[Tensor, int]]):
    """Faces to train on, each changed by its own key.

    Args:
        faces: the training part.
        augment: what may happen to an image.
    """

    def __init__(self, faces: Part, augment: Augment) -> None:
        self.faces, self.augment = faces, augment

    def __len__(self) -> int:
        return len(self.faces)

    def __getitems__(self, picks: list[tuple[int, int]]) -> list[tuple[Tensor, int]]:
        """A micro-batch of (image, key)."""
        found = self.faces.__getitems__([index for index, _ in picks])
        images = torch.stack([image for image, _ in found]).float()  # (b, 3, H, W); somebody's own may be doubles
        images = self.augment(images, torch.tensor([key for _, key in picks]))
        return list(zip(images, [label for _, label in found], strict=True))


class Bytes(Dataset[list[Tensor]]):
    """The same as they are, in bytes, with the keys: a GPU will change them. It hands out micro-batches only.

    Args:
        faces: the training part.
    """

    def __init__(self, faces: Part) -> None:
        self.faces = faces

    def __len__(self) -> int:
        return len(self.faces)

    def __getitems__(self, picks: list[tuple[int, int]]) -> list[Tensor]:
        """Pixels, labels (b,) and keys (b,) of a micro-batch of (image, key); pixels as `Part.bytes` lays them out."""
        pixels, labels = self.faces.bytes([index for index, _ in picks])
        return [pixels, labels, torch.tensor([key for _, key in picks])]


Order = tuple[int, list[tuple[int, int]]]
Filled = tuple[int, tuple[int, ...], np.ndarray, np.ndarray]


class Slots(Dataset[Filled]):
    """Bytes that are written where the process that trains can see them.

    A loader with w workers that each read p batches ahead has at most w·p on their way. With the one that is looked at
    and those that are still copied, `BUFFERS`, that makes w·p + 1 + `BUFFERS` places at least. They are taken in turn,
    and so are the workers: a multiple of w lets each write to its own few. A page of shared memory has to be made known
    to every process that writes to it, at its first writing.

    Args:
        faces: the training part.
        batch: images of each.
        size: (height, width).
        count: places.
    """

    def __init__(self, faces: Part, batch: int, size: tuple[int, int], count: int) -> None:
        self.faces = faces
        room = math.ceil((BEFORE_ROWS + batch * 3 * size[0] * size[1]) / _LINE) * _LINE
        self.memory = torch.empty(count, room, dtype=torch.uint8).share_memory_()

    def __getitems__(self, order: Order) -> Filled:
        """Fill a place: which, the shape of the pixels in it, labels (b,) and keys (b,), small enough to be sent."""
        place, picks = order
        pixels, labels = self.faces.bytes([index for index, _ in picks], self.memory[place])
        return place, tuple(pixels.shape), labels.numpy(), np.array([key for _, key in picks])

    def pieces(self, filled: Filled) -> list[Piece]:
        """What a worker filled, to be copied before the next is asked for."""
        place, shape, labels, keys = filled
        pixels = self.memory[place, BEFORE_ROWS : BEFORE_ROWS + math.prod(shape)].view(shape)
        return [(pixels, None), (torch.from_numpy(labels), None), (torch.from_numpy(keys), None)]


class Placed(Sampler[Order]):
    """Each step's images with the place that they go to, in turn.

    Args:
        steps: the images.
        count: places.
    """

    def __init__(self, steps: Steps, count: int) -> None:
        self.steps, self.count = steps, count

    def __iter__(self) -> Iterator[Order]:
        return zip(cycle(range(self.count)), self.steps, strict=False)


def _whole(batch: Any) -> Any:
    """A batch is one already."""
    return batch


def planes(pixels: Tensor) -> Tensor:
    """(b, 3, H, W), given as that or as (b, H, W, 3): no side of a picture is as short as 3, see `Config.size`."""
    return pixels.permute(0, 3, 1, 2) if pixels.shape[-1] == 3 else pixels


def resident(training: Part) -> bool:
    """Whether the pictures lie in a GPU's memory."""
    return isinstance(training.faces, InMemory) and training.faces.images.device.type != "cpu"


def feed(
    training: Part,
    config: Config,
    device: torch.device,
    first: int = 0,
    rank: int = 0,
    world: int = 1,
    parts: int = 1,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Every micro-batch from step `first` on.

    Args:
        training: the faces.
        config: gives seed, batch, steps, augmentation, workers and memory layout.
        device: where batches are wanted.
        first: the step to begin with.
        rank: this process.
        world: how many processes.
        parts: micro-batches a step.

    Yields:
        Normalised images (b, 3, H, W) and labels (b,) int64, on the device.
    """
    augment = Augment(flip=config.flip, crop=config.crop, colour=config.colour, occlude=config.occlude)
    steps = Steps(len(training), config, first, rank, world, parts)
    layout = torch.channels_last if config.channels_last else torch.contiguous_format
    for images, labels in _floats(training, augment, steps, device, config.workers):
        yield normalise(images).contiguous(memory_format=layout), labels


def _on_processor(device: torch.device) -> bool:
    return device.type == "cpu"


def _floats(
    training: Part, augment: Augment, steps: Steps, device: torch.device, workers: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Augmented images in [0, 1] and their labels."""
    own = torch.Generator().manual_seed(0)  # a loader seeds its workers: not from the generator that dropout draws from
    if _on_processor(device):
        yield from DataLoader(Augmented(training, augment), batch_sampler=steps, num_workers=workers, generator=own)
        return
    if resident(training):
        pixels, places = training.faces.images, training.images.to(device)  # type: ignore[attr-defined]
        all_labels, seed = training.labels.to(device), steps.config.seed
        for step, images in steps.tensors():
            picked = images.to(device, non_blocking=True)  # (b,)
            changed = augment(to_float(pixels[places[picked]]), augmentation_keys(seed, step, picked))
            yield changed, all_labels[picked]
        return
    if not workers and not isinstance(training.faces, InMemory):
        # read by this very thread: somebody's own data set may draw from the generator that the loop has seeded
        for batch in DataLoader(Bytes(training), batch_sampler=steps, generator=own, collate_fn=_whole):
            pixels, labels, keys = (tensor.to(device) for tensor in batch)
            yield augment(to_float(planes(pixels)), keys), labels
        return
    if isinstance(training.faces, InMemory):
        sent = ahead(_picked(training, steps), lane(device))
    else:
        waiting, memory = _read(training, steps, workers, own)
        sent = ahead(waiting, lane(device), memory)
    for pixels, labels, keys in sent:
        yield augment(to_float(planes(pixels)), keys), labels


def _picked(training: Part, steps: Steps) -> Iterator[list[Piece]]:
    """Batches of a data set whose bytes lie in the host's memory: which rows of them, nothing is copied yet."""
    pixels: Tensor = training.faces.images  # type: ignore[attr-defined]
    for step, images in steps.tensors():
        keys = augmentation_keys(steps.config.seed, step, images)
        yield [(pixels, training.images[images]), (training.labels, images), (keys, None)]


def _read(training: Part, steps: Steps, workers: int, own: torch.Generator) -> tuple[Iterator[list[Piece]], Tensor]:
    """Batches that other processes read and decode, and the memory that they are in; the processes start here."""
    places = workers * (_EACH_AHEAD + math.ceil((1 + BUFFERS) / workers))
    config = steps.config
    slots = Slots(training, config.batch // (steps.world * steps.parts), config.size, places)
    loader = DataLoader(
        slots,
        batch_sampler=Placed(steps, places),  # type: ignore[arg-type]  # a loader hands over whatever it yields
        num_workers=workers,
        prefetch_factor=_EACH_AHEAD,
        generator=own,
        collate_fn=_whole,
    )
    return map(slots.pieces, iter(loader)), slots.memory
