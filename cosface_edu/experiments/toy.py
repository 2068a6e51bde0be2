"""Eight identities, two features: the experiment of the CosFace paper's Fig. 4, in seconds on a processor.

The paper leaves data, network, s and schedule unstated; all of these are our choices:

- images from `faces.toy_faces`, network `networks.toy`, Adam with a one-cycle learning rate, mirrored images;
- class centres are learned. They start evenly spread over the circle, identities that look alike side by side: a
  circle has no room to overtake, and from a random order training settles in poor minima;
- the margin grows from 0 (A-Softmax: λ falls) during the first half of training, for the same reason.

`train(config)` trains, `cached(config)` looks into the cache first, `many(configs)` trains side by side what is not
there, `grid(ms)` does so for many margins.
"""

import hashlib
import itertools
import json
import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cosface_edu import losses
from cosface_edu.data.images import normalise, to_bytes, to_float
from cosface_edu.devices import cores
from cosface_edu.experiments import cache
from cosface_edu.faces import ToyFaces, toy_faces
from cosface_edu.geometry import plane
from cosface_edu.losses import Head, LambdaAnnealing, MarginWarmUp, Rule
from cosface_edu.networks.toy import toy as network

_BATCH = 64
Array = NDArray[np.float64]
Progress = Callable[[int, int, float], None]

#: The margins of `grid`: up to the bound 1 - cos 45° = .2929 of eight identities, and beyond.
MARGINS = (0.0, 0.1, 0.15, 0.2, 0.25, 0.29, 0.35, 0.5)
# Where the toy's margin is not the loss's own default: eight people on a circle leave no room for .35.
_DEFAULT_M = {"cosface": 0.2}


@dataclass(frozen=True)
class ToyConfig:
    """What a toy run depends on, besides the code.

    Args:
        loss: a name of `losses.available()` with class centres, or module:Class.
        m: the loss's margin, in the unit that the loss gives it (cosine units, radians or a factor on the angle); by
            default .2 for cosface, else the loss's own. None where the loss has none.
        s: scale; losses that keep the length of the embeddings ignore it.
        seed: of the network's start and of the order of images.
        source: which people, as in `faces.toy_faces`: "synthetic", "lfw" or a folder.
        epochs: passes over the training images.
        identities: C.
        train: training images a person, where there are so many.
        test: test images a person.
        size: (height, width) of the images; a quarter of the SphereFace crop is enough for eight people.
        features: D. Two can be drawn; with more, centres start at random, and what speaks of the circle has no meaning.
    """

    loss: str = "cosface"
    m: float | None = None
    s: float = 10.0
    seed: int = 0
    source: str = "synthetic"
    epochs: int = 18
    identities: int = 8
    train: int = 500
    test: int = 100
    size: tuple[int, int] = (28, 24)
    features: int = 2

    def __post_init__(self) -> None:
        card = losses.card(self.loss)
        if not issubclass(card.loss, Head):
            raise ValueError(f"{card.title} has no class centres to draw; got loss={self.loss!r}")
        if not card.takes("m"):
            if self.m is not None:
                raise ValueError(f"{card.title} has no margin: leave m out (got m={self.m})")
        else:
            own = _DEFAULT_M.get(card.name, card.loss.settings["m"].default)
            object.__setattr__(self, "m", float(own if self.m is None else self.m))
        if self.m is not None and self.m < 0:
            raise ValueError(f"m must not be negative, got {self.m}")
        if self.s <= 0 or self.epochs < 1:
            raise ValueError(f"s must be positive and epochs at least 1, got s={self.s}, epochs={self.epochs}")
        if self.identities * self.train < _BATCH:
            raise ValueError(
                f"a step takes {_BATCH} images; got identities={self.identities} with train={self.train} of each, "
                f"{self.identities * self.train} together"
            )

    @property
    def scaled(self) -> bool:
        """Whether the loss scales embeddings to s, and does not keep their own length."""
        loss = losses.card(self.loss).loss
        return issubclass(loss, Head) and "s" in loss.settings and loss.settings["s"].default is not None

    @property
    def scale_text(self) -> str:
        """The scale as a table says it: a number, ‖x‖, or that the loss finds its own."""
        own = isinstance(vars(losses.card(self.loss).loss).get("s"), property)
        return f"{self.s:g}" if self.scaled else "its own" if own else "‖x‖"

    @property
    def title(self) -> str:
        """Such as 'LMCL, m = 0.2'."""
        return losses.card(self.loss).in_paper + ("" if self.m is None else f", m = {self.m:g}")


