"""The two who look alike: how a trained toy places B and H, and a record of it over many seeds.

Of the eight people of the toys they are the two whose mean pictures are nearest to each other. One training says little
of one pair, and another processor rounds otherwise, which for a toy is like another seed: so the chapters show the run
at hand, and what they conclude stands in a record, made once by

    cosface-edu record lookalikes
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cosface_edu import geometry
from cosface_edu.experiments import record, toy
from cosface_edu.experiments.runs import Say
from cosface_edu.experiments.toy import ToyConfig
from cosface_edu.geometry import plane

Array = NDArray[np.float64]

NAME = "lookalikes"
PAIR = (1, 7)  # their numbers in FaceWorld, in the toys and in the lab; a test finds them again
SEEDS = 8


@dataclass(frozen=True)
class Pair:
    """How a trained toy places the two.

    Attributes:
        apart: angle between their class centres, degrees.
        asked: gap on the arc between the centres that the toy's rule asks for, degrees; NaN where nothing between
            them meets the margin.
        gap: between their clouds of training pictures, by the convention of `plane.cloud_gaps`, degrees.
        gap_test: the same of test pictures.
        overlap: share of the pairs "one picture of B, one of H" that score above one in ten of the genuine pairs.
        mistaken: how many of their test pictures are taken for the other one.
        pictures: how many test pictures there are of the two.
    """

    apart: float
    asked: float
    gap: float
    gap_test: float
    overlap: float
    mistaken: int
    pictures: int


def likest(images: Tensor, labels: Tensor, count: int) -> Tensor:
    """The pairs of people whose mean pictures are nearest to each other, the nearest first.

    Args:
        images: (N, 3, H, W).
        labels: (N,).
        count: how many pairs.

    Returns:
        (count, 2) people, in each row the smaller number first.
    """
    means = torch.stack([images[labels == who].mean(dim=0).flatten() for who in range(int(labels.max()) + 1)])
    pairs = torch.combinations(torch.arange(len(means)))  # (C(C-1)/2, 2)
    apart = torch.cdist(means, means)[pairs[:, 0], pairs[:, 1]]
    return pairs[apart.argsort()[:count]]


def nearest(images: Tensor, labels: Tensor) -> tuple[int, int]:
    """The two people whose mean pictures are nearest to each other.

    Args:
        images: (N, 3, H, W).
        labels: (N,).
    """
    first, second = likest(images, labels, count=1)[0].tolist()
    return first, second


def placed(run: toy.ToyRun, split: str = "test") -> tuple[Array, Array]:
    """Where the pictures of B and of H lie between their centres: degrees from the middle, H's side positive.

    Args:
        run: a toy of two features.
        split: "test" or "train".

    Returns:
        Degrees of B's pictures (n,) and of H's (n,).
    """
    features, labels = (run.test_features, run.test_labels) if split == "test" else (run.features, run.labels)
    first, step = _arc(run)
    angles = plane.angles_of(features[-1])
    b, h = (np.degrees(plane.wrap((angles[labels == who] - first) * np.sign(step) - abs(step) / 2)) for who in PAIR)
    return b, h


def _arc(run: toy.ToyRun) -> tuple[float, float]:
    """Direction of B's centre, and the signed angle from it to H's, radians."""
    b, h = plane.angles_of(run.centres[-1])[list(PAIR)]
    return float(b), float(plane.wrap(np.array(h - b)))


def measure(run: toy.ToyRun) -> Pair:
    """Angles, gaps and confusions of the two in a trained toy.

    Args:
        run: a toy of two features.
    """
    _, step = _arc(run)
    gaps = [np.quantile(h, 0.05) - np.quantile(b, 0.95) for b, h in (placed(run, "train"), placed(run, "test"))]
    unit = run.test_features[-1] / np.linalg.norm(run.test_features[-1], axis=1, keepdims=True)
    of = [unit[run.test_labels == who] for who in PAIR]
    genuine = np.concatenate([(own @ own.T)[np.triu_indices(len(own), 1)] for own in of])
    impostor = (of[0] @ of[1].T).ravel()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a margin beyond the bound: training has said so
        scores = run.head().logits(torch.from_numpy(run.test_features[-1])).argmax(dim=1).numpy()
    wrong = [int((scores[run.test_labels == who] == other).sum()) for who, other in (PAIR, PAIR[::-1])]
    return Pair(
        apart=float(np.degrees(abs(step))),
        asked=float(np.degrees(geometry.gap_on_arc(run.rule(), abs(step)))),
        gap=float(gaps[0]),
        gap_test=float(gaps[1]),
        overlap=float((impostor > np.quantile(genuine, 0.1)).mean()),
        mistaken=sum(wrong),
        pictures=len(of[0]) + len(of[1]),
    )


def settings() -> list[ToyConfig]:
    """What the chapters show of the two: softmax, A-Softmax as annealed, ArcFace, LMCL from m = 0 to past the bound."""
    margins = (0.0, 0.1, 0.2, 0.29, 0.35, 0.5)
    return [
        ToyConfig(loss="softmax"),
        ToyConfig(loss="asoftmax"),
        ToyConfig(loss="arcface", m=0.5),
        *(ToyConfig(loss="cosface", m=m) for m in margins),
    ]


def row(run: toy.ToyRun) -> dict[str, Any]:
    """What the record keeps of one toy: `measure`, and the gaps between the clouds of all eight, degrees.

    Args:
        run: a toy of two features.
    """
    config, pair = run.config, asdict(measure(run))
    of_all = np.degrees(run.cloud_gaps())
    return {
        "loss": config.loss, "m": config.m, "s": config.s, "seed": config.seed,
        **{name: None if isinstance(value, float) and math.isnan(value) else value for name, value in pair.items()},
        "mean_gap": float(of_all.mean()), "least_gap": float(of_all.min()),
    }  # fmt: skip


def chosen(rows: Sequence[Mapping[str, Any]], loss: str, m: float | None = None) -> list[Mapping[str, Any]]:
    """The rows of one setting, by seed.

    Args:
        rows: of the record.
        loss: its name.
        m: the margin, in the loss's unit (cosine units for cosface, radians for arcface); any if not given.
    """
    return sorted(
        (one for one in rows if one["loss"] == loss and m in (None, one["m"])), key=lambda one: int(one["seed"])
    )


def main(out: Path, seeds: int = SEEDS, say: Say = print) -> None:
    """Train every setting with every seed and keep the record after each seed.

    Args:
        out: the record; runs of the same code that it holds are kept.
        seeds: how many.
        say: takes a line of progress.
    """
    found = record.Growing(
        out,
        __name__,
        {"toy": asdict(ToyConfig())},
        what="B and H, the two of eight who look most alike, under each loss of the toys, over seeds",
        command=f"cosface-edu record {NAME}",
        data={"source": "faceworld", "people": 8},
        threads=1,
    )
    for seed in range(seeds):
        if any(one["seed"] == seed for one in found.runs):
            continue
        found.add(*(row(run) for run in toy.many([replace(config, seed=seed) for config in settings()])))
        say(f"seed {seed}: {len(found.runs)} toys")
