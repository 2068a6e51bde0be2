"""Pictures of recorded rehearsals: accuracy against the margin, at each scale."""

import math
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cosface_edu import networks
from cosface_edu.data import fit
from cosface_edu.experiments.runs import tar_at
from cosface_edu.experiments.settings import REAL_CROP, REAL_VIEWS, setting
from cosface_edu.experiments.statistics import interval, percent
from cosface_edu.faces import FaceWorldDataset
from cosface_edu.faces.stretched import WIDTHS, stretch
from cosface_edu.figures import style
from cosface_edu.figures.tables import table, unbroken
from cosface_edu.losses import card

_IN_ONE_COLUMN = 4  # losses: with more, panels one below the other would be longer than a screen


def by_point(runs: list[dict[str, Any]]) -> dict[tuple[float | None, float], list[float]]:
    """Accuracies in percent by (s, m), over seeds; NSL counts as m = 0, softmax as (None, 0)."""
    points = defaultdict(list)
    for run in runs:
        points[run.get("s"), float(run.get("m", 0.0))].append(100 * run["accuracy"])
    return dict(points)


def accuracy_against_margin(report: dict[str, Any]) -> Figure:
    """Verification accuracy of strangers against m, one line for each s, a point for each seed; softmax as a band.

    Args:
        report: of `experiments.rehearsal.grid`.

    Returns:
        The figure.
    """
    points = by_point(report["runs"])
    fig, ax = style.subplots(figsize=(5.8, 3.8))
    if softmax := points.get((None, 0.0)):
        ax.axhspan(min(softmax), max(softmax), color=style.loss("softmax"), alpha=0.25, label="softmax, all seeds")
    scales = {s for s, _ in points if s is not None}
    for s, (colour, mark, line) in style.scales(scales).items():
        margins = sorted(m for scale, m in points if scale == s)
        ax.plot(margins, [np.mean(points[s, m]) for m in margins], color=colour, linestyle=line, label=f"s = {s:g}")
        for m in margins:
            ax.plot([m] * len(points[s, m]), points[s, m], mark, color=colour, markersize=5, alpha=0.8)
    ax.set(xlabel="margin m (0 is NSL)", ylabel="accuracy in percent")
    ax.legend()
    return fig


def best_gain(report: dict[str, Any]) -> str:
    """A sentence: NSL and LMCL each at its own best point of the grid, in percent, and the fair gain between them."""
    mean = {point: float(np.mean(values)) for point, values in by_point(report["runs"]).items() if point[0] is not None}
    nsl, lmcl = (max((p for p in mean if (p[1] > 0) == margin), key=mean.__getitem__) for margin in (False, True))
    return (
        f"NSL reaches {mean[nsl]:.2f} % at s = {nsl[0]:g}, LMCL {mean[lmcl]:.2f} % at s = {lmcl[0]:g}, "
        f"m = {lmcl[1]:g}: Δ = {mean[lmcl] - mean[nsl]:+.2f} points"
    )


def gain_by_scale(report: dict[str, Any]) -> str:
    """Markdown table: at each scale, NSL, the best margin, and what that margin is worth there; in percent."""
    mean = {point: float(np.mean(values)) for point, values in by_point(report["runs"]).items()}
    rows = []
    for s in sorted({s for s, _ in mean if s is not None}):
        best = max((m for scale, m in mean if scale == s and m > 0), key=lambda m: mean[s, m])
        worth = mean[s, best] - mean[s, 0.0]
        rows.append([f"{s:g}", f"{mean[s, 0.0]:.2f} %", f"{best:g}", f"{mean[s, best]:.2f} %", f"{worth:+.2f} points"])
    return table(["s", "NSL", "best m", "LMCL", "margin worth"], rows, "l")


def comparison(report: dict[str, Any]) -> str:
    """Markdown table of a record of `rehearse`, `many` or `real_faces`: a column for each measure.

    First what each loss reached, in percent with its interval, then what CosFace is ahead of it, in points.
    """
    settings = {run["loss"]: setting(run) for run in report["runs"]}
    names = {loss: card(loss).title + ("" if at == "–" else f", {at}") for loss, at in settings.items()}
    measures = report["statistics"].values()
    losses, ahead = ({loss: None for found in measures for loss in found[key]} for key in ("losses", "cosface_minus"))
    rows = [(names[loss], [found["losses"].get(loss) for found in measures]) for loss in losses]
    rows += [
        (f"CosFace ahead of {card(loss).title}", [found["cosface_minus"].get(loss) for found in measures])
        for loss in ahead
    ]
    lines = [[name, *(percent(one).replace(" %", "") if one else "" for one in found)] for name, found in rows]
    heads = ["percent (95 % interval)", *report["statistics"]]
    return table(heads, ([unbroken(cell) for cell in line] for line in lines))


