"""The two who look alike: one pair of people, followed by the chapters from the cover to the door.

Of the eight people of the toys they are the two whose mean pictures are nearest to each other, B and H on the cover.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from cosface_edu import geometry
from cosface_edu.experiments import toy
from cosface_edu.figures import style
from cosface_edu.geometry import plane

Array = NDArray[np.float64]

PAIR = (1, 7)  # their numbers in FaceWorld, in the toys and in the lab; a test finds them again
NAMES = ("B", "H")
COLOURS = tuple(style.IDENTITIES[who] for who in PAIR)


@dataclass(frozen=True)
class Pair:
    """How a trained toy places the two.

    Attributes:
        apart: angle between their class centres, degrees.
        asked: gap on the arc between the centres that the toy's rule asks for, degrees; NaN where it cannot be met.
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
    """Angles, gaps and confusions of the two in a trained toy."""
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


def arcs(runs: Sequence[toy.ToyRun], titles: Sequence[str] | None = None) -> Figure:
    """The arc between the two, a row for each toy: test pictures as histograms, centres as lines, the gap asked for.

    Args:
        runs: toys of two features.
        titles: of the rows; by default loss and margin.
    """
    figure, panels = style.subplots(len(runs), 1, figsize=(5.6, 0.4 + 0.95 * len(runs)), sharex=True, squeeze=False)
    bins = np.linspace(-45, 45, 91)
    for axes, run, title in zip(panels[:, 0], runs, titles or [run.config.title for run in runs], strict=True):
        pair = measure(run)
        for angles, name, colour, hatch, side in zip(placed(run), NAMES, COLOURS, ("", "///"), (-1, 1), strict=True):
            axes.hist(angles, bins, color=colour, alpha=0.6, label=name, hatch=hatch, edgecolor=colour)
            axes.axvline(side * pair.apart / 2, color=colour, linewidth=1.2)
        if pair.asked > 0:
            axes.axvspan(-pair.asked / 2, pair.asked / 2, color=style.GUIDE, alpha=0.25, linewidth=0)
        axes.set(yticks=[], xlim=(-45, 45))
        axes.spines["left"].set_visible(False)
        axes.set_title(title, loc="left", fontsize=10)
    panels[0, 0].legend(loc="upper center", fontsize=9)
    panels[-1, 0].set_xlabel("degrees from the middle between the centres of B and H")
    return figure


def against_margin(runs: Sequence[toy.ToyRun]) -> Figure:
    """The two against m: how far their centres lie apart, what the margin asks for between them, what gap they have.

    Args:
        runs: toys of eight people and two features that differ in m, the smallest first.
    """
    figure, axes = style.subplots(figsize=(5.6, 3.4))
    pairs, margins = [measure(run) for run in runs], [run.config.m for run in runs]
    eight = [np.degrees(run.cloud_gaps().mean()) for run in runs]
    axes.plot(margins, [pair.apart for pair in pairs], "s-", color=COLOURS[1], label="centres of B and H")
    axes.plot(margins, [pair.gap for pair in pairs], "o-", color=COLOURS[0], label="clouds of B and H")
    axes.plot(margins, eight, "^--", color=style.GUIDE, label="clouds, mean of all eight")
    axes.plot(margins, [pair.asked for pair in pairs], ":", color=style.WARN, label="asked of B and H")
    axes.axvline(geometry.max_margin(8, 2), color=style.GUIDE, linestyle=":", linewidth=0.8)
    axes.set(xlabel="margin m (dotted: the bound)", ylabel="degrees between", ylim=(0, 60))
    axes.legend(loc="upper center", ncols=2, fontsize=8)
    return figure


def table(runs: Sequence[toy.ToyRun]) -> list[dict[str, str]]:
    """What `measure` says of each toy, as texts by column."""
    return [
        {
            "loss": run.config.title,
            "s": run.config.scale_text,
            "centres apart": f"{pair.apart:.1f}°",
            "gap asked for": "cannot be met" if np.isnan(pair.asked) else f"{pair.asked:.1f}°",
            "gap": f"{pair.gap:.1f}°",
            "gap, test": f"{pair.gap_test:.1f}°",
            "overlap": f"{pair.overlap:.2%}",
            "mistaken": f"{pair.mistaken} of {pair.pictures}",
        }
        for run, pair in ((run, measure(run)) for run in runs)
    ]
