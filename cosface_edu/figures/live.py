"""Figures that answer in a built page: a slider or two, a picture computed in the page, a line that says what it shows.

Their script (`lab/live.js`) stands on the lab's rules, which are tested against the package; it needs no kernel and no
network. Without script a picture stands for each.
"""

import base64
import html
import io
import json
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from cosface_edu import align
from cosface_edu.evaluation import Verification
from cosface_edu.experiments.nearby import Compared
from cosface_edu.figures import frontend, style
from cosface_edu.figures.lab import bundle
from cosface_edu.geometry import advise
from cosface_edu.palette import GENUINE, IMPOSTOR

BINS = 200  # of the scores: the threshold's slider goes from edge to edge


def _figure(
    name: str, picture: str, alt: str, values: object = None, static: str = "../_static", more: str = ""
) -> str:
    source = picture if picture.startswith("data:") else frontend.picture(static, picture, bundle.FOLDER / picture)
    data = html.escape(json.dumps(values, separators=(",", ":"))) if values is not None else ""
    return (
        f"{frontend.sheet(static, 'margin-lab.css', bundle.style)}\n"
        f'<div data-margin-live="{name}" data-values="{data}">\n'
        f'<img src="{source}" alt="{html.escape(alt)}" style="max-width: 100%">\n{more}</div>\n'
        f"{frontend.script(static, 'margin-live.js', bundle.live)}\n"
    )


def arc(static: str = "../_static") -> str:
    """Two class centres under a slider for their angle, with the regions of four losses and the gaps between them.

    Args:
        static: path from the page to the folder that `lab.write_assets` filled.

    Returns:
        HTML.
    """
    alt = "Two class centres 45° apart; NSL leaves no gap, A-Softmax 15°, CosFace 30° and ArcFace 17°."
    return _figure("arc", "live-arc.webp", alt, static=static)


def forces(static: str = "../_static") -> str:
    """The pull of CosFace on a sample at every place on the circle, under sliders for s and m.

    Args:
        static: path from the page to the folder that `lab.write_assets` filled.

    Returns:
        HTML.
    """
    alt = "Eight centres on a circle; arrows all round show how strongly a sample of class A is pulled to its centre."
    return _figure("forces", "live-forces.webp", alt, static=static)


def collapse(static: str = "../_static") -> str:
    """Eight class centres evenly spread, as CosFace arranges them, and two sharing a place; losses, a slider for m.

    Args:
        static: path from the page to the folder that `lab.write_assets` filled.

    Returns:
        HTML.
    """
    alt = (
        "Three circles with eight class centres and a sample of each at m = 0.35: evenly spread, the cheapest found, "
        "which is the same, and two in one place; below them what the latter two cost more than even spacing, against "
        "m: the cheapest less from 0.38 on, two in one place from 0.42."
    )
    return _figure("collapse", "live-collapse.webp", alt, static=static)


def sphere(static: str = "../_static") -> str:
    """Class centres on a sphere with the caps that CosFace leaves to them; sliders for m, classes, and the view.

    Args:
        static: path from the page to the folder that `lab.write_assets` filled.

    Returns:
        HTML.
    """
    alt = "Eight class centres on a sphere; round each a tinted region and, inside it, a circular cap; gaps between."
    return _figure("sphere", "live-sphere.webp", alt, static=static)


def landmarks(image: Tensor, points: Tensor, static: str = "../_static") -> str:
    """A face with its five points, to be moved, beside the crop that the similarity transform makes of it.

    Args:
        image: (3, S, S) in [0, 1], square.
        points: (5, 2), (x, y) in pixels of the image.
        static: path from the page to the folder that `lab.write_assets` filled.

    Returns:
        HTML. It holds the picture, as a WebP of some kilobytes.

    Raises:
        ValueError: a picture that is not square, or not five points.
    """
    if image.ndim != 3 or image.shape[1] != image.shape[2] or points.shape != (5, 2):
        raise ValueError(
            f"wanted a square picture (3, S, S) and (5, 2) points, got {tuple(image.shape)} and {tuple(points.shape)}"
        )
    buffer = io.BytesIO()
    pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()  # (S, S, 3)
    Image.fromarray(pixels).save(buffer, "WEBP", quality=70, method=6)
    values = {
        "picture": "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode(),
        "size": image.shape[1],
        "points": [[round(v, 3) for v in point] for point in points.tolist()],
        "template": [[round(v, 4) for v in point] for point in align.TEMPLATE_112x96.tolist()],
    }
    alt = "A face with a ring on each eye, the nose tip and the mouth's corners, beside its crop with the template."
    return _figure("landmarks", "live-landmarks.webp", alt, values, static)