def ahead(report: dict[str, Any]) -> Figure:
    """What CosFace is ahead of each loss, in points: a panel for each measure, a dot and 95 % interval for each loss.

    Args:
        report: as of `comparison`; its statistics suffice.

    Returns:
        The figure. Panels have axes of their own: points of accuracy are fewer than points of a rate.
    """
    by = report["statistics"]
    losses = list({loss: None for found in by.values() for loss in found["cosface_minus"]})
    columns = 2 if len(losses) > _IN_ONE_COLUMN and len(by) > 1 else 1
    rows = math.ceil(len(by) / columns)
    size = (4.4 + 1.2 * columns, (0.3 * len(losses) + 0.75) * rows)
    fig, axes = style.subplots(rows, columns, figsize=size, squeeze=False, sharey=True)
    for ax in axes.flat[len(by) :]:
        ax.set_axis_off()
    for ax, (measure, found) in zip(axes.flat, by.items(), strict=False):
        ax.axvline(0, color=style.GUIDE, linewidth=0.9)
        for place, loss in enumerate(losses):
            if gain := found["cosface_minus"].get(loss):
                ax.plot([100 * gain["low"], 100 * gain["high"]], [place, place], color=style.loss(loss))
                ax.plot(100 * gain["mean"], place, "o", color=style.loss(loss))
        ax.set_yticks(range(len(losses)), [card(loss).title for loss in losses])
        ax.set_ylim(len(losses) - 0.5, -0.5)
        ax.set_title(measure, loc="left", fontsize=10)
    fig.supxlabel("CosFace ahead of the loss, points", fontsize=axes[0, 0].xaxis.label.get_fontsize())
    return fig


def by_seed(report: dict[str, Any]) -> Figure:
    """What each loss reached with each seed, a panel for each measure; lines join what started from the same seed.

    Args:
        report: of `experiments.rehearsal.many`.

    Returns:
        The figure.
    """
    by = report["statistics"]
    fig, axes = style.subplots(1, len(by), figsize=(2.6 * len(by), 3.4), squeeze=False)
    for ax, (measure, found) in zip(axes[0], by.items(), strict=True):
        losses = list(found["losses"])
        values = 100 * np.array([found["losses"][loss]["values"] for loss in losses])  # (losses, seeds)
        ax.plot(range(len(losses)), values, color=style.GUIDE, linewidth=0.8)
        for place, loss in enumerate(losses):
            ax.plot([place] * values.shape[1], values[place], style.MARKERS[place], color=style.loss(loss))
        ax.set_xticks(range(len(losses)), [card(loss).title for loss in losses])
        ax.set(title=f"{measure}, %", xlim=(-0.4, len(losses) - 0.6))
    return fig


def by_scale(report: dict[str, Any]) -> str:
    """Markdown: for each kind of data of the search, both losses at each scale by two measures, and the best of each.

    Args:
        report: of `experiments.search`.

    Returns:
        A table with a line under it for each kind of data.
    """
    by: dict[str, Callable[[dict[str, Any]], float]] = {
        "accuracy": itemgetter("accuracy"),
        "TAR at FAR 0.0001": partial(tar_at, far=1e-4),
    }
    kinds: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    for run in report["runs"]:
        kinds[run["people"], run["pictures"]].append(run)
    parts = []
    for (people, pictures), runs in sorted(kinds.items(), key=lambda kind: kind[0][1]):
        scales = sorted({run["s"] for run in runs})
        rows = []
        for m in sorted({run.get("m", 0.0) for run in runs}):
            at = {run["s"]: run for run in runs if run.get("m", 0.0) == m}
            cells = [
                " / ".join(f"{100 * value(at[s]):.1f}" for value in by.values()) if s in at else "" for s in scales
            ]
            rows.append([f"CosFace, m = {m:g}" if m else "NSL", *cells])
        best = []
        for measure, value in by.items():
            of = {loss: [run for run in runs if run["loss"] == loss] for loss in ("nsl", "cosface")}
            top = {loss: max(tried, key=value) for loss, tried in of.items() if tried}
            said = [f"{card(loss).title} {100 * value(run):.1f} ({setting(run)})" for loss, run in top.items()]
            best.append(f"by {measure}: {', '.join(said)}")
        parts += [
            f"**{people:,} people × {pictures} pictures**; {' / '.join(by)}, percent:",
            table(["", *(f"s = {s:g}" for s in scales)], rows, "l"),
            f"Best {'; '.join(best)}.",
        ]
    return "\n\n".join(parts)


