"""Which images make which step: a pure function of the seed and the step.

Nothing here has a state. The images of step t, their order and their augmentation follow from (seed, t) alone, so a
run that is killed and continued, or spread over more processes or workers, sees exactly the same data, and there is
no sampler whose state a checkpoint could forget.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from cosface_edu.data import Augment, FaceWorldDataset, FolderDataset, RecordDataset, to_bytes, to_float

from .config import FACEWORLD, Config

HELD_OUT_SEED = 0  # the people kept for validation are the same whatever the run's seed: seeds can then be compared


class Faces(Protocol):
    """What the data room's data sets have in common."""

    labels: Tensor

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[Tensor, int]: ...


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


class Steps(Sampler[list[tuple[int, int]]]):
    """This process's part of every step from `first` on, in micro-batches of (image, seed of its augmentation).

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
        seed, batch = self.config.seed, self.config.batch
        share = batch // (self.world * self.parts)
        for step in range(self.first, self.config.steps):
            images = picks(seed, step, batch, self.size).tolist()
            for part in range(self.parts):
                start = (part * self.world + self.rank) * share
                yield [(images[i], mix(seed, 2, step, i)) for i in range(start, start + share)]


class TrainingFaces(Dataset[tuple[Tensor, int]]):
    """The training part of a data set: held-out people removed, the others' labels counted from 0, augmented.

    Args:
        faces: the whole data set.
        people: (C,) labels of the people to train on; person `people[k]` becomes class k.
        augment: applied to each image with its own generator, or None.
    """

    def __init__(self, faces: Faces, people: Tensor, augment: Augment | None) -> None:
        self.faces, self.augment = faces, augment
        self.num_classes = len(people)
        classes = torch.full((int(torch.as_tensor(faces.labels).max()) + 1,), -1)
        classes[people] = torch.arange(len(people))
        self.classes = classes[faces.labels]  # (N,) -1 for a held-out person's image
        self.images = torch.nonzero(self.classes >= 0)[:, 0]  # (n,)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, pick: tuple[int, int]) -> tuple[Tensor, int]:
        return self.__getitems__([pick])[0]

    def __getitems__(self, picks: list[tuple[int, int]]) -> list[tuple[Tensor, int]]:
        """A micro-batch at once, which a DataLoader asks for: FaceWorld draws many faces faster than one by one."""
        places = [int(self.images[index]) for index, _ in picks]
        together = getattr(self.faces, "__getitems__", None)
        found = together(places) if together else [self.faces[place] for place in places]
        examples = []
        for (index, seed), (image, _) in zip(picks, found, strict=True):
            if self.augment:
                image = self.augment(image, torch.Generator().manual_seed(seed))
            examples.append((image, int(self.classes[self.images[index]])))
        return examples


class InMemory:
    """A data set decoded once and kept as bytes: for small images and many epochs."""

    def __init__(self, faces: Faces) -> None:
        self.labels = torch.as_tensor(faces.labels)
        together = getattr(faces, "__getitems__", lambda places: [faces[place] for place in places])
        blocks = torch.arange(len(faces)).split(64)
        self.images = torch.cat([to_bytes(torch.stack([x for x, _ in together(block.tolist())])) for block in blocks])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return to_float(self.images[index]), int(self.labels[index])


def open_faces(config: Config) -> Faces:
    """The data set that a configuration names."""
    if config.data == FACEWORLD:
        return FaceWorldDataset(config.identities, config.per_identity, config.size, seed=config.world_seed)
    if config.data.endswith(".rec"):
        faces: Faces = RecordDataset(config.data, config.size, on_broken="skip")
    else:
        faces = FolderDataset(config.data, config.size, on_broken="skip")
    return InMemory(faces) if config.in_memory else faces


def hold_out(labels: Tensor, people: int) -> tuple[Tensor, Tensor]:
    """Set people aside for validation.

    Args:
        labels: (N,) of all images.
        people: how many.

    Returns:
        Labels to train on and labels held out, both ascending.

    Raises:
        ValueError: if fewer than two people would be left to train on.
    """
    everyone = labels.unique()
    if people and len(everyone) - people < 2:
        raise ValueError(f"held_out={people} leaves fewer than two of {len(everyone)} people to train on")
    order = torch.randperm(len(everyone), generator=torch.Generator().manual_seed(HELD_OUT_SEED))
    return everyone[order[people:]].sort().values, everyone[order[:people]].sort().values


def draw_pairs(labels: Tensor, people: Sequence[int] | Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Pairs shaped like LFW's: half of the same person, half of two.

    Args:
        labels: (N,) of all images.
        people: whose images may be drawn.
        number: genuine pairs, and as many impostor pairs; fewer genuine ones if there are not as many.

    Returns:
        Index pairs (2·number, 2), and whether they are genuine (2·number,); both kinds alternate.

    Raises:
        ValueError: if nobody has two images, or there is only one person.
    """
    generator = torch.Generator().manual_seed(HELD_OUT_SEED)
    images = {int(p): torch.nonzero(labels == p)[:, 0].tolist() for p in people}
    genuine = [(own[i], own[j]) for own in images.values() for i in range(len(own)) for j in range(i)]
    if not genuine or len(images) < 2:
        raise ValueError("pairs for validation need two people, one of them with two images; hold out more people")
    kept = torch.randperm(len(genuine), generator=generator)[:number].tolist()
    same = [genuine[k] for k in kept]
    names = list(images)
    different: set[tuple[int, int]] = set()
    possible = (sum(map(len, images.values())) ** 2 - sum(len(own) ** 2 for own in images.values())) // 2
    while len(different) < min(len(same), possible):
        a, b = torch.randperm(len(names), generator=generator)[:2].tolist()
        first, second = (
            images[names[k]][int(torch.randint(len(images[names[k]]), (), generator=generator))] for k in (a, b)
        )
        different.add((max(first, second), min(first, second)))
    same = same[: len(different)]
    kinds = zip(same, sorted(different), strict=True)
    paired = torch.tensor([pair for both in kinds for pair in both])  # (2·number, 2)
    return paired, torch.tensor([True, False]).repeat(len(same))