def threshold(scores: NDArray[np.floating], same: NDArray[np.bool_], static: str = "../_static") -> str:
    """A threshold under a slider, on the histograms of genuine and impostor scores and on the ROC curve.

    Args:
        scores: (n,) of the pairs.
        same: (n,) whether a pair is of one person.
        static: path from the page to the folder that `lab.write_assets` filled.

    Returns:
        HTML. It holds counts of 200 bins, not the scores.

    Raises:
        ValueError: pairs of one kind only, or all scores alike.
    """
    scores, same = np.asarray(scores, dtype=float), np.asarray(same, dtype=bool)
    if same.all() or not same.any():
        raise ValueError("scores must be of genuine pairs and of impostor pairs; got one kind only")
    low, high = float(scores.min()), float(scores.max())
    if not low < high:
        raise ValueError(f"scores must differ; all are {low}")
    counts = {
        name: np.histogram(scores[which], BINS, (low, high))[0].tolist()
        for name, which in (("genuine", same), ("impostor", ~same))
    }
    alt = f"Scores of {same.sum()} genuine and {(~same).sum()} impostor pairs with a threshold, and the ROC curve."
    return _figure("threshold", _still(scores, same), alt, {"low": low, "high": high, **counts}, static)


def folds(result: Verification, static: str = "../_static") -> str:
    """The protocol's folds below one another, each with the threshold that the others chose; a slider picks one.

    Args:
        result: of `verify`.
        static: path from the page to the folder that `lab.write_assets` filled.

    Returns:
        HTML. For each fold it holds counts of 50 bins, the threshold, the accuracy, and the accuracy that a threshold
        chosen on the fold itself would have claimed.
    """
    low, high = float(result.scores.min()), float(result.scores.max())
    parts = [result.folds == k for k in range(len(result.accuracies))]

    def counts(which: NDArray[np.bool_]) -> list[list[int]]:
        return [np.histogram(result.scores[part & which], 50, (low, high))[0].tolist() for part in parts]

    values = {
        "low": low,
        "high": high,
        "genuine": counts(result.same),
        "impostor": counts(~result.same),
        "thresholds": [round(float(threshold), 6) for threshold in result.thresholds],
        "accuracies": [float(accuracy) for accuracy in result.accuracies],
        "peeked": [_best_accuracy(result.scores[part], result.same[part]) for part in parts],
    }
    alt = f"Scores of the genuine and the impostor pairs in {len(parts)} folds, with the threshold of each fold."
    return _figure("folds", _still(result.scores, result.same), alt, values, static)


def advice(comparisons: Sequence[Compared] = (), static: str = "../_static") -> str:
    """Three fields, people, features and pictures, and what follows for s and m; see `geometry.advise`.

    Args:
        comparisons: that are shown below, those of the nearest size first; see `experiments.nearby`.
        static: path from the page to the folder that `lab.write_assets` filled.

    Returns:
        HTML. Without script it is the answer for 10,000 people with three pictures each.
    """
    asked = advise(people=10_000, features=128, pictures=3)
    alt = f"Scale and margin for {asked.head()}: where no s reaches a posterior of 0.99, and what to try."
    records = [asdict(one) for one in comparisons]
    rows = "".join(
        f"<tr><th>{html.escape(one.record)}</th><td>{one.people:,} × {one.pictures:.0f}</td>"
        f"<td>{html.escape(one.said)}</td><td>{html.escape(one.lacks)}</td></tr>"
        for one in comparisons
    )
    return _figure("advice", "live-advice.webp", alt, records, static, f"{asked._repr_html_()}<table>{rows}</table>\n")


def _best_accuracy(scores: NDArray[np.floating], same: NDArray[np.bool_]) -> float:
    """The share of pairs that the best of all thresholds decides rightly, chosen on these very pairs."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(scores[order][1:] != scores[order][:-1], True)  # of each run of equal scores
    right = np.append((~same).sum(), (~same).sum() + np.cumsum(np.where(same[order], 1, -1))[last])
    return float(right.max() / len(scores))


def _still(scores: NDArray[np.floating], same: NDArray[np.bool_]) -> str:
    """Both histograms as a picture in a data URI, for readers without script."""
    figure, axes = style.subplots(figsize=(5.6, 2.6))
    bins = np.linspace(scores.min(), scores.max(), 51)
    axes.hist(scores[~same], bins, color=IMPOSTOR, alpha=0.55, density=True, label="impostor")
    axes.hist(scores[same], bins, color=GENUINE, alpha=0.55, density=True, label="genuine")
    axes.set(xlabel="score", yticks=[])
    axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
