"""Losses beside each other at full size: tables and figures of the records of `table`, `faces` and `worth`."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from operator import itemgetter
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cosface_edu import palette
from cosface_edu.experiments.jobs.sweep import ranked
from cosface_edu.experiments.jobs.swept import LOSSES, alike, by_cell, judged
from cosface_edu.experiments.settings import setting
from cosface_edu.experiments.statistics import compared
from cosface_edu.figures import rehearsal, style
from cosface_edu.figures.rehearsal import comparison
from cosface_edu.figures.tables import table, unbroken
from cosface_edu.losses import card

Row = Mapping[str, Any]
Value = Callable[[Row], float]

# What is ahead and what behind: from a grey that is as far from white pages as from dark ones to full colours.
_AHEAD = LinearSegmentedColormap.from_list("ahead", [palette.VERMILION, "#8e9299", palette.SKY])


def by_loss(rows: Sequence[Row], measures: Mapping[str, Value]) -> str:
    """Each loss at its own best setting, by each measure with its interval over the seeds, and CosFace's lead.

    Args:
        rows: of the record.
        measures: what it is called -> its value in a row.

    Returns:
        Markdown.
    """
    return comparison(_report(rows, measures))


def ahead(rows: Sequence[Row], measures: Mapping[str, Value]) -> Figure:
    """CosFace's leads of `by_loss`, drawn; arguments as there."""
    return rehearsal.ahead(_report(rows, measures))


def _report(rows: Sequence[Row], measures: Mapping[str, Value]) -> dict[str, Any]:
    runs = judged(rows)
    return {"runs": runs, "statistics": {name: compared(runs, value) for name, value in measures.items()}}


def searched(rows: Sequence[Row], by: str) -> str:
    """Each loss at the best setting that its search found, as Markdown.

    Args:
        rows: of the record of `table`.
        by: the measure that chose.
    """
    lines = []
    for loss in LOSSES:
        tried = ranked(rows, itemgetter(by), part="search", loss=loss)
        if tried:
            best = setting({**tried[0], **tried[0]["options"]})
            rates = [f"{100 * tried[0][key]:.1f}" for key in ("accuracy", "tar_0.0001", "tar_1e-06")]
            lines.append([card(loss).title, str(len(tried)), unbroken(best), *rates])
    heads = ["loss", "settings tried", "the best", "accuracy", "TAR at FAR 1e-4", "at 1e-6"]
    return table(heads, lines, "lrlr")


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
    figure, panels = style.subplots(1, len(measures), figsize=(3.4 * len(measures), 3.4), squeeze=False)
    found = curves(rows, parts)
    looks = style.scales(found)
    for axes, (name, value) in zip(panels[0], measures.items(), strict=True):
        for s, by_m in found.items():
            colour, mark, line = looks[s]
            made = {m: [100 * value(row) for row in runs] for m, runs in by_m.items()}
            axes.plot(list(made), [np.mean(values) for values in made.values()], color=colour, linestyle=line)
            for m, values in made.items():
                axes.plot([m] * len(values), values, mark, color=colour, markersize=5)
            axes.plot([], [], mark, color=colour, linestyle=line, label=f"s = {s:g}")
        axes.set(xlabel="margin m (0 is NSL)", title=f"{name}, %")
    panels[0][0].legend(fontsize=8)
    return figure


