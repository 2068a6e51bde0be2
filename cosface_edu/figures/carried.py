"""What carries over to photographs, drawn from the record of the job `carried`."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from cosface_edu.experiments.jobs import carried
from cosface_edu.figures import style, tables

Run = Mapping[str, Any]
LFW = "pairsDevTest"

#: A variant -> what the page calls it; in the order of the figure, with what belongs together side by side.
CALLED = {
    carried.BASE: "the base with another seed",
    carried.UNTRAINED: "not trained at all",
    "a quarter of the people": "a quarter of the people",
    "four times the people": "four times the people",
    "ten thousand people": "10,572 people with 46 pictures",
    "a quarter of the pictures": "a quarter of the pictures",
    "four times the steps": "four times the steps",
    "ten thousand people, four times the steps": "10,572 people, four times the steps",
    "plain": "flips only",
    "softmax": "softmax instead of CosFace",
    "no pose": "all from the front",
    "twice the pose": "heads turned twice as far",
    "no light": "one light",
    "twice the light": "light varied twice as much",
    "no expression": "one expression",
    "one background": "one background, one shirt",
    "one colouring": "one colour of skin, hair, eyes",
    "grey": "grey pictures",
    "blurred": "blurred pictures",
    "grain": "grain in the training pictures",
    carried.STATISTICS: "batch norm's statistics from photographs",
    "photographs": "as many real people instead",
    "photographs too": "as many real people too",
}


def runs_of(rows: Sequence[Run]) -> list[Run]:
    """Rows of the record, with what a base brings along as runs of their own."""
    found: list[Run] = []
    for row in rows:
        found.append(row)
        for name in (carried.UNTRAINED, carried.STATISTICS):
            if name in row:
                found.append({"variant": name, "seed": row["seed"], **row[name]})
    return found


def compared(rows: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs that were compared with a base, by variant, in the order of the figure."""
    runs = [run for run in runs_of(rows) if "interval" in run]
    found = {name: sorted((r for r in runs if r["variant"] == name), key=lambda run: run["seed"]) for name in CALLED}
    return {name: those for name, those in found.items() if those}


def differences(rows: Sequence[Run]) -> Figure:
    """Points of accuracy between each change and the base: a dot and a 95 % interval for every seed.

    Args:
        rows: of the record.
    """
    shown = compared(rows)
    figure, axes = style.subplots(figsize=(6.4, 0.36 * len(shown) + 0.9))
    for place, found in enumerate(shown.values()):
        for turn, run in enumerate(found):
            y = place + 0.24 * (turn - (len(found) - 1) / 2)
            low, high = (100 * end for end in run["interval"])
            axes.plot([low, high], [y, y], color=style.CYCLE[run["seed"]], linewidth=1.4)
            marker = style.MARKERS[run["seed"]]
            axes.plot(100 * run["difference"], y, marker, color=style.CYCLE[run["seed"]], markersize=4)
    axes.axvline(0, color=style.GUIDE, linewidth=0.9)
    axes.set_yticks(range(len(shown)), [CALLED[name] for name in shown], fontsize=9)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlabel("accuracy minus the base's, in points")
    return figure


def table(rows: Sequence[Run], shown: Sequence[str]) -> str:
    """Accuracy and true accepts, as Markdown; a number for every seed.

    Args:
        rows: of the record.
        shown: names of variants.
    """
    lines = []
    for name in shown:
        found = sorted((run for run in runs_of(rows) if run["variant"] == name), key=lambda run: run["seed"])
        columns = (
            ", ".join(f"{100 * run[test][what]:.1f}" for run in found)
            for test, what in ((carried.JUDGED_ON, "accuracy"), (carried.JUDGED_ON, "tar_0.01"), (LFW, "accuracy"))
        )
        called = "the base: drawn people only" if name == carried.BASE else CALLED[name]
        lines.append([called, *columns])
    return tables.table(["", "CFP frontal, percent", "its TAR at FAR 0.01", "LFW development, percent"], lines)
