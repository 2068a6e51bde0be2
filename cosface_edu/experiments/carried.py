"""What carries over from a drawn world to photographs, and what limits it: one change at a time, judged on real faces.

    COSFACE_DATA=… cosface-edu record carried-over

Every run is the base with one thing changed: whom it sees, what varies between the pictures, what is done to them, the
loss. All take the same number of steps, see no photograph (but for two rows that say so) and are judged on CFP's
frontal pairs. It reads `cfp`, `cfp-ff.txt` and `celeba-1000`, aligned, in COSFACE_DATA.
"""

import base64
import copy
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Subset

from cosface_edu import data, evaluation, networks
from cosface_edu.data.dataset import people_of
from cosface_edu.evaluation.verification import Verification, verify
from cosface_edu.experiments import record
from cosface_edu.experiments.runs import THREADS, Say
from cosface_edu.faces import FaceWorld, FaceWorldDataset
from cosface_edu.training import Config, preset, train
from cosface_edu.training.batches import InMemory

NAME = "carried-over"
PEOPLE, PICTURES, STEPS, BATCH = 500, 16, 600, 128
SIZE = (28, 24)  # half the rehearsal's: less than half the time, spent on more steps
PHOTOGRAPHS, PAIRS = "celeba-1000", "cfp-ff"
SEEDS = (0, 1)
SAMPLES = 300  # of the bootstrap
FAR = 0.01

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
        photographs: real people instead of drawn ones.
        grey: pictures without colour, in training and in judging.
        config: what else is changed in the run.
    """

    people: int = PEOPLE
    pictures: int = PICTURES
    names: tuple[str, ...] = ()
    factor: float = 1.0
    photographs: bool = False
    grey: bool = False
    config: Mapping[str, Any] = {}


BASE, UNTRAINED, STATISTICS = "base", "untrained", "statistics"
#: In the order in which they run: what is asked first comes first, so that a stop leaves the most.
VARIANTS: dict[str, Variant] = {
    BASE: Variant(),
    "photographs": Variant(photographs=True),
    "plain": Variant(config={"crop": 0, "colour": 0.0, "occlude": 0.0}),
    "more people": Variant(people=2 * PEOPLE, pictures=PICTURES // 2),
    "one colouring": Variant(names=COLOURING, factor=0.0),
    "no light": Variant(names=LIGHT, factor=0.0),
    "no pose": Variant(names=POSE, factor=0.0),
    "grey": Variant(grey=True),
    "softmax": Variant(config={"loss": "softmax", "loss_options": {}}),
    "twice the light": Variant(names=LIGHT, factor=2.0),
    "fewer people": Variant(people=PEOPLE // 2),
    "twice the pose": Variant(names=POSE, factor=2.0),
    "twice the steps": Variant(config={"steps": 2 * STEPS}),
    "no expression": Variant(names=EXPRESSION, factor=0.0),
    "one background": Variant(names=SURROUNDINGS, factor=0.0),
}


class Changed(FaceWorld):
    """A world in which some values lie nearer to their mean than they are drawn, or farther from it.

    Args:
        names: of `FaceWorld.shot` and `.traits`.
        factor: times the distance from the mean; 0 makes all alike.
        people: over whose first picture the mean is taken.
    """

    def __init__(self, names: Sequence[str], factor: float, people: int = 1000) -> None:
        super().__init__(seed=0)
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


def main(out: Path, seeds: Sequence[int] = SEEDS, say: Say = print) -> None:
    """Run every change, all bases first, and keep the record after each; what it holds of this code is kept.

    Args:
        out: the record.
        seeds: of each.
        say: takes a line of progress.

    Raises:
        FileNotFoundError: the photographs are not there.
    """
    began = time.perf_counter()
    torch.set_num_threads(THREADS)
    pairs, people = real_pairs(data.root())
    config = configuration().to_dict()
    runs, seconds = record.begun(out, __name__, config)
    done = {(run["variant"], run["seed"]) for run in runs}
    queue = [(name, seed) for seed in seeds for name in VARIANTS]
    queue.sort(key=lambda one: one[0] != BASE)  # every base first: how far seeds lie apart is the measure of all else
    for name, seed in queue:
        if (name, seed) in done:
            continue
        variant = VARIANTS[name]
        for found, network, trained in networks_of(name, variant, seed):
            judged = verified(network, grey(pairs) if variant.grey else pairs)
            runs.append({"variant": found, "seed": seed} | trained | figures(judged, found, seed, runs, people))
            say(f"{found}, seed {seed}: {100 * judged.accuracy:.2f} %")
        made = record.new(
            __name__,
            what="Networks that saw drawn people, judged on photographs: one change at a time",
            command=f"cosface-edu record {NAME}",
            data={
                "source": "FaceWorld",
                "world_seed": 0,
                "people": PEOPLE,
                "images": PEOPLE * PICTURES,
                "judged_on": PAIRS,
                "pairs": len(pairs),
                "photographs": PHOTOGRAPHS,
            },
            config=config,
            seeds=sorted({run["seed"] for run in runs}),
            seconds=seconds + time.perf_counter() - began,
            threads=THREADS,
            note="needs aligned photographs in COSFACE_DATA",
            runs=runs,
        )
        record.save(out, made)


def configuration() -> Config:
    """Of the base: the rehearsal's network and rates, and the augmentation that real faces are trained with."""
    return preset("rehearsal").replace(
        loss="cosface", loss_options={"s": 30.0, "m": 0.2}, network_options={"dropout": 0.4}, held_out=0,
        identities=PEOPLE, per_identity=PICTURES, size=SIZE, batch=BATCH, steps=STEPS, lr_warm_up=min(40, STEPS // 2),
        crop=2, colour=0.3, occlude=0.5, device="cpu",
    )  # fmt: skip


def real_pairs(root: Path) -> tuple[data.Pairs, np.ndarray]:
    """CFP's frontal pairs, decoded once, and (n, 2) names of the people of each.

    Raises:
        FileNotFoundError: they are not there, or the photographs are not.
    """
    for needed in (f"{PAIRS}.txt", "cfp", PHOTOGRAPHS):
        if not (root / needed).exists():
            raise FileNotFoundError(
                f"{root / needed}: not there. This record judges on photographs, which are no part of the project: "
                f"name in COSFACE_DATA a folder with cfp, {PAIRS}.txt and {PHOTOGRAPHS}, all aligned"
            )
    opened = evaluation.open_pairs(root / "cfp", root / f"{PAIRS}.txt", size=SIZE)
    names = np.array([path.parent.name for path in opened.images.paths])  # type: ignore[attr-defined]
    pairs = data.Pairs(InMemory(opened.images), opened.first, opened.second, opened.same, opened.fold)
    return pairs, np.stack([names[opened.first], names[opened.second]], axis=1)


@cache  # drawing takes as long as training: kept for the next seed
def faces_of(people: int, pictures: int, names: tuple[str, ...], factor: float, photographs: bool) -> InMemory:
    """What a variant trains on, before colour is taken from it."""
    if not photographs:
        faces = FaceWorldDataset(people, pictures, SIZE)
        if names:
            faces.world = Changed(names, factor)
        return InMemory(faces)
    whole = data.open(data.root() / PHOTOGRAPHS, SIZE, yields="people", on_broken="skip")
    labels = people_of(whole)
    enough = [who for who in labels.unique().tolist() if (labels == who).sum() >= pictures][:people]
    if len(enough) < people:
        raise ValueError(f"{data.root() / PHOTOGRAPHS}: {len(enough)} people with {pictures} pictures, {people} wanted")
    rows = torch.cat([(labels == who).nonzero()[:pictures, 0] for who in enough])
    some = Subset(whole, rows.tolist())  # type: ignore[arg-type]
    some.labels = torch.arange(people).repeat_interleave(pictures)  # type: ignore[attr-defined]
    return InMemory(some)  # type: ignore[arg-type]


def grey(what: Any) -> Any:
    """Faces or pairs, a copy without colour."""
    what = copy.copy(what)
    if isinstance(what, data.Pairs):
        return data.Pairs(grey(what.images), what.first, what.second, what.same, what.fold)
    luma = (what.images * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=1, keepdim=True)  # (N, 1, H, W)
    what.images = luma.round().to(torch.uint8).expand(-1, 3, -1, -1)
    return what


def networks_of(name: str, variant: Variant, seed: int) -> list[tuple[str, nn.Module, dict[str, Any]]]:
    """The networks that come of a variant: its name, the network, what its training said.

    With the base come two that need no training of their own: the network as it starts, and the trained one whose batch
    normalisation has the means and variances of photographs, taken without a label.
    """
    config = configuration().replace(seed=seed, **variant.config)
    faces = faces_of(variant.people, variant.pictures, variant.names, variant.factor, variant.photographs)
    faces = grey(faces) if variant.grey else faces
    run = train(config, faces=faces, say=lambda line: None)
    trained = {"known": run.history[-1]["accuracy"], "training_seconds": run.seconds}
    found = [(name, run.network, trained)]
    if name == BASE:
        torch.manual_seed(seed)
        start = networks.create(config.network, embedding=config.embedding, size=SIZE)
        photographs = faces_of(PEOPLE, PICTURES, (), 1.0, True)
        found += [
            (UNTRAINED, with_statistics_of(start, faces.images), {}),
            (STATISTICS, with_statistics_of(run.network, photographs.images), {}),
        ]
    return found


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
        for rows in order.split(BATCH):
            if len(rows) > 1:
                network(data.normalise(data.to_float(images[rows])))
    return network.eval()


def verified(network: nn.Module, pairs: data.Pairs) -> Verification:
    """Ten folds on the pairs, their scores as coarse as a record keeps them."""
    features = evaluation.embed(network.eval(), pairs.images, precision="float32")
    scores = evaluation.cosine_scores(features, torch.stack([pairs.first, pairs.second], dim=1)).numpy()
    return verify(unpacked(packed(scores)), pairs.same.numpy(), pairs.fold.numpy())


def figures(
    judged: Verification, name: str, seed: int, runs: Sequence[dict[str, Any]], people: np.ndarray
) -> dict[str, Any]:
    """A network's accuracy, and how far it lies from the base of the same seed (for a base: from the first base)."""
    row: dict[str, Any] = {
        "accuracy": judged.accuracy,
        "standard_error": float(judged.standard_error),
        "auc": judged.auc,
        "tar": judged.tar_at_far(FAR),
    }
    if name == BASE:
        row["scores"] = packed(judged.scores)
    bases = {run["seed"]: run for run in runs if run["variant"] == BASE}
    base = bases.get(SEEDS[0] if name == BASE else seed)
    if base is not None:
        other = verify(unpacked(base["scores"]), judged.same, judged.folds)
        found = evaluation.bootstrap_difference(judged, other, people=people, samples=SAMPLES)
        row |= {"difference": judged.accuracy - other.accuracy, "interval": [found.low, found.high]}
    return row


def packed(scores: np.ndarray) -> str:
    """Cosines as text, in steps of 1/32767: a base's are kept, for the rows to come to be compared with."""
    return base64.b64encode(np.round(scores * 32767).astype("<i2").tobytes()).decode()


def unpacked(text: str) -> np.ndarray:
    """The cosines that `packed` wrote."""
    return np.frombuffer(base64.b64decode(text), dtype="<i2").astype(np.float64) / 32767
