"""What the toys have learned: their features in the plane and on the unit circle, and what follows from them.

Regions come from the heads, wedges from the rules by `cosface_edu.geometry`; nothing is re-typed here.
"""

import string
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from cosface_edu import geometry, palette
from cosface_edu.experiments import lookalikes, toy
from cosface_edu.figures import style
from cosface_edu.geometry import plane
from cosface_edu.losses.margins import Rule

Array = NDArray[np.float64]
DRAWN = 60  # samples of a class that a panel shows; percentiles and histograms use all of them
# Where the histograms stand, how tall the tallest bar is, and where the letters stand, in radii.
_BASE, _TALLEST, _NAMES = 1.06, 0.45, 1.66


def colour(label: int) -> str:
    """The colour of an identity."""
    return style.IDENTITIES[label % len(style.IDENTITIES)]


def marker(label: int) -> str:
    """The marker of an identity."""
    return style.MARKERS[label % len(style.MARKERS)]


def letter(label: int) -> str:
    """What the book calls an identity: A, B, C, …"""
    return string.ascii_uppercase[label]


def _weight(label: int) -> str:
    """Of an identity's letter: the two whom the chapters follow are bold."""
    return "bold" if label in lookalikes.PAIR else "normal"


def _name(ax: Axes, label: int, x: float, y: float) -> None:
    ax.text(x, y, letter(label), ha="center", va="center", fontsize=10, fontweight=_weight(label))


def drawn(labels: NDArray[np.int64], label: int, count: int = DRAWN) -> NDArray[np.int64]:
    """Indices of the samples of an identity that a figure shows: evenly picked, always the same ones."""
    found = np.flatnonzero(labels == label)
    return found[np.linspace(0, len(found) - 1, min(count, len(found))).astype(int)]


def wedges(run: toy.ToyRun, epoch: int = -1, rule: Rule | None = None) -> list[tuple[int, float, float]]:
    """Where each class meets its margin against all others: on its own centre, or beside it.

    Args:
        run: whose centres.
        epoch: of the history.
        rule: by default the run's own, as it was after that epoch.

    Returns:
        (label, start, end) radians, counter-clockwise around the circle; NaN where no direction meets the margin.
    """
    centres, head = run.centres[epoch], run.head(epoch)
    rule = rule or head.rule
    lengths = None if head.normalise_centres else np.linalg.norm(centres, axis=1)
    found = geometry.accepted_arcs(rule, plane.angles_of(centres), lengths)
    return [(int(label), *map(float, found[label])) for label in plane.around_the_circle(centres)]


def density(run: toy.ToyRun, epoch: int = -1, bins: int = 180) -> tuple[Array, Array]:
    """Histogram of the training samples' directions, of each class.

    Args:
        run: whose samples.
        epoch: of the history.
        bins: of the whole circle.

    Returns:
        edges of the bins (B+1,) radians; counts (C, B), scaled so that the tallest bar of any class is 1.
    """
    edges = np.linspace(-np.pi, np.pi, bins + 1)
    angles = plane.angles_of(run.features[epoch])
    counts = np.array([np.histogram(angles[run.labels == c], edges)[0] for c in range(len(run.centres[epoch]))])
    return edges, counts / counts.max()


def reach(run: toy.ToyRun, epoch: int = -1) -> float:
    """Half the width of a square that holds nearly all features of a run."""
    return 1.05 * float(np.quantile(np.abs(run.features[epoch]).max(axis=-1), 0.995))


def _regions(ax: Axes, run: toy.ToyRun, epoch: int, limit: float) -> None:
    line = torch.linspace(-limit, limit, 240)
    plane = torch.cartesian_prod(line, line).flip(-1)  # (240², 2), x fastest
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a margin beyond the bound: training has said so
        winner = run.head(epoch).logits(plane).argmax(dim=1).reshape(240, 240)
    shades = np.array([[*to_rgb(colour(c)), 0.16] for c in range(len(run.centres[epoch]))])
    extent = (-limit, limit, -limit, limit)
    ax.imshow(shades[winner.numpy()], origin="lower", extent=extent, interpolation="nearest")


