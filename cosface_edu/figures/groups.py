"""Errors by group, drawn from the record of `experiments.groups`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cosface_edu.experiments import groups
from cosface_edu.figures import style

WHAT = {"false_accepts": "impostor pairs accepted", "false_rejects": "genuine pairs rejected"}


def _by_group(axes: Axes, names: Sequence[str]) -> None:
    axes.set_xticks(range(len(names)), [f"group {name}" for name in names])


def errors(runs: Sequence[Mapping[str, Any]]) -> Figure:
    """False accepts and false rejects of each group under each crowd: a bar for the mean, a dot for every seed.

    Args:
        runs: of the record.
    """
    figure, panels = style.subplots(2, 1, figsize=(5.8, 4.8), sharex=True)
    names = list(runs[0]["groups"])
    for axes, (what, title) in zip(panels, WHAT.items(), strict=True):
        for number, crowd in enumerate(groups.CROWDS):
            rates = np.array([[100 * run["groups"][g][what] for g in names] for run in runs if run["crowd"] == crowd])
            place = np.arange(len(names)) + 0.4 * number - 0.2  # rates: (S, G)
            colour, hatch = style.CYCLE[number], ("", "//")[number]
            axes.bar(place, rates.mean(axis=0), 0.36, color=colour, alpha=0.4, hatch=hatch, label=crowd)
            axes.plot(np.tile(place, len(rates)), rates.ravel(), "o", color=colour, markersize=3.5)
        axes.set_ylabel(f"{title}\n(percent)")
    _by_group(panels[1], names)
    panels[0].legend()
    return figure


def relative(runs: Sequence[Mapping[str, Any]]) -> Figure:
    """Each group's errors under the skewed crowd, as multiples of its own under the balanced one; a dot for every seed.

    Args:
        runs: of the record.
    """
    figure, panels = style.subplots(2, 1, figsize=(5.8, 4.8), sharex=True)
    for axes, (what, title), colour in zip(panels, WHAT.items(), style.CYCLE, strict=False):
        ratios = groups.relative(runs, what)
        for place, values in enumerate(ratios.values()):
            axes.plot(np.full(len(values), place), values, "o", color=colour, alpha=0.6, markersize=4)
            axes.plot(place, np.exp(np.log(values).mean()), "_", color=colour, markersize=22, markeredgewidth=2.5)
        axes.axhline(1, color=style.GUIDE, linewidth=0.9)
        axes.set(yscale="log", ylabel=f"{title}\n(× balanced)")
        ticks = (0.01, 0.03, 0.1, 0.3, 1, 3) if what == "false_accepts" else (0.7, 1, 1.5, 2)
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    _by_group(panels[1], list(ratios))
    return figure
