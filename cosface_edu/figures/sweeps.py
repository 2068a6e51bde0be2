"""Losses beside each other at full size: the records of the jobs `table` and `faces`, in tables and figures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from cosface_edu.experiments.settings import setting
from cosface_edu.experiments.statistics import compared
from cosface_edu.figures import style
from cosface_edu.figures.rehearsal import comparison
from cosface_edu.losses import card

Row = Mapping[str, Any]
Value = Callable[[Row], float]


def judged(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The runs that judge, of the seeds that every loss among them has; a loss's settings as values of their own."""
    runs = [row for row in rows if row["part"] == "table" and "diverged" not in row]
    names = dict.fromkeys(row["loss"] for row in runs)
    seeds = set.intersection(*({row["seed"] for row in runs if row["loss"] == name} for name in names))
    return [
        {**row, **row["options"]}
        for name in names
        for row in sorted(runs, key=lambda row: row["seed"])
        if row["loss"] == name and row["seed"] in seeds
    ]


def by_loss(rows: Sequence[Row], measures: Mapping[str, Value]) -> str:
    """Each loss at its own best setting, by each measure with its interval over the seeds, and CosFace's lead.

    Args:
        rows: of the record.
        measures: what it is called -> its value in a row.

    Returns:
        Markdown.
    """
    runs = judged(rows)
    return comparison({"runs": runs, "statistics": {name: compared(runs, value) for name, value in measures.items()}})


def searched(rows: Sequence[Row], by: str) -> str:
    """Each loss at the best setting that its search found, as Markdown.

    Args:
        rows: of the record of `table`.
        by: the measure that chose.
    """
    best: dict[str, dict[str, Any]] = {}
    tried: dict[str, int] = {}
    for row in rows:
        if row["part"] == "search" and "diverged" not in row:
            tried[row["loss"]] = tried.get(row["loss"], 0) + 1
            if row["loss"] not in best or row[by] > best[row["loss"]][by]:
                best[row["loss"]] = {**row, **row["options"]}
    lines = ["| loss | settings tried | the best | accuracy | TAR at FAR 1e-4 | at 1e-6 |", "|---|--:|---|--:|--:|--:|"]
    for loss, run in best.items():
        rates = " | ".join(f"{100 * run[key]:.1f}" for key in ("accuracy", "tar_0.0001", "tar_1e-06"))
        lines.append(f"| {card(loss).title} | {tried[loss]} | {setting(run)} | {rates} |")
    return "\n".join(lines)


def curves(rows: Sequence[Row], parts: Sequence[str]) -> dict[float, dict[float, list[Row]]]:
    """Runs of CosFace, and of NSL as m = 0: by scale, by margin.

    Args:
        rows: of the record of `table`.
        parts: which runs, 'search' or those on the judging world, 'table' and 'margin'.
    """
    found: dict[float, dict[float, list[Row]]] = {}
    for row in rows:
        if row["part"] in parts and row["loss"] in ("nsl", "cosface") and "diverged" not in row:
            found.setdefault(row["options"]["s"], {}).setdefault(row["options"].get("m", 0.0), []).append(row)
    return {s: dict(sorted(by_m.items())) for s, by_m in sorted(found.items())}


def against_margin(rows: Sequence[Row], parts: Sequence[str], measures: Mapping[str, Value]) -> Figure:
    """Fig. 5 of the paper with drawn people: a panel for each measure, a line for each scale, a point for each run.

    Args:
        rows: of the record of `table`.
        parts: see `curves`.
        measures: what it is called -> its value in a row.
    """
    figure, panels = plt.subplots(1, len(measures), figsize=(3.4 * len(measures), 3.4), squeeze=False)
    for axes, (name, value) in zip(panels[0], measures.items(), strict=True):
        for number, (s, by_m) in enumerate(curves(rows, parts).items()):
            colour, mark, line = style.CYCLE[number], style.MARKERS[number], style.LINES[number]
            made = {m: [100 * value(row) for row in runs] for m, runs in by_m.items()}
            axes.plot(list(made), [np.mean(values) for values in made.values()], color=colour, linestyle=line)
            for m, values in made.items():
                axes.plot([m] * len(values), values, mark, color=colour, markersize=5)
            axes.plot([], [], mark, color=colour, linestyle=line, label=f"s = {s:g}")
        axes.set(xlabel="margin m (0 is NSL)", title=f"{name}, %")
    panels[0][0].legend(fontsize=8)
    return figure
