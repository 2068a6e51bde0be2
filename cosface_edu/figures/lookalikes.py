"""The two who look alike, drawn: one pair of people, followed by the chapters from the cover to the door.

What is measured of them stands in `experiments.lookalikes`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cosface_edu import geometry, losses
from cosface_edu.experiments import toy
from cosface_edu.experiments.lookalikes import PAIR, measure, placed
from cosface_edu.figures import embeddings, style, tables

NAMES = tuple(embeddings.letter(who) for who in PAIR)
COLOURS = tuple(embeddings.colour(who) for who in PAIR)


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
            for end in (-pair.asked / 2, pair.asked / 2):
                axes.axvline(end, color=style.GUIDE, linestyle="--", linewidth=1)
        axes.set(yticks=[], xlim=(-45, 45))
        axes.spines["left"].set_visible(False)
        axes.set_title(title, loc="left", fontsize=10)
    panels[0, 0].legend(loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2, fontsize=9)
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
    colour = style.loss(runs[0].config.loss)  # neither person's: these are curves of both
    axes.plot(margins, [pair.apart for pair in pairs], "s--", color=colour, label="centres of B and H")
    axes.plot(margins, [pair.gap for pair in pairs], "o-", color=colour, label="clouds of B and H")
    axes.plot(margins, eight, "^-.", color=style.GUIDE, label="clouds, mean of all eight")
    axes.plot(margins, [pair.asked for pair in pairs], ":", color=style.WARN, label="asked of B and H")
    axes.axvline(geometry.max_margin(8, 2), color=style.GUIDE, linestyle=":", linewidth=0.8)
    axes.set(xlabel="margin m (dotted: the bound)", ylabel="degrees between", ylim=(0, 60))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize=9)
    return figure


def table(runs: Sequence[toy.ToyRun]) -> list[dict[str, str]]:
    """What `measure` says of each toy, as texts by column."""
    return [
        {
            "loss": run.config.title,
            "s": run.config.scale_text,
            "centres apart": f"{pair.apart:.1f}°",
            "gap asked for": "nowhere between" if np.isnan(pair.asked) else f"{pair.asked:.1f}°",
            "gap": f"{pair.gap:.1f}°",
            "gap, test": f"{pair.gap_test:.1f}°",
            "overlap": f"{pair.overlap:.2%}",
            "mistaken": f"{pair.mistaken} of {pair.pictures}",
        }
        for run, pair in ((run, measure(run)) for run in runs)
    ]


def spread(rows: Sequence[Mapping[str, Any]], what: str) -> str:
    """Mean ± standard deviation over seeds of a field of the record, in degrees, such as '30.2 ± 1.4°'.

    Args:
        rows: of one setting.
        what: the field, an angle.
    """
    values = [row[what] for row in rows]
    return f"{np.mean(values):.1f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{np.std(values, ddof=1):.1f}°"


def over_seeds(rows: Sequence[Mapping[str, Any]]) -> str:
    """The record as a Markdown table: a row for each setting, mean ± standard deviation over seeds.

    Args:
        rows: of `experiments.lookalikes`.
    """
    lines = []
    for loss, m in dict.fromkeys((row["loss"], row["m"]) for row in rows):
        own = [row for row in rows if (row["loss"], row["m"]) == (loss, m)]
        lines.append(
            {
                "loss": _called(loss, m),
                "centres apart": spread(own, "apart"),
                "gap": spread(own, "gap"),
                "gap, least … most": f"{min(row['gap'] for row in own):.0f} … {max(row['gap'] for row in own):.0f}°",
                "gap, mean of all eight": spread(own, "mean_gap"),
                "narrowest is theirs": f"{sum(row['gap'] <= row['least_gap'] + 0.1 for row in own)} of {len(own)}",
                "overlap": f"{np.mean([row['overlap'] for row in own]):.1%}",
            }
        )
    return tables.markdown(lines, "lr")


def _called(loss: str, m: float | None) -> str:
    name = losses.card("nsl" if (loss, m) == ("cosface", 0.0) else loss).in_paper
    if loss == "asoftmax":
        return f"{name}, λ = 5"  # where the toy's annealing ends
    return f"{name}, m\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{m:g}" if m else name
