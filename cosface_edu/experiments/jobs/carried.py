"""What carries over from a drawn world to photographs, and what limits it: one change at a time, judged on real faces.

Every run is the base with one thing changed: whom it sees, what varies between the pictures, what is done to them, the
loss. The base is as many drawn people as there are real ones, and as many pictures; all take the same number of steps
unless their name says otherwise, and no run but those with photographs in their names sees one. It reads what the job
`faces` reads, see `photographs`.
"""

import base64
import copy
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cosface_edu import data, evaluation, networks
from cosface_edu.data.augment import GREY
from cosface_edu.evaluation import Verification
from cosface_edu.faces import FaceWorld, many
from cosface_edu.training import Config, train
from cosface_edu.training.batches import InMemory

from . import Job
from .drawn import CASIA
from .photographs import LISTS, configuration, figures, judges, photographs, verified
from .sweep import SIZE, Row, done, sweep

PEOPLE, PICTURES = 1010, 20  # celeba-1000 shows as many people, and 19.9 pictures of each
JUDGED_ON = "cfp-ff"
SEEDS = (0, 1, 2)
SAMPLES = 300  # of the bootstrap
GRAIN = 8.0  # byte steps, standard deviation
BLOCK = 4096  # pictures at once

#: What the world draws anew for every picture, and what colours a person, by `FaceWorld.shot` and `.traits`.
POSE = ("yaw", "pitch", "roll")
LIGHT = ("light_side", "light_up", "ambient", "diffuse", "warmth", "tint", "exposure", "gamma", "saturation")
EXPRESSION = ("smile", "open", "brows", "frown", "lids", "gaze_x", "gaze_y")
SURROUNDINGS = ("wall", "wall2", "wall_map", "cloth", "thing")
COLOURING = ("skin", "hair", "brow", "lip", "iris_colour", "freckles", "blush", "mole", "mole_x", "mole_y")


class Variant(NamedTuple):
    """One change of the base.

    Attributes:
        people: how many to train on.
        pictures: of each.
        names: what of the world is changed.
        factor: how far those values lie from their mean, in multiples of what the world draws.
        photographs: real people instead of drawn ones, or beside them.
        change: of the pictures: 'grey' and 'blurred', in training and in judging, or 'grain', in training.
        steps: times those of the base.
        config: what else is changed in the run.
    """

    people: int = PEOPLE
    pictures: int = PICTURES
    names: tuple[str, ...] = ()
    factor: float = 1.0
    photographs: str = "none"
    change: str = ""
    steps: int = 1
    config: Mapping[str, Any] = {}


