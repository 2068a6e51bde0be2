"""Which images make which step: a pure function of the seed and the step.

Nothing here has a state. The images of step t, their order and their augmentation follow from (seed, t) alone, so a
run that is killed and continued, or spread over more processes or workers, sees exactly the same data, and there is
no sampler whose state a checkpoint could forget.
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Self

import torch
from torch import Tensor
from torch.utils.data import Sampler

from cosface_edu import data
from cosface_edu.data import Faces, to_bytes, to_float
from cosface_edu.data.dataset import PictureDataset, people_of
from cosface_edu.data.draws import keys
from cosface_edu.data.images import BEFORE_ROWS
from cosface_edu.faces import FaceWorldDataset
from cosface_edu.faces.many import dataset_on

from .config import Config

HELD_OUT_SEED = 0  # the people kept for validation are the same whatever the run's seed: seeds can then be compared


def mix(*numbers: int) -> int:
    """One well-spread 63-bit number from several: seeds that differ in one place give unrelated generators."""
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = ((state ^ (number & 0xFFFFFFFFFFFFFFFF)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1


@lru_cache(maxsize=2)  # a step may span the end of one epoch and the start of the next
def _epoch(seed: int, epoch: int, size: int) -> Tensor:
    return torch.randperm(size, generator=torch.Generator().manual_seed(mix(seed, 1, epoch)))


def picks(seed: int, step: int, batch: int, size: int) -> Tensor:
    """The images of one step: a stream of shuffled epochs, cut into batches; none is dropped at an epoch's end.

    Args:
        seed: the run's.
        step: counted from 0.
        batch: images a step.
        size: images in the data set.

    Returns:
        (batch,) indices.
    """
    places = torch.arange(step * batch, (step + 1) * batch)
    epochs = torch.div(places, size, rounding_mode="floor")
    return torch.cat([_epoch(seed, e, size)[places[epochs == e] % size] for e in epochs.unique().tolist()])


def augmentation_keys(seed: int, step: int, images: Tensor) -> Tensor:
    """(B,) hashes that decide what happens to each image in a step, on the device of `images` (B,) int64."""
    return keys(seed, 2, step, images)


class Steps(Sampler[list[tuple[int, int]]]):
    """This process's part of every step from `first` on, in micro-batches of (image, key of its augmentation).

    Args:
        size: images in the data set.
        config: gives seed, batch and steps.
        first: the step to begin with.
        rank: this process.
        world: how many processes.
        parts: micro-batches a step.
    """

    def __init__(self, size: int, config: Config, first: int, rank: int, world: int, parts: int) -> None:
        self.size, self.config, self.first = size, config, first
        self.rank, self.world, self.parts = rank, world, parts

    def __len__(self) -> int:
        return (self.config.steps - self.first) * self.parts

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for step, images in self.tensors():
            yield list(zip(images.tolist(), augmentation_keys(self.config.seed, step, images).tolist(), strict=True))

    def tensors(self) -> Iterator[tuple[int, Tensor]]:
        """The step and the images (b,) of each micro-batch."""
        share = self.config.batch // (self.world * self.parts)
        for step in range(self.first, self.config.steps):
            images = picks(self.config.seed, step, self.config.batch, self.size)
            for part in range(self.parts):
                start = (part * self.world + self.rank) * share
                yield step, images[start : start + share]


def counted(labels: Tensor) -> Tensor:
    """(N,) labels that may serve as classes.

    Raises:
        ValueError: one is below 0. Some data sets mark people whom nobody could name so; they are not one person.
    """
    labels = torch.as_tensor(labels)
    if len(labels) and int(labels.min()) < 0:
        raise ValueError(
            f"{int((labels < 0).sum()):,} of {len(labels):,} labels are below 0 (the lowest is {int(labels.min())}); "
            "labels count people from 0: leave out the pictures of unknown people, or number each"
        )
    return labels


class Part:
    """The images of some people of a data set, their labels counted from 0.

    Args:
        faces: the whole data set.
        people: (C,) labels of the people; person `people[k]` becomes class k.
    """

    def __init__(self, faces: Faces, people: Tensor) -> None:
        self.faces, self.num_classes = faces, len(people)
        labels = counted(people_of(faces))
        self.images = torch.nonzero(torch.isin(labels, people))[:, 0]  # (n,)
        # looked up by order: a table up to the highest label is too long where labels are other people's numbers
        rising, classes = people.sort()
        self.labels = classes[torch.searchsorted(rising, labels[self.images])]  # (n,)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, int]]:
        """A batch at once, which a DataLoader asks for: FaceWorld draws many faces faster than one by one."""
        found = fetch(self.faces, self.images[indices].tolist())
        return [(image, label) for (image, _), label in zip(found, self.labels[indices].tolist(), strict=True)]

    def bytes(self, indices: list[int], into: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The same batch in bytes, straight from the decoder where the data set has one.

        Pictures that are decoded stay as the decoder lays them out, colours beside each other: to turn them into planes
        costs a processor a fifth of what decoding does; a GPU does it in passing.

        Args:
            indices: of the images.
            into: memory for the pixels, one row of bytes (at least `BEFORE_ROWS` + b·3·H·W,), of which they leave
                the first `BEFORE_ROWS` free; None: new memory.

        Returns:
            (b, H, W, 3) uint8 of pictures that are decoded, (b, 3, H, W) of others; labels (b,).
        """
        places, labels = self.images[indices].tolist(), self.labels[indices]

        def room(*shape: int) -> Tensor:
            end = BEFORE_ROWS + math.prod(shape)
            memory = torch.empty(end, dtype=torch.uint8) if into is None else into
            return memory[BEFORE_ROWS:end].view(shape)

        if isinstance(self.faces, PictureDataset):
            pixels = room(len(places), *self.faces.size, 3)
            for place, rows in zip(places, pixels.numpy(), strict=True):
                self.faces.fill(place, rows)
            return pixels, labels
        pixels = to_bytes(torch.stack([image for image, _ in fetch(self.faces, places)]))
        return pixels if into is None else room(*pixels.shape).copy_(pixels), labels


