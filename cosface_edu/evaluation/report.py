"""The report: JSON for programs, one HTML page for people. The page needs nothing from outside itself."""

import base64
import io
import json
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from cosface_edu.data import to_bytes
from cosface_edu.data.images import encode_jpeg
from cosface_edu.files import write_atomically
from cosface_edu.palette import GENUINE, IMPOSTOR

from .verification import Verification

# Text and axes are drawn in this colour and then made `currentColor`, the page's own, which follows dark mode.
INK = "#010203"


def write_report(
    figures: dict[str, Any],
    result: Verification,
    pictures: dict[int, tuple[Tensor, Tensor]],
    out: str | os.PathLike[str],
) -> None:
    """Write report.json and report.html.

    Args:
        figures: of `Evaluation.to_dict`.
        result: what the plots are drawn from.
        pictures: two images, each (3, H, W) in [0, 1], for each pair named in `figures['worst']`.
        out: folder, made if need be. Each file appears whole or not at all.
    """
    plots = {
        draw.__name__.lstrip("_"): _svg(partial(draw, result), draw.__doc__) for draw in (_histogram, _roc, _folds)
    }
    shown = {row: [_data_uri(image) for image in pair] for row, pair in pictures.items()}
    _write_both(figures, "report.html", out, pictures=shown, **plots)


def write_summary(
    figures: dict[str, Any], draw: Callable[[Axes], None], title: str, out: str | os.PathLike[str]
) -> None:
    """Write report.json and report.html of a protocol other than verification.

    Args:
        figures: with `protocol`, `test`, `rows` (name to share) and `embedder`.
        draw: draws the page's one figure.
        title: what the figure shows, for those who cannot see it.
        out: folder, made if need be. Each file appears whole or not at all.
    """
    _write_both(figures, "summary.html", out, plot=_svg(draw, title))


def _write_both(figures: dict[str, Any], template: str, out: str | os.PathLike[str], **parts: Any) -> None:
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "report.json", (json.dumps(figures, indent=2, allow_nan=False) + "\n").encode())
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cosface_edu.evaluation", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda share: f"{100 * share:.2f} %"
    page = environment.get_template(template).render(report=figures, **parts)
    write_atomically(folder / "report.html", page.encode(errors="surrogateescape"))


def _data_uri(image: Tensor) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(to_bytes(image), quality=90)).decode()


def _svg(draw: Callable[[Axes], None], title: str | None) -> jinja2.utils.markupsafe.Markup:
    """Draw one figure as inline SVG, without metadata, outside addresses or a background.

    Its ids are hashes of what they name: the same in every run, and where two figures share one, it names the same.
    """
    ink = {key: INK for key in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")}
    style: dict[Any, Any] = {
        **ink,
        "svg.hashsalt": "report",
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(4.6, 3.1), layout="constrained")
        draw(figure.add_subplot())
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")  # without the XML header and its DTD's address
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    label = jinja2.utils.markupsafe.escape((title or "").strip())
    return jinja2.utils.markupsafe.Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1))


def _histogram(result: Verification, axes: Axes) -> None:
    """Histogram of the cosine scores of genuine and of impostor pairs, with the range of the folds' thresholds"""
    edges = np.linspace(result.scores.min(), result.scores.max(), 60).tolist()
    for kind, colour, hatch, label in (
        (~result.same, IMPOSTOR, "///", "impostor"),
        (result.same, GENUINE, "", "genuine"),
    ):
        axes.hist(
            result.scores[kind],
            edges,
            color=colour,
            alpha=0.55,
            hatch=hatch,
            edgecolor=colour,
            linewidth=0.3,
            label=label,
        )
    axes.axvspan(result.thresholds.min(), result.thresholds.max(), color=INK, alpha=0.35, label="thresholds")
    axes.set(xlabel="cosine score", ylabel="pairs")
    axes.legend(frameon=False)


def _roc(result: Verification, axes: Axes) -> None:
    """ROC curve: true accept rate against false accept rate on a logarithmic axis"""
    smallest = 1 / np.count_nonzero(~result.same)
    axes.step(np.maximum(result.roc.far, smallest / 2), result.roc.tar, where="post", color=GENUINE, linewidth=1.8)
    axes.set(
        xscale="log", xlim=(smallest / 2, 1), ylim=(min(0.9, result.roc.tar[result.roc.far <= smallest].max()), 1.003)
    )
    axes.set(xlabel="false accept rate", ylabel="true accept rate")
    axes.grid(alpha=0.25)


def _folds(result: Verification, axes: Axes) -> None:
    """Accuracy of each fold, with the mean and its standard error"""
    numbers = np.arange(1, len(result.accuracies) + 1)
    low, high = (100 * (result.accuracy + sign * result.standard_error) for sign in (-1, 1))
    axes.axhspan(low, high, color=INK, alpha=0.2, label="mean ± standard error")
    axes.plot(numbers, 100 * result.accuracies, "o", color=GENUINE, label="fold")
    axes.set(xlabel="fold", ylabel="accuracy, %", xticks=numbers)
    axes.legend(frameon=False)