BASE, UNTRAINED, STATISTICS = "base", "untrained", "statistics"
#: In the order in which they run: what is asked first comes first, so that a stop leaves the most.
VARIANTS: dict[str, Variant] = {
    BASE: Variant(),
    "photographs": Variant(photographs="instead"),
    "four times the people": Variant(people=4 * PEOPLE),
    "a quarter of the people": Variant(people=PEOPLE // 4),
    "a quarter of the pictures": Variant(pictures=PICTURES // 4),
    "no pose": Variant(names=POSE, factor=0.0),
    "no light": Variant(names=LIGHT, factor=0.0),
    "one colouring": Variant(names=COLOURING, factor=0.0),
    "plain": Variant(config={"crop": 0, "colour": 0.0, "occlude": 0.0}),
    "softmax": Variant(config={"loss": "softmax", "loss_options": {}}),
    "ten thousand people": Variant(*CASIA),
    "four times the steps": Variant(steps=4),
    "grain": Variant(change="grain"),
    "blurred": Variant(change="blurred"),
    "grey": Variant(change="grey"),
    "twice the pose": Variant(names=POSE, factor=2.0),
    "twice the light": Variant(names=LIGHT, factor=2.0),
    "no expression": Variant(names=EXPRESSION, factor=0.0),
    "one background": Variant(names=SURROUNDINGS, factor=0.0),
    "photographs too": Variant(photographs="beside"),
    "ten thousand people, four times the steps": Variant(*CASIA, steps=4),
}
TINY = 4, 4  # people and pictures


class Changed(FaceWorld):
    """A world in which some values lie nearer to their mean than they are drawn, or farther from it.

    Args:
        names: of `FaceWorld.shot` and `.traits`.
        factor: times the distance from the mean; 0 makes all alike.
        device: where numbers are drawn.
        people: over whose first picture the mean is taken.
    """

    def __init__(
        self, names: Sequence[str], factor: float, device: torch.device | str = "cpu", people: int = 1000
    ) -> None:
        super().__init__(seed=0, device=device)
        self.factor = factor
        everyone = torch.arange(people)
        drawn = super().traits(everyone) | super().shot(everyone, torch.zeros_like(everyone))
        self.middle = {name: drawn[name].mean(dim=0, keepdim=True) for name in names}

    def traits(self, identities: Sequence[int] | Tensor) -> dict[str, Tensor]:
        return self._spread(super().traits(identities))

    def shot(self, identities: Sequence[int] | Tensor, images: Sequence[int] | Tensor) -> dict[str, Tensor]:
        return self._spread(super().shot(identities, images))

    def _spread(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        moved = {
            name: middle + self.factor * (values[name] - middle)
            for name, middle in self.middle.items()
            if name in values
        }
        return values | moved


def run(job: Job) -> dict[str, Any]:
    """As long as the minutes allow; the next minutes go on. Every base comes before what is compared with it."""
    lists, real, people = judges(job), photographs(job), people_of_pairs()
    base = configuration(job, PEOPLE * PICTURES).replace(loss="cosface", loss_options={"s": 30.0, "m": 0.2})
    bases: dict[int, Row] = {}

    def known(rows: Sequence[Row]) -> list[tuple[Row, Config]]:
        bases.update({row["seed"]: row for row in rows if row["variant"] == BASE})
        return queue(base, rows, job.tiny)

    def judged(network: nn.Module, against: Row | None, change: str = "") -> Row:
        results = {name: verified(network, altered_pairs(pairs, change)) for name, pairs in lists.items()}
        row: Row = {name: figures(result) for name, result in results.items()}
        return row | compared(results[JUDGED_ON], against, people) | {"scores": packed(results[JUDGED_ON].scores)}

    def one(what: Row, config: Config) -> Row:
        variant = variants(job.tiny)[what["variant"]]
        faces = seen(job, variant, real)
        trained = train(config, faces=faces, say=lambda line: None)
        row: Row = {"known": trained.history[-1]["accuracy"], "steps": config.steps}
        if what["variant"] != BASE:
            row |= judged(trained.network, bases[what["seed"]], variant.change)
            row.pop("scores")  # those of the bases are kept, for the rows to come to be compared with
            return row
        row |= judged(trained.network, bases.get(SEEDS[0]))
        torch.manual_seed(config.seed)
        start = networks.create(config.network, embedding=config.embedding, size=SIZE).to(job.device)
        for name, network, pictures in ((UNTRAINED, start, faces), (STATISTICS, trained.network, real)):
            row[name] = judged(with_statistics_of(network, pictures.images), row)
            row[name].pop("scores")
        return row

    found: dict[str, Any] = {
        "data": {
            "source": "FaceWorld, world 0",
            "people": PEOPLE,
            "pictures": PEOPLE * PICTURES,
            "photographs": {"people": len(real.labels.unique()), "pictures": len(real)},
            "lists": list(LISTS),
        },
        "config": base.to_dict(),
    }
    return sweep(job, "carried", known, one, found)


def variants(tiny: bool) -> dict[str, Variant]:
    """All of them; small enough for a processor if so wished."""
    people, pictures = TINY
    few = {name: variant._replace(people=people, pictures=pictures) for name, variant in VARIANTS.items()}
    return few if tiny else VARIANTS


def queue(base: Config, rows: Sequence[Row], tiny: bool = False) -> list[tuple[Row, Config]]:
    """All runs that are known now: the bases, and what can be compared with one."""
    found: list[tuple[Row, Config]] = []
    for name, seed in [(BASE, seed) for seed in SEEDS] + [(name, seed) for seed in SEEDS for name in VARIANTS]:
        what = {"variant": name, "seed": seed}
        if (name == BASE or done(rows, {"variant": BASE, "seed": seed})) and what not in [item for item, _ in found]:
            variant = variants(tiny)[name]
            found.append((what, base.replace(seed=seed, steps=base.steps * variant.steps, **variant.config)))
    return found


def people_of_pairs() -> np.ndarray:
    """(n, 2) names of the people of each pair that the changes are judged on."""
    where, pairs = LISTS[JUDGED_ON]
    opened = evaluation.open_pairs(data.root() / where, data.root() / pairs, size=SIZE)
    names = np.array([path.parent.name for path in opened.images.paths])  # type: ignore[attr-defined]
    return np.stack([names[opened.first], names[opened.second]], axis=1)


def seen(job: Job, variant: Variant, real: InMemory) -> InMemory:
    """What a variant trains on."""
    faces = InMemory.of(real.images, real.labels)
    if variant.photographs != "instead":
        drawn = drawn_people(job.device, variant.people, variant.pictures, variant.names, variant.factor)
        labels = torch.arange(variant.people).repeat_interleave(variant.pictures)
        if variant.photographs == "beside":
            drawn, labels = torch.cat([drawn, real.images]), torch.cat([labels, real.labels + variant.people])
        faces = InMemory.of(drawn, labels)
    return InMemory.of(altered(faces.images, variant.change), faces.labels)


@lru_cache(maxsize=4)  # drawing takes as long as training: kept for the next seed where there is room
def drawn_people(device: torch.device, people: int, pictures: int, names: tuple[str, ...], factor: float) -> Tensor:
    """(people · pictures, 3, H, W) uint8 of a world in which some values are changed."""
    world = Changed(names, factor, device) if names else FaceWorld(seed=0, device=device)
    who, which = torch.arange(people).repeat_interleave(pictures), torch.arange(pictures).repeat(people)
    return many.drawn(world, who, which, SIZE)


def altered(images: Tensor, change: str) -> Tensor:
    """(N, 3, H, W) bytes, the colour, the fine detail or the smoothness taken from them.

    Args:
        images: (N, 3, H, W) uint8.
        change: 'grey', 'blurred', 'grain' or '' for none.
    """
    return torch.cat([_altered(block, change) for block in images.split(BLOCK)]) if change else images


def _altered(images: Tensor, change: str) -> Tensor:
    values = images.float()
    if change == "grey":
        values = (values * values.new_tensor(GREY)[:, None, None]).sum(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    elif change == "blurred":  # what a picture of half the size still shows
        small = F.interpolate(values, scale_factor=0.5, mode="area")
        values = F.interpolate(small, size=images.shape[-2:], mode="bilinear")
    else:
        draw = torch.Generator(images.device).manual_seed(0)
        values = values + GRAIN * torch.randn(values.shape, generator=draw, device=images.device)
    return values.round().clamp(0, 255).to(torch.uint8)


def altered_pairs(pairs: data.Pairs, change: str) -> data.Pairs:
    """Pairs as a network must see them that was trained without colour or detail; grain is put into training only."""
    if change not in ("grey", "blurred"):
        return pairs
    images: Tensor = pairs.images.images  # type: ignore[attr-defined]
    kept = InMemory.of(altered(images, change), pairs.images.labels)  # type: ignore[attr-defined]
    return data.Pairs(kept, pairs.first, pairs.second, pairs.same, pairs.fold)


def with_statistics_of(network: nn.Module, images: Tensor) -> nn.Module:
    """A copy whose batch normalisation has the means and variances of these pictures, (N, 3, H, W) uint8."""
    network = copy.deepcopy(network).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the mean over all batches
            module.train()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))  # else a batch is of few people
    with torch.no_grad():
        for rows in order.split(BLOCK):
            if len(rows) > 1:
                network(data.normalise(data.to_float(images[rows])))
    return network.eval()


def compared(result: Verification, against: Row | None, people: np.ndarray) -> Row:
    """How far a network's accuracy lies from another's, whose scores a row holds, and the interval of that."""
    if against is None:
        return {}
    other = evaluation.verify(unpacked(against["scores"]), result.same, result.folds)
    found = evaluation.bootstrap_difference(result, other, people=people, samples=SAMPLES)
    return {"difference": result.accuracy - other.accuracy, "interval": [found.low, found.high]}


def packed(scores: np.ndarray) -> str:
    """Cosines as text, in steps of 1/32767: a base's are kept, for the rows to come to be compared with."""
    return base64.b64encode(np.round(scores * 32767).astype("<i2").tobytes()).decode()


def unpacked(text: str) -> np.ndarray:
    """The cosines that `packed` wrote."""
    return np.frombuffer(base64.b64decode(text), dtype="<i2").astype(np.float64) / 32767