def draw_euclidean(ax: Axes, run: toy.ToyRun, epoch: int = -1) -> None:
    """Features in the plane, the regions in which each class wins, and the directions of the class centres, named."""
    limit = 1.18 * reach(run, epoch)  # letters stand between the features and the frame
    _regions(ax, run, epoch, limit)
    for label, centre in enumerate(run.centres[epoch]):
        x, y = run.features[epoch][drawn(run.labels, label)].T
        ax.scatter(x, y, s=11, color=colour(label), marker=marker(label), alpha=0.75, linewidths=0)
        unit = centre / np.linalg.norm(centre)
        edge = limit * unit / np.abs(unit).max()
        ax.plot(*np.outer(edge, [0, 0.84]), color=colour(label), linewidth=1.2)
        _name(ax, label, *(0.92 * edge))
    ax.set(aspect="equal", xlim=(-limit, limit), ylim=(-limit, limit))
    ax.tick_params(labelsize=9)
    ax.locator_params(nbins=3)


def draw_angular(ax: Axes, run: toy.ToyRun, epoch: int = -1) -> None:
    """The unit circle: named class centres, margin wedges inside, histograms of the samples' directions around it."""
    turn = np.linspace(0, 2 * np.pi, 361)
    ax.plot(np.cos(turn), np.sin(turn), color=style.GUIDE, linewidth=0.8)
    for label, start, end in wedges(run, epoch):
        if np.isnan(start + end):  # no direction meets the margin
            continue
        arc = np.linspace(start, end, 60)
        ax.fill(np.r_[0, np.cos(arc)], np.r_[0, np.sin(arc)], color=colour(label), alpha=0.25, linewidth=0)
    edges, counts = density(run, epoch)
    for label, bars in enumerate(counts):
        for k in np.flatnonzero(bars):
            arc = np.linspace(edges[k], edges[k + 1], 3)
            x, y = np.cos(arc), np.sin(arc)
            outer = _BASE + _TALLEST * bars[k]
            ax.fill(
                np.r_[_BASE * x, outer * x[::-1]], np.r_[_BASE * y, outer * y[::-1]], color=colour(label), linewidth=0
            )
    for label, centre in enumerate(run.centres[epoch]):
        x, y = centre / np.linalg.norm(centre)
        ax.plot([0, x], [0, y], color=colour(label), linewidth=1.4)
        ax.plot(x, y, marker=marker(label), color=colour(label), markersize=7, markeredgewidth=0)
        _name(ax, label, _NAMES * x, _NAMES * y)
    limit = _NAMES + 0.14
    ax.set(aspect="equal", xlim=(-limit, limit), ylim=(-limit, limit))
    ax.axis("off")


def euclidean_and_angular(run: toy.ToyRun, epoch: int = -1) -> Figure:
    """One toy, seen twice: features in the plane, directions on the unit circle.

    Args:
        run: the toy.
        epoch: of its history; 0 is the start, -1 the end.
    """
    fig, (left, right) = style.subplots(1, 2, figsize=(7.0, 3.7))
    draw_euclidean(left, run, epoch)
    draw_angular(right, run, epoch)
    left.set_title("Euclidean")
    right.set_title("angular")
    return fig


def fig4_grid(runs: Sequence[toy.ToyRun], titles: Sequence[str] | None = None) -> Figure:
    """Toys side by side, Euclidean above and angular below: the arrangement of the CosFace paper's Fig. 4.

    Under each column stands the mean gap between neighbouring clouds of training samples.

    Args:
        runs: one column each.
        titles: of the columns; what distinguishes the runs. By default loss and margin.
    """
    fig, axes = style.subplots(2, len(runs), figsize=(max(2.1 * len(runs), 4.2), 4.6), squeeze=False)
    for (upper, lower), run, title in zip(axes.T, runs, titles or [run.config.title for run in runs], strict=True):
        draw_euclidean(upper, run)
        draw_angular(lower, run)
        upper.set_title(title.replace(", ", "\n", 1), fontsize=13)
        upper.set_xticks([])
        upper.set_yticks([])
        gap = f"{np.degrees(run.cloud_gaps().mean()):.0f}°".replace("-", "−")
        lower.text(0.5, -0.02, f"mean gap {gap}", transform=lower.transAxes, ha="center", va="top", fontsize=11)
    for ax, row in zip(axes[:, 0], ("features", "directions"), strict=True):
        ax.text(-0.03, 0.5, row, transform=ax.transAxes, rotation=90, ha="right", va="center", fontsize=11)
    return fig


