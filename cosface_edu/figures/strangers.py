"""Strangers on the toy's circle: the record of `experiments.strangers`, drawn and in tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cosface_edu import geometry, losses
from cosface_edu.figures import style, tables

Run = Mapping[str, Any]

SCALES = (10.0, 64.0)
#: What is compared: name -> how a run says it, in degrees or percent.
MEASURES = {
    "known people: mean gap between clouds (degrees)": lambda run: run["cloud_gap"],
    "strangers: equal error rate (percent)": lambda run: 100 * run["strangers"]["eer"],
    "strangers: accepted at FAR 1 % (percent)": lambda run: 100 * run["strangers"]["tar"],
}


def title(run: Run) -> str:
    """Such as 'LMCL, m = 0.2, s = 64'."""
    name = losses.card(run["loss"]).in_paper
    if run["loss"] == "asoftmax":
        return f"{name}, m = {run['m']:g}, λ = 5"  # where the toy's annealing ends
    if run["loss"] == "cosface":
        return f"{name}, m = {run['m']:g}, s = {run['s']:g}" if run["m"] else f"NSL, s = {run['s']:g}"
    return name


def chosen(runs: Sequence[Run], **what: Any) -> list[Run]:
    """Runs whose fields are as given."""
    return [run for run in runs if all(run[field] == value for field, value in what.items())]


def _ring(axes: Axes, degrees: Sequence[float], owner: Sequence[int]) -> None:
    """Directions as dots: each person on a ring of their own, so that clouds which overlap can be told apart."""
    turn = np.linspace(0, 2 * np.pi, 181)
    axes.plot(np.cos(turn), np.sin(turn), color=style.GUIDE, linewidth=0.6)
    people, angle = np.asarray(owner), np.radians(degrees)
    for person in np.unique(people):
        at, radius = angle[people == person], 1 + 0.05 * person
        axes.plot(
            radius * np.cos(at),
            radius * np.sin(at),
            style.MARKERS[person % 8],
            color=style.IDENTITIES[person % 8],
            markersize=3.2,
            alpha=0.7,
            linewidth=0,
        )
    axes.set(xlim=(-1.45, 1.45), ylim=(-1.45, 1.45), aspect="equal")
    axes.axis("off")


def circles(runs: Sequence[Run]) -> Figure:
    """Above, the eight people that a toy was trained on, below, eight that it never saw: test pictures as directions.

    Args:
        runs: of seed 0, one a column.
    """
    figure, panels = style.subplots(2, len(runs), figsize=(7.2, 3.9))
    for column, run in zip(panels.T, runs, strict=True):
        kept = run["degrees"]
        _ring(column[0], kept["known"], kept["known_owner"])
        _ring(column[1], kept["strangers"], kept["strangers_owner"])
        column[0].set_title(title(run).replace(", s", ",\ns"), fontsize=10)
    for axes, name in zip(panels[:, 0], ("known", "strangers"), strict=True):
        axes.text(-1.5, 0, name, rotation=90, ha="right", va="center", fontsize=10)
    return figure


def against_margin(runs: Sequence[Run], features: int = 2) -> Figure:
    """Known people's gaps and strangers' rates against m at both scales: a dot for a seed, a line through the means."""
    figure, panels = style.subplots(len(MEASURES), 1, figsize=(5.6, 7.4), sharex=True)
    runs = chosen(runs, D=features)
    for axes, (name, measure) in zip(panels, MEASURES.items(), strict=True):
        for s, (colour, marker, line) in style.scales(SCALES).items():
            family = chosen(runs, loss="cosface", s=s)
            margins = sorted({run["m"] for run in family})
            by_margin = [[measure(run) for run in chosen(family, m=m)] for m in margins]
            means = [np.mean(values) for values in by_margin]
            axes.plot(margins, means, linestyle=line, color=colour, label=f"LMCL, s = {s:g}")
            for m, values in zip(margins, by_margin, strict=True):
                aside = 0.002 if s > 10 else -0.002
                axes.plot([m + aside] * len(values), values, marker, color=colour, markersize=3.5, alpha=0.6)
        for loss, line in (("softmax", ":"), ("asoftmax", "-.")):
            mean = np.mean([measure(run) for run in chosen(runs, loss=loss)])
            axes.axhline(mean, color=style.loss(loss), linestyle=line, linewidth=1.4, label=losses.card(loss).in_paper)
        axes.axvline(geometry.max_margin(8, 2), color=style.GUIDE, linestyle=":", linewidth=0.8)
        axes.set_title(name, fontsize=10, loc="left")
    panels[0].legend(fontsize=8, ncols=2)
    panels[-1].set_xlabel("margin m (0: NSL; dotted: the bound)")
    return figure


def _spread(values: Sequence[float], unit: str = "") -> str:
    """Mean ± standard deviation; its spaces do not break, so that a narrow column keeps it in one line."""
    return f"{np.mean(values):.1f}\u00a0±\u00a0{np.std(values, ddof=1) if len(values) > 1 else 0:.1f}{unit}"


def table(runs: Sequence[Run]) -> str:
    """Mean ± standard deviation over seeds of every setting, as a Markdown table.

    Gaps between clouds have a column if all runs have two features, the number of features has one if not.
    """
    on_a_circle = all(run["D"] == 2 for run in runs)
    rows = []
    for key in dict.fromkeys((run["loss"], run["m"], run["s"], run["D"]) for run in runs):
        group = [run for run in runs if (run["loss"], run["m"], run["s"], run["D"]) == key]
        gaps = _spread([run["cloud_gap"] for run in group], "°") if on_a_circle else ""
        rows.append(
            {"loss": title(group[0]).replace(" = ", "\u00a0=\u00a0")}
            | ({} if on_a_circle else {"D": str(key[3])})
            | {"test %": _spread([100 * run["test"] for run in group])}
            | ({"gap between clouds": gaps} if on_a_circle else {})
            | {
                "within a person": _spread([run["known"]["within"] for run in group], "°"),
                "nearest two people": _spread([run["known"]["between"] for run in group], "°"),
                "strangers: EER %": _spread([100 * run["strangers"]["eer"] for run in group]),
                "strangers: TAR % at FAR 1 %": _spread([100 * run["strangers"]["tar"] for run in group]),
            }
        )
    return tables.markdown(rows, "lr")
