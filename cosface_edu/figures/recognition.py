"""Pictures of verification and identification: score histograms with a threshold, ROC and CMC curves."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cosface_edu.evaluation import Identification, Verification
from cosface_edu.figures import style
from cosface_edu.palette import GENUINE, IMPOSTOR


def scores_and_threshold(result: Verification, threshold: float | None = None) -> Figure:
    """Histograms of genuine and impostor scores, and the threshold between them.

    Args:
        result: of `verify`.
        threshold: where to draw the line; the mean of the folds' thresholds if not given.

    Returns:
        The figure.
    """
    threshold = float(result.thresholds.mean()) if threshold is None else threshold
    fig, ax = style.subplots(figsize=(5.6, 3.2))
    bins = np.linspace(result.scores.min(), result.scores.max(), 61)
    ax.hist(result.scores[~result.same], bins, color=IMPOSTOR, alpha=0.55, hatch="//", label="impostor pairs")
    ax.hist(result.scores[result.same], bins, color=GENUINE, alpha=0.55, label="genuine pairs")
    ax.set(xlabel="cosine score", ylabel="pairs")
    ax.axvline(threshold, color=style.TEXT, linestyle="--")
    ax.text(threshold, 1.01, f"threshold {threshold:.2f}", transform=ax.get_xaxis_transform(), ha="center", fontsize=9)
    ax.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1.06), fontsize=9)
    return fig


def roc(results: Mapping[str, Verification], mark: float | None = None) -> Figure:
    """True accept rate against false accept rate, the latter on a logarithmic axis.

    Args:
        results: by the name in the legend.
        mark: a false accept rate to mark with a vertical line.

    Returns:
        The figure.
    """
    fig, ax = style.subplots(figsize=(5.6, 3.4))
    for (name, result), line in zip(results.items(), style.LINES, strict=False):
        curve = result.roc
        least = 1 / np.count_nonzero(~result.same)  # a smaller rate cannot be seen in so many pairs
        seen = curve.far >= least
        ax.step(curve.far[seen], curve.tar[seen], where="post", linestyle=line, label=name)
    if mark is not None:
        ax.axvline(mark, color=style.GUIDE, linewidth=1, linestyle=":")
    ax.set(xscale="log", xlabel="false accept rate", ylabel="true accept rate", ylim=(None, 1.01))
    ax.legend(loc="lower right")
    return fig


def false_accepts(impostors: Mapping[str, NDArray[np.floating]], marks: Sequence[float] = ()) -> Figure:
    """Share of impostor scores of at least a threshold, against the threshold: who is let in where.

    Args:
        impostors: (n,) scores of pairs of different people, by the name in the legend; those of everybody first.
        marks: false accept rates of everybody whose thresholds are marked with vertical lines.

    Returns:
        The figure.
    """
    fig, ax = style.subplots(figsize=(5.6, 3.4))
    for (name, scores), line in zip(impostors.items(), style.LINES, strict=False):
        above = np.arange(len(scores), 0, -1) / len(scores)  # ends at one score: less cannot be seen in so many
        ax.step(np.sort(scores), above, where="pre", linestyle=line, label=f"{name} ({len(scores):,} scores)")
    everybody = next(iter(impostors.values()))
    for far in marks:
        at = float(np.quantile(everybody, 1 - far))
        ax.axvline(at, color=style.GUIDE, linewidth=1, linestyle=":")
        ax.text(at, 1.15, f"{100 * far:g} %", ha="center", fontsize=9)
    ax.set(yscale="log", xlabel="threshold on the cosine score", ylabel="share let in", ylim=(None, 1), xlim=(-0.2, 1))
    ax.legend(loc="lower left", fontsize=9)
    return fig


def cmc(results: Mapping[str, Identification], upto: int = 20) -> Figure:
    """Share of probes whose person is among the k best, against k.

    Args:
        results: by the name in the legend.
        upto: largest k.

    Returns:
        The figure.
    """
    fig, ax = style.subplots(figsize=(5.6, 3.2))
    for (name, result), line in zip(results.items(), style.LINES, strict=False):
        ax.plot(range(1, upto + 1), result.cmc(upto), linestyle=line, marker=".", label=name)
    ax.set(xlabel="rank k", ylabel="share of probes", xticks=[1, *range(5, upto + 1, 5)])
    ax.legend(loc="lower right")
    return fig