def known(report: dict[str, Any]) -> str:
    """One line: how much of its training pictures each loss knows in the end, on average over the seeds."""
    losses = report["statistics"]["accuracy"]["losses"]
    share = {loss: [run["known"] for run in report["runs"] if run["loss"] == loss] for loss in losses}
    return ", ".join(f"{loss} {100 * np.mean(values):.1f} %" for loss, values in share.items())


def verdict(report: dict[str, Any]) -> str:
    """A sentence for each loss: by which measures CosFace is shown ahead of it, behind it, or neither, by intervals."""
    by = report["statistics"]
    sentences = []
    for loss in report["statistics"]["accuracy"]["cosface_minus"]:
        found = defaultdict(list)
        for measure, compared in by.items():
            gain = compared["cosface_minus"][loss]
            if gain["low"] > 0:
                outcome = "ahead by {} (the whole interval lies above 0)"
            elif gain["high"] < 0:
                outcome = "behind by {} (the whole interval lies below 0)"
            else:
                outcome = "neither ahead nor behind by {} (0 lies in the interval)"
            found[outcome].append(measure)
        parts = [outcome.format(" and ".join(names)) for outcome, names in found.items()]
        sentences.append(f"Against {card(loss).title}, CosFace is {'; '.join(parts)}.")
    return " ".join(sentences)


def tries(report: dict[str, Any]) -> str:
    """Markdown table of single runs of many settings; area under the ROC curve where it was recorded."""
    rows = []
    for row in report["rows"]:
        known = f"{100 * row['training_accuracy']:.1f} %" if "training_accuracy" in row else "–"
        areas = row.get("aucs", [None] * len(row["accuracies"]))
        for accuracy, error, area in zip(row["accuracies"], row["standard_errors"], areas, strict=True):
            rates = (f"{100 * accuracy:.2f} %", f"{100 * error:.2f} %", "–" if area is None else f"{area:.4f}")
            rows.append([row["loss"], row["setting"], known, *rates])
    return table(["loss", "setting", "training", "pairsDevTest", "standard error", "area under ROC"], rows, "l")


def together(report: dict[str, Any]) -> str:
    """Markdown table: networks alone, by the part of the face that they look at, and several of them together."""
    alone: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for run in report["runs"]:
        share = report["runs"][0]["size"][0] / run["size"][0] if "size" in run else 1.0
        alone["one network" + ("" if share == 1 else f", {share:.2g} of the face")].append(run)
    groups = report["together"]
    minutes = sum(run["training_seconds"] for run in report["runs"]) / 60
    judged = [(name, runs, sum(run["training_seconds"] for run in runs) / 60) for name, runs in alone.items()]
    rows = []
    for name, results, spent in [*judged, (f"{groups[0]['members']} networks together", groups, minutes)]:
        accuracy = percent(interval([row["accuracy"] for row in results]))
        area, each = np.mean([row["auc"] for row in results]), spent / len(results)
        rows.append([f"{name} ({len(results)} results)", accuracy, f"{area:.4f}", f"{each:.0f} minutes of one core"])
    return table(["judged", "accuracy (95 % interval)", "area under ROC", "training of one result"], rows, "l")


def copies_and_parts(person: int = 3) -> Figure:
    """A FaceWorld face as the people that it is made into, and as what the networks of one result see of it.

    Args:
        person: whose face.

    Returns:
        The figure.
    """
    face, _ = FaceWorldDataset(1, 1, REAL_CROP, first=person)[0]  # (3, 112, 96)
    shown = [("as it is" if w == 1 else f"{w:.3g} times as wide", stretch(face, w)) for w in WIDTHS]
    for view in REAL_VIEWS:
        part = networks.small(size=view, centre=REAL_VIEWS[0]).seen(fit(face, view)[None])[0]  # (3, 56, 48)
        share = REAL_VIEWS[0][0] / view[0]
        shown.append(("the whole face" if share == 1 else f"{share:.2g} of the face", part))
    fig, axes = style.subplots(2, 3, figsize=(4.4, 3.6))
    for ax, (title, image) in zip(axes.flat, shown, strict=True):
        ax.imshow(image.permute(1, 2, 0).numpy())  # (H, W, 3)
        ax.set_title(title, fontsize="small")
        ax.axis("off")
    return fig


def two_together(report: dict[str, Any]) -> str:
    """Markdown table: two networks judged together, by what each of them looks at; means over all such twos."""
    rows = []
    for two in report["two"]:
        accuracy, area = np.mean(two["accuracies"]), np.mean(two["aucs"])
        rows.append([two["name"], str(len(two["aucs"])), f"{100 * accuracy:.2f} %", f"{area:.4f}"])
    return table(["two networks see", "twos", "pairsDevTest", "area under ROC"], rows, "l")