def fetch(faces: Faces, indices: list[int]) -> list[tuple[Tensor, int]]:
    """Several images, at once where the data set can.

    Raises:
        ValueError: they are of several sizes.
    """
    together = getattr(faces, "__getitems__", None)
    found: list[tuple[Tensor, int]] = together(indices) if together else [faces[index] for index in indices]
    for index, (image, _) in zip(indices, found, strict=True):
        if image.shape != found[0][0].shape:
            raise ValueError(
                f"image {index} of this {type(faces).__name__} is {tuple(image.shape)}, image {indices[0]} "
                f"{tuple(found[0][0].shape)}: all must be of the configuration's size; torchvision's Resize makes them "
                "so if it is given (height, width): with one number it keeps each picture's proportions"
            )
    return found


class InMemory:
    """A data set decoded once and kept as bytes: for small images and many epochs, or in a GPU's own memory.

    Args:
        faces: the data set.
        device: where the bytes are kept.
    """

    def __init__(self, faces: Faces, device: torch.device | str = "cpu") -> None:
        self.labels = people_of(faces)
        self.left_out = getattr(faces, "left_out", [])
        if isinstance(faces, FaceWorldDataset) and torch.device(device).type != "cpu":
            self.images = dataset_on(faces, device)  # (N, 3, H, W) uint8, drawn where it stays
            return
        blocks = torch.arange(len(faces)).split(64)
        self.images = torch.cat(
            [to_bytes(torch.stack([x for x, _ in fetch(faces, b.tolist())])).to(device) for b in blocks]
        )

    @classmethod
    def of(cls, images: Tensor, labels: Tensor) -> Self:
        """Pictures whose bytes are there already.

        Args:
            images: (N, 3, H, W) uint8.
            labels: (N,) whose they are.
        """
        kept = cls.__new__(cls)
        kept.images, kept.labels, kept.left_out = images, labels, []
        return kept

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return to_float(self.images[index]), int(self.labels[index])

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, int]]:
        """A batch at once: one look-up, whatever memory the bytes are in."""
        images = to_float(self.images[torch.as_tensor(indices, device=self.images.device)])
        return list(zip(images, self.labels[indices].tolist(), strict=True))


def open_faces(config: Config, device: torch.device | str = "cpu") -> Faces:
    """The data set that a configuration names; one that is to be in memory is kept in that of `device`."""
    away = torch.device(device).type != "cpu"
    drawn = {"identities": config.identities, "per_identity": config.per_identity, "seed": config.world_seed}
    faces: Faces = data.open(config.data, config.size, yields="people", on_broken="skip", **drawn)
    if isinstance(faces, FaceWorldDataset) and not away:
        return faces  # it keeps what it drew by itself
    return InMemory(faces, device) if config.in_memory else faces


def hold_out(labels: Tensor, people: int) -> tuple[Tensor, Tensor]:
    """Set people aside for validation.

    Args:
        labels: (N,) of all images.
        people: how many.

    Returns:
        Labels to train on and labels held out, both ascending.

    Raises:
        ValueError: if fewer than two people would be left to train on, or a label is no number of a person.
    """
    everyone = counted(labels).unique()
    if len(everyone) < 2:
        raise ValueError(f"the data show {len(everyone)} people: two at least are needed, to be told apart")
    if people and len(everyone) - people < 2:
        raise ValueError(f"held_out={people} leaves fewer than two of {len(everyone)} people to train on")
    order = torch.randperm(len(everyone), generator=torch.Generator().manual_seed(HELD_OUT_SEED))
    return everyone[order[people:]].sort().values, everyone[order[:people]].sort().values