@dataclass(frozen=True, eq=False)
class ToyRun:
    """A trained toy and its history; index 0 of an epoch axis is the start, before any training.

    Attributes:
        config: what was trained.
        features: (E+1, N, 2) of the training images, without mirroring, in evaluation mode.
        labels: (N,).
        test_features: (E+1, M, 2).
        test_labels: (M,).
        centres: (E+1, C, 2), the class centres as the loss holds them (not normalised).
        losses: (E,) mean training loss of an epoch, with the margin as it then was.
        margins: (E+1,) the margin (A-Softmax: the factor m) in force; NaN where the loss has none.
        train_accuracies: (E+1,) share of the training images whose score without a margin is highest for their class.
        test_accuracies: (E+1,) the same of the test images.
        names: of the identities.
        seconds: of training, on the machine that trained it.
    """

    config: ToyConfig
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    test_features: NDArray[np.float32]
    test_labels: NDArray[np.int64]
    centres: NDArray[np.float32]
    losses: NDArray[np.float32]
    margins: NDArray[np.float32]
    train_accuracies: NDArray[np.float32]
    test_accuracies: NDArray[np.float32]
    names: tuple[str, ...]
    seconds: float

    @property
    def train_accuracy(self) -> float:
        """Share of the training images that the trained toy puts right, in [0, 1]."""
        return float(self.train_accuracies[-1])

    @property
    def test_accuracy(self) -> float:
        """Share of the test images that the trained toy puts right, in [0, 1]."""
        return float(self.test_accuracies[-1])

    def head(self, epoch: int = -1) -> Head:
        """The loss as it was after an epoch: its class centres, and the margin (or λ) then in force."""
        epoch %= len(self.centres)
        per_epoch = len(self.labels) // _BATCH
        head = _head(self.config).requires_grad_(False)
        head.weight.copy_(torch.from_numpy(self.centres[epoch]))
        if schedule := _margin_schedule(self.config, head, self.config.epochs * per_epoch):
            schedule.load_state_dict({"steps_done": epoch * per_epoch, "end": self.config.m})
        return head

    def rule(self, epoch: int = -1) -> Rule:
        """The rule in force after an epoch: what its boundaries are computed from."""
        return self.head(epoch).rule

    def margin_met(self, epoch: int = -1) -> float:
        """Share of the training samples whose target score, margin taken off, still leads: 0 beyond the bound."""
        features, labels = torch.from_numpy(self.features[epoch]), torch.from_numpy(self.labels)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a margin beyond the bound: training has said so
            leads = self.head(epoch).logits(features, labels).argmax(dim=1) == labels
        return float(leads.float().mean())

    def centre_gaps(self, epoch: int = -1) -> Array:
        """`plane.centre_gaps` of the class centres, radians (C,)."""
        return plane.centre_gaps(self.centres[epoch])

    def cloud_gaps(self, epoch: int = -1, split: str = "train") -> Array:
        """`plane.cloud_gaps` of the training (or "test") samples, radians (C,)."""
        features, labels = (self.features, self.labels) if split == "train" else (self.test_features, self.test_labels)
        return plane.cloud_gaps(features[epoch], labels, self.centres[epoch])


def pair_scores(run: ToyRun) -> tuple[Array, Array]:
    """Cosine scores of all pairs of test images: genuine (one person) and impostor (two).

    Args:
        run: a trained toy.

    Returns:
        Scores of the genuine pairs (G,), scores of the impostor pairs (I,).
    """
    unit = run.test_features[-1] / np.linalg.norm(run.test_features[-1], axis=1, keepdims=True)
    first, second = np.triu_indices(len(unit), k=1)
    scores = (unit[first] * unit[second]).sum(axis=1).astype(np.float64)
    same = run.test_labels[first] == run.test_labels[second]
    return scores[same], scores[~same]