def worth_map(rows: Sequence[Row], name: str, value: Value) -> Figure:
    """What CosFace is ahead of NSL: people against pictures of each.

    Each cell has the mean difference in points and its interval over the seeds, and is hatched where that holds zero.

    Args:
        rows: of the record of `worth`.
        name: what is measured.
        value: its value in a row.
    """
    ahead = {cell: compared(runs, value)["cosface_minus"]["nsl"] for cell, runs in by_cell(rows).items()}
    across, up = (sorted({cell[axis] for cell in ahead}) for axis in (0, 1))
    points = np.array([[100 * ahead.get((x, y), {"mean": np.nan})["mean"] for x in across] for y in up])
    most = np.nanmax(np.abs(points))
    figure, axes = style.subplots(figsize=(4.8, 3.5))
    axes.imshow(points, cmap=_AHEAD, vmin=-most, vmax=most, origin="lower", aspect="auto")
    for place in product(range(len(across)), range(len(up))):
        _mark(axes, place, ahead.get((across[place[0]], up[place[1]])))
    axes.set(xticks=range(len(across)), xticklabels=[f"{x:,}" for x in across], yticks=range(len(up)), yticklabels=up)
    axes.set(xlabel="people", ylabel="pictures of each", title=f"CosFace − NSL: {name}, points")
    axes.grid(visible=False)
    return figure


def _mark(axes: Axes, place: tuple[int, int], found: Mapping[str, Any] | None) -> None:
    """A cell's difference and its interval in points."""
    at: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9.5}
    if found is None:
        axes.text(*place, "not run", color=style.GUIDE, **at)
        return
    mean, low, high = (100 * found[name] for name in ("mean", "low", "high"))
    if low < 0 < high:
        corner = (place[0] - 0.5, place[1] - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, hatch="//", edgecolor="black", alpha=0.35, linewidth=0))
        at["bbox"] = {"facecolor": _AHEAD(0.5), "edgecolor": "none", "pad": 1.5}
    axes.text(*place, f"{mean:+.1f}\n({low:.1f} … {high:.1f})".replace("-", "−"), color="black", **at)


def worth_table(rows: Sequence[Row], measures: Mapping[str, Value]) -> str:
    """The same cells as Markdown: from NSL to CosFace in percent, the difference, and the settings that were chosen.

    Args:
        rows: of the record of `worth`.
        measures: what it is called -> its value in a row.
    """
    lines = [_both(f"{people:,} × {each}", runs, measures) for (people, each), runs in by_cell(rows).items()]
    return _from_nsl_to_cosface("people × pictures", lines, measures)


def measured_anew(on_the_map: Sequence[Row], again: Sequence[Row], measures: Mapping[str, Value]) -> str:
    """A cell of the map beside the same measured on a world where nothing was chosen, as `worth_table` has cells.

    Args:
        on_the_map: rows of the record of `worth`.
        again: rows of the record of `anew`.
        measures: what it is called -> its value in a row.
    """
    cell = again[0]["people"], again[0]["pictures"]
    beside = {"on the map": by_cell(on_the_map)[cell], "anew": alike(again)}
    lines = []
    for name, runs in beside.items():
        seeds = len({run["seed"] for run in runs})
        lines.append(_both(f"{name}, {seeds} seed{'s' if seeds > 1 else ''}", runs, measures))
    return _from_nsl_to_cosface(f"{cell[0]:,} × {cell[1]}", lines, measures)


def _both(name: str, runs: Sequence[dict[str, Any]], measures: Mapping[str, Value]) -> list[str]:
    """A line of a table: from NSL to CosFace by each measure, the difference, and both settings."""
    settings = {run["loss"]: setting(run) for run in runs}
    words = [name]
    for value in measures.values():
        found = compared(runs, value)
        words.append(" → ".join(f"{100 * found['losses'][loss]['mean']:.1f}" for loss in ("nsl", "cosface")))
        lead = found["cosface_minus"]["nsl"]  # of a single seed there is no interval
        ends = [f"{100 * lead[key]:.1f}" for key in ("low", "high") if key in lead]
        words.append(f"{100 * lead['mean']:.1f}" + (f" ({' … '.join(ends)})" if ends else ""))
    return [unbroken(word) for word in (*words, settings["nsl"], settings["cosface"])]


def _from_nsl_to_cosface(what: str, lines: Sequence[Sequence[str]], measures: Mapping[str, Value]) -> str:
    heads = [head for name in measures for head in (name, "points")]
    return table([what, *heads, "NSL", "LMCL"], lines, "r" * (1 + len(heads)) + "l")