def angular_row(runs: Sequence[toy.ToyRun], titles: Sequence[str] | None = None) -> Figure:
    """The angular views of several toys in one row.

    Args:
        runs: one panel each.
        titles: of the panels; what distinguishes the runs. By default loss and margin.
    """
    fig, axes = style.subplots(1, len(runs), figsize=(2.4 * len(runs), 2.7), squeeze=False)
    for ax, run, title in zip(axes[0], runs, titles or [run.config.title for run in runs], strict=True):
        draw_angular(ax, run)
        ax.set_title(title, fontsize=13)
    return fig


def contact_sheet(images: Tensor, labels: Tensor, per_identity: int = 10) -> Figure:
    """Small pictures, one row for each identity, under its letter.

    Args:
        images: (N, 3, H, W) in [0, 1].
        labels: (N,).
        per_identity: pictures in a row, where there are so many.
    """
    classes = labels.unique().tolist()
    rows = [images[labels == c][:per_identity].permute(0, 2, 3, 1) for c in classes]  # (n, H, W, 3) each
    height, width = images.shape[-2:]
    fig, axes = style.subplots(len(classes), 1, figsize=(6.4, 6.4 * height / width * len(classes) / per_identity + 0.1))
    for ax, row, label in zip(np.atleast_1d(axes), rows, classes, strict=True):
        ax.imshow(np.concatenate(list(row.numpy()), axis=1), interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        ax.set_ylabel(letter(label), fontweight=_weight(label), rotation=0, va="center", labelpad=10)
    return fig


def score_histograms(run: toy.ToyRun) -> Figure:
    """Cosine scores of all pairs of test images: genuine and impostor pairs.

    Args:
        run: a trained toy.

    Returns:
        The figure.
    """
    fig, ax = style.subplots(figsize=(5.6, 3.2))
    bins = np.linspace(-1, 1, 81)
    names = ("genuine (one person)", "impostor (two people)")
    shades = (palette.GENUINE, palette.IMPOSTOR)
    for scores, name, shade, hatch in zip(toy.pair_scores(run), names, shades, ("", "///"), strict=True):
        weights = np.full(len(scores), 1 / len(scores))
        ax.hist(scores, bins, weights=weights, color=shade, alpha=0.6, label=name, hatch=hatch, edgecolor=shade)
    ax.set(xlabel="cosine score", ylabel="share of the pairs", yscale="log", xlim=(-1, 1))
    ax.legend(loc="upper left")
    return fig


def angle_distribution(runs: Sequence[toy.ToyRun]) -> Figure:
    """How far the training samples lie from their own class centre: the distribution of θ, one curve for each toy.

    Args:
        runs: trained toys.

    Returns:
        The figure.
    """
    fig, ax = style.subplots(figsize=(5.6, 3.4))
    bins = np.linspace(0, 40, 81)
    for run, line in zip(runs, style.LINES, strict=False):
        away = plane.angles_of(run.features[-1]) - plane.angles_of(run.centres[-1])[run.labels]
        counts, _ = np.histogram(np.degrees(np.abs(plane.wrap(away))), bins)
        shade = style.loss(run.config.loss)
        ax.stairs(counts / len(away), bins, label=run.config.title, edgecolor=shade, linestyle=line, linewidth=1.8)
    ax.set(xlabel="angle θ to its own class centre, degrees", ylabel="share of the samples", xlim=(0, 40))
    ax.legend()
    return fig


def describe(run: toy.ToyRun) -> str:
    """What the Euclidean and angular views of a toy show, in words and from its numbers: alt text for its figures.

    Args:
        run: a trained toy.

    Returns:
        A few sentences.
    """
    gaps, clouds = np.degrees(run.centre_gaps()), np.degrees(run.cloud_gaps())
    apart = int((clouds > 0).sum())
    return (
        f"{run.config.title}: features of {len(gaps)} identities, drawn in the plane and as directions on the unit "
        f"circle. Neighbouring class centres are {gaps.min():.0f} to {gaps.max():.0f} degrees apart; "
        f"{apart} of {len(clouds)} neighbouring clouds are separated, by {clouds.mean():.0f} degrees on average. "
        f"{run.train_accuracy:.1%} of the training and {run.test_accuracy:.1%} of the test images are put right."
    )
