"""From the data set to the device: what each step eats, as floats with their augmentation, ready for the network.

On a processor pictures are augmented where they are decoded, in the worker processes. A GPU is sent bytes, a quarter
of the transfer, while it computes (`ahead`), and flips, shifts, colours, covers and normalises whole batches itself; a
data set kept in its memory (`Config.in_memory`) is only pointed into, and one kept in the host's needs no worker. All
four ways make the same batches: what happens to a picture is a hash of (seed, step, picture), computed alike on every
device. Nothing here waits for the GPU.

What workers read goes into memory that they share with the process that trains, made once (`Slots`). New shared memory
for each batch, as a loader makes it, has to be given by the system page by page, to the worker and again to the process
that trains; and that process takes from all workers. A worker that is free reads the next batch, and batches are taken
in their order: dealt in turn, the slowest would set the pace of all.
"""

import math
import random
import time
from collections.abc import Iterator
from multiprocessing import parent_process
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch._utils import ExceptionWrapper  # what a loader sends an error by
from torch.utils.data import DataLoader, Dataset, get_worker_info

from cosface_edu.data import Augment, normalise, to_float
from cosface_edu.data.dataset import leave_ctrl_c
from cosface_edu.data.images import BEFORE_ROWS

from .ahead import BUFFERS, Piece, ahead, lane
from .batches import InMemory, Part, Steps, augmentation_keys, mix
from .config import Config

_EACH_AHEAD = 2  # batches that a worker reads before they are asked for
_PAUSE = 0.001  # seconds between two looks for a free place
_OVER = 2**62  # no run has so many batches
_LINE = 64  # bytes that a processor's cache holds together: no two places have one in common


def _draw_as(*key: int) -> None:
    """In a worker: what somebody's own data set draws is the batch's own, whoever reads it and in whichever run.

    A loader seeds its workers by their numbers alone, and so each seed, process and continued run would draw the same.
    """
    seed = mix(*key)
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


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
        if get_worker_info() is not None:
            _draw_as(4, *(key for _, key in picks))  # hashes of seed, step and picture
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
Place = tuple[int, tuple[int, ...], np.ndarray, np.ndarray]
Filled = tuple[int, Place | ExceptionWrapper]


class Slots(Dataset[Filled]):
    """Bytes that are written where the process that trains can see them.

    Each worker has places of its own: a page of shared memory has to be made known to every process that writes to it,
    at its first writing. A batch that is not yet asked for keeps its place, and a worker without a free one waits: so
    none is further ahead than its places. With `BUFFERS` + 1 or more it never waits for a batch of its own.

    Args:
        faces: the training part.
        batch: images of each.
        size: (height, width).
        workers: processes that read.
        each: places of each.
        seed: of what somebody's own data set draws: the same for the same batch, whoever reads it.
    """

    def __init__(self, faces: Part, batch: int, size: tuple[int, int], workers: int, each: int, seed: int) -> None:
        self.faces, self.each, self.seed = faces, each, seed
        room = math.ceil((BEFORE_ROWS + batch * 3 * size[0] * size[1]) / _LINE) * _LINE
        self.memory = torch.empty(workers * each, room, dtype=torch.uint8).share_memory_()
        self.past = torch.zeros(1, dtype=torch.int64).share_memory_()  # batches before this one may be written over
        self._held: dict[int, int] = {}  # in a worker: the batch in each of its places

    def __getitems__(self, order: Order) -> Filled:
        """Fill a place: the batch; the place, the shape of its pixels, labels (b,) and keys (b,), all easily sent.

        An error is sent as well, and raised when the batch is asked for: those before it are good.
        """
        batch, picks = order
        place = self._free()
        self._held[place] = batch
        _draw_as(self.seed, batch)
        try:
            pixels, labels = self.faces.bytes([index for index, _ in picks], self.memory[place])
        except Exception:
            return batch, ExceptionWrapper(where=f"in a process that reads, at batch {batch}")
        return batch, (place, tuple(pixels.shape), labels.numpy(), np.array([key for _, key in picks]))

    def _free(self) -> int:
        """A place of this worker's, as soon as one may be written over; where all is over, the worker ends."""
        worker, trains = get_worker_info(), parent_process()
        assert worker is not None
        assert trains is not None
        while True:
            past = self.past.item()
            if past == _OVER:
                raise SystemExit
            for place in range(worker.id * self.each, (worker.id + 1) * self.each):
                if place not in self._held or self._held[place] < past:
                    return place
            if not trains.is_alive():  # it was killed, and will not ask
                raise SystemExit
            time.sleep(_PAUSE)

    def in_order(self, found: Iterator[Filled], batch: int) -> Iterator[list[Piece]]:
        """What workers filled, as one after the other is asked for; `BUFFERS` before it may still be copied.

        Args:
            found: as they come.
            batch: the first.
        """
        early: dict[int, Place | ExceptionWrapper] = {}
        try:
            while True:
                self.past.fill_(batch - BUFFERS)
                while batch not in early:
                    if (one := next(found, None)) is None:
                        return
                    early[one[0]] = one[1]
                filled = early.pop(batch)
                if isinstance(filled, ExceptionWrapper):
                    filled.reraise()
                else:
                    yield self._pieces(*filled)
                batch += 1
        finally:
            self.past.fill_(_OVER)  # nobody is to wait for a place any more, nor to write where a copy is under way

    def _pieces(self, place: int, shape: tuple[int, ...], labels: np.ndarray, keys: np.ndarray) -> list[Piece]:
        pixels = self.memory[place, BEFORE_ROWS : BEFORE_ROWS + math.prod(shape)].view(shape)
        return [(pixels, None), (torch.from_numpy(labels), None), (torch.from_numpy(keys), None)]


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
        yield from DataLoader(
            Augmented(training, augment),
            batch_sampler=steps,
            num_workers=workers,
            worker_init_fn=leave_ctrl_c,
            generator=own,
        )
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
    config, first = steps.config, steps.first * steps.parts
    # w workers that each read p ahead, the one that is looked at, and those that are still copied
    each = _EACH_AHEAD + math.ceil((1 + BUFFERS) / workers)
    share = config.batch // (steps.world * steps.parts)
    slots = Slots(training, share, config.size, workers, each, mix(config.seed, 4, steps.rank))
    loader = DataLoader(
        slots,
        batch_sampler=enumerate(steps, first),  # type: ignore[arg-type]  # a loader hands over whatever it yields
        num_workers=workers,
        worker_init_fn=leave_ctrl_c,
        prefetch_factor=_EACH_AHEAD,
        in_order=False,
        generator=own,
        collate_fn=_whole,
    )
    return slots.in_order(iter(loader), first), slots.memory