def faces_of(config: ToyConfig) -> ToyFaces:
    """The images that a configuration trains and tests on; FaceWorld's are kept in the cache, real ones never.

    Args:
        config: of the toy.

    Returns:
        Training and test images.
    """
    return _faces(config.source, config.identities, config.train, config.test, config.size)


@lru_cache(maxsize=2)
def _faces(source: str, identities: int, train: int, test: int, size: tuple[int, int]) -> ToyFaces:
    if source != "synthetic":
        return toy_faces(source, identities=identities, train=train, test=test, size=size)
    name = cache.key(__name__, faces=source, identities=identities, train=train, test=test, size=size)
    images = ("train_images", "test_images")
    if kept := cache.load(name):
        tensors, texts = kept
        parts = {k: to_float(v) if k in images else v for k, v in tensors.items()}
        return ToyFaces(**parts, names=tuple(json.loads(texts["names"])), source=source)
    faces = toy_faces(source, identities=identities, train=train, test=test, size=size)
    tensors = {k: to_bytes(getattr(faces, k)) for k in images}
    tensors |= {k: getattr(faces, k) for k in ("train_labels", "test_labels")}
    cache.save(name, tensors, {"names": json.dumps(faces.names)})
    # in bytes and back, so that a first run and a cached one train on the same numbers
    return replace(faces, train_images=to_float(tensors["train_images"]), test_images=to_float(tensors["test_images"]))


def _head(config: ToyConfig) -> Head:
    options: dict[str, Any] = {} if config.m is None else {"m": config.m}
    if config.scaled:
        options["s"] = config.s
    head = losses.create(config.loss, in_features=config.features, num_classes=config.identities, **options)
    assert isinstance(head, Head)  # ToyConfig takes no other losses
    return head


def _margin_schedule(config: ToyConfig, head: losses.Head, steps: int) -> MarginWarmUp | LambdaAnnealing | None:
    """What the margin does over the first half of training; None for a loss without one."""
    if losses.card(config.loss).takes("annealing"):
        # the released schedule's shape and its ends, 1000 and 5, on a much shorter training
        annealing = LambdaAnnealing(gamma=(1000 / 5 - 1) / (steps / 2))
        head.annealing = annealing  # type: ignore[assignment]
        return annealing
    return MarginWarmUp(head, steps // 2) if config.m is not None else None


def _shortest_tour(images: Tensor, labels: Tensor) -> list[int]:
    """The classes in the order of the shortest closed tour through their mean images: look-alikes become neighbours."""
    means = torch.stack([images[labels == c].mean(dim=0).flatten() for c in range(int(labels.max()) + 1)])
    distance = torch.cdist(means, means).tolist()
    if len(distance) > 9:  # (C-1)! tours
        raise ValueError(f"at most 9 identities fit the toy's circle, got {len(distance)}")
    tours = itertools.permutations(range(1, len(distance)))
    rest = min(tours, key=lambda tour: sum(distance[a][b] for a, b in itertools.pairwise((0, *tour, 0))))
    return [0, *rest]


def _spread(head: Head, order: Sequence[int]) -> None:
    """Class centres of length 1, evenly spread over the circle in the order given."""
    angles = torch.empty(len(order))
    angles[list(order)] = torch.arange(len(order)) * (2 * math.pi / len(order))
    with torch.no_grad():
        head.weight.copy_(torch.stack([angles.cos(), angles.sin()], dim=1))  # (C, 2)


def train(config: ToyConfig, progress: Progress | None = None, device: torch.device | str | None = None) -> ToyRun:
    """Train one toy, without looking into the cache or writing to it.

    Args:
        config: what to train.
        progress: called after each epoch with its number from 1, the number of epochs, and the mean loss.
        device: where to train; a GPU if there is one.

    Returns:
        The run, with its features and centres after every epoch.
    """
    return train_network(config, progress, device)[0]


def train_network(
    config: ToyConfig, progress: Progress | None = None, device: torch.device | str | None = None
) -> tuple[ToyRun, nn.Module]:
    """As `train`, with the network itself, in evaluation mode: for pictures of people that it was not trained on.

    Args:
        config: of the toy.
        progress: as for `train`.
        device: as for `train`.

    Returns:
        The run and the network.
    """
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    faces = faces_of(config)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in one order: the same toy on any number of cores; `many` keeps the cores busy
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):  # the caller's seed stays
            torch.manual_seed(config.seed)
            return _train(config, faces, progress, device)
    finally:
        torch.set_num_threads(threads)


def _train(
    config: ToyConfig, faces: ToyFaces, progress: Progress | None, device: torch.device
) -> tuple[ToyRun, nn.Module]:
    rate, centre_rate = 1e-2, 5e-3  # at their peak
    started = time.perf_counter()
    rows_last: Any = {"memory_format": torch.channels_last}  # a third faster on a processor
    images, labels = normalise(faces.train_images).to(device, **rows_last), faces.train_labels.to(device)
    test_images = normalise(faces.test_images).to(device, **rows_last)  # (M, 3, H, W); images (N, 3, H, W), labels (N,)
    net, head = network(config.features).to(device, **rows_last), _head(config).to(device)
    if config.features == 2:
        _spread(head, _shortest_tour(faces.train_images, faces.train_labels))

    steps = config.epochs * (len(images) // _BATCH)
    schedule: list[Any] = [part for part in (_margin_schedule(config, head, steps),) if part]
    groups = [
        {"params": net.parameters(), "weight_decay": 5e-4},
        {"params": head.parameters(), "weight_decay": 0.0},  # decay would do nothing to a direction
    ]
    optimiser = torch.optim.AdamW(groups)
    schedule.append(torch.optim.lr_scheduler.OneCycleLR(optimiser, [rate, centre_rate], steps, pct_start=0.2))

    history = _History(config, faces)
    history.record(net, head, images, test_images)
    for epoch in range(1, config.epochs + 1):
        net.train()
        total = torch.zeros((), device=device)
        batches = torch.randperm(len(images)).split(_BATCH)
        whole = [b.to(device) for b in batches if len(b) == _BATCH]
        for index in whole:
            x = images[index]  # (B, 3, H, W)
            mirrored = (torch.rand(_BATCH, 1, 1, 1) < 0.5).to(device)
            loss = head(net(torch.where(mirrored, x.flip(-1), x)), labels[index])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            for part in schedule:
                part.step()
            total += loss.detach()
        mean = float(total) / len(whole)
        history.losses.append(mean)
        history.record(net, head, images, test_images)
        if progress:
            progress(epoch, config.epochs, mean)
    return history.run(time.perf_counter() - started), net.eval()


class _History:
    """Collects what a run remembers of each epoch."""

    def __init__(self, config: ToyConfig, faces: ToyFaces) -> None:
        self.config, self.faces = config, faces
        self.losses: list[float] = []
        self.rows: dict[str, list[Any]] = {
            k: [] for k in ("features", "test_features", "centres", "margins", "train_accuracies", "test_accuracies")
        }

    @torch.no_grad()
    def record(self, net: nn.Module, head: Head, images: Tensor, test_images: Tensor) -> None:
        """Features, centres, margin and accuracies now."""
        net.eval()
        rows = self.rows
        for split, pictures, labels in (
            ("", images, self.faces.train_labels),
            ("test_", test_images, self.faces.test_labels),
        ):
            features = torch.cat([net(chunk) for chunk in pictures.split(256)])  # (N, 2)
            right = head.logits(features).argmax(dim=1).cpu() == labels
            rows[f"{split}features"].append(features.half().cpu())
            rows[f"{split or 'train_'}accuracies"].append(right.float().mean())
        rows["centres"].append(head.weight.detach().float().cpu().clone())
        rows["margins"].append(torch.tensor(getattr(head, "m", math.nan), dtype=torch.float32))

    def run(self, seconds: float) -> ToyRun:
        """The finished run."""
        tensors = {k: torch.stack(v) for k, v in self.rows.items()}
        tensors |= {"losses": torch.tensor(self.losses)}
        tensors |= {"labels": self.faces.train_labels, "test_labels": self.faces.test_labels}
        return _assemble(self.config, tensors, self.faces.names, seconds)


def _assemble(config: ToyConfig, tensors: Mapping[str, Tensor], names: Sequence[str], seconds: float) -> ToyRun:
    arrays = {k: (v.float() if v.is_floating_point() else v).numpy() for k, v in tensors.items()}
    return ToyRun(config=config, names=tuple(names), seconds=seconds, **arrays)


def _images_key(config: ToyConfig) -> str:
    """What a result's images were: FaceWorld's follow from the code, real ones are hashed."""
    if config.source == "synthetic":
        return config.source
    faces = faces_of(config)
    digest = hashlib.sha256()
    for images in (faces.train_images, faces.test_images):
        digest.update(to_bytes(images).numpy().tobytes())
    return digest.hexdigest()


def _key(config: ToyConfig) -> str:
    return cache.key(__name__, images=_images_key(config), **asdict(config))


def cached(config: ToyConfig, progress: Progress | None = None) -> ToyRun:
    """The run of a configuration: from the cache if it was trained before with this code, else trained and kept.

    Args:
        config: what to train.
        progress: as in `train`; not called for a run from the cache.
    """
    name = _key(config)
    with cache.lock(name):
        if kept := cache.load(name):
            tensors, texts = kept
            return _assemble(config, tensors, json.loads(texts["names"]), float(texts["seconds"]))
        run = train(config, progress)
        arrays = {f.name: getattr(run, f.name) for f in fields(run)}
        tensors = {k: torch.from_numpy(v) for k, v in arrays.items() if isinstance(v, np.ndarray)}
        tensors |= {k: tensors[k].half() for k in ("features", "test_features")}  # were half to begin with: exact
        cache.save(name, tensors, {"names": json.dumps(run.names), "seconds": str(run.seconds)})
        return run


def many(configs: Sequence[ToyConfig]) -> list[ToyRun]:
    """`cached` of several configurations; those not in the cache are trained side by side, one to a core.

    In a script call it under `if __name__ == "__main__":`, since other processes import the script.

    Args:
        configs: what to train.

    Returns:
        The runs, in the order of the configurations.
    """
    missing = [config for config in dict.fromkeys(configs) if cache.load(_key(config)) is None]
    if len(missing) > 1 and not torch.cuda.is_available():
        for config in missing:
            faces_of(config)  # drawn and kept here, once, instead of in every process
        with ProcessPoolExecutor(min(len(missing), cores()), mp_context=get_context("spawn")) as pool:
            list(pool.map(cached, missing))
    return [cached(config) for config in configs]


def grid(ms: Sequence[float] = MARGINS, **options: Any) -> list[ToyRun]:
    """CosFace (or another loss with a margin) over many margins, by `many`.

    Args:
        ms: the margins.
        **options: further fields of `ToyConfig`, the same for all.
    """
    return many([ToyConfig(m=m, **options) for m in ms])


def rows(runs: Sequence[ToyRun]) -> list[dict[str, str]]:
    """What a table says of each run, as texts by column; angles in degrees.

    Args:
        runs: trained toys.

    Returns:
        A row for each run.
    """
    return [
        {
            "loss": losses.card(run.config.loss).in_paper,
            "m": "–" if run.config.m is None else f"{run.config.m:g}",
            "s": run.config.scale_text,
            "train %": f"{100 * run.train_accuracy:.1f}",
            "test %": f"{100 * run.test_accuracy:.1f}",
            "margin met %": f"{100 * run.margin_met():.1f}",
            "smallest centre gap": f"{np.degrees(run.centre_gaps().min()):.1f}°",
            "mean cloud gap": f"{np.degrees(run.cloud_gaps().mean()):.1f}°",
            "mean cloud gap, test": f"{np.degrees(run.cloud_gaps(split='test').mean()):.1f}°",
        }
        for run in runs
    ]
