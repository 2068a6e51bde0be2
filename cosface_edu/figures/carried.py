"""What carries over to photographs, drawn from the record of `experiments.carried`."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from cosface_edu.experiments import carried
from cosface_edu.figures import style

Run = Mapping[str, Any]

#: A variant -> what the page calls it; in the order of the figure, with what belongs together side by side.
CALLED = {
    carried.BASE: "the base with another seed",
    carried.UNTRAINED: "not trained at all",
    "plain": "flips only",
    "grey": "grey pictures",
    "softmax": "softmax instead of CosFace",
    "twice the steps": "twice the steps",
    "fewer people": "half the people",
    "more people": "twice the people, half the pictures of each",
    "one colouring": "one colour of skin, hair, eyes",
    "no expression": "one expression",
    "one background": "one background, one shirt",
    "no pose": "all from the front",
    "twice the pose": "heads turned twice as far",
    "no light": "one light",
    "twice the light": "light varied twice as much",
    carried.STATISTICS: "batch norm's statistics from photographs",
    "photographs": "as many real people instead",
}


def compared(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs that were compared with a base, by variant, in the order of the figure."""
    found = {name: [run for run in runs if run["variant"] == name and "interval" in run] for name in CALLED}
    # a base is compared with the first one, the first one thus with itself
    found[carried.BASE] = [run for run in found[carried.BASE] if run["seed"] != carried.SEEDS[0]]
    return {name: rows for name, rows in found.items() if rows}


def differences(runs: Sequence[Run]) -> Figure:
    """Points of accuracy between each change and the base: a dot and a 95 % interval for every seed.

    Args:
        runs: of the record.
    """
    rows = compared(runs)
    figure, axes = plt.subplots(figsize=(6.4, 0.36 * len(rows) + 0.9))
    for place, found in enumerate(rows.values()):
        for run in found:
            y = place + 0.24 * (run["seed"] - (len(found) > 1) / 2) * (len(found) > 1)
            low, high = (100 * end for end in run["interval"])
            axes.plot([low, high], [y, y], color=style.CYCLE[run["seed"]], linewidth=1.4)
            marker = style.MARKERS[run["seed"]]
            axes.plot(100 * run["difference"], y, marker, color=style.CYCLE[run["seed"]], markersize=5)
    axes.axvline(0, color=style.GUIDE, linewidth=0.9)
    axes.set_yticks(range(len(rows)), [CALLED[name] for name in rows], fontsize=9)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("accuracy minus the base's, in points")
    return figure


def table(runs: Sequence[Run]) -> str:
    """Accuracy and true accepts of the base and of what brackets it, as Markdown; a number for every seed."""
    shown = {
        carried.UNTRAINED: "not trained at all",
        carried.BASE: "the base: drawn people only",
        carried.STATISTICS: CALLED[carried.STATISTICS],
        "photographs": CALLED["photographs"],
    }
    lines = ["| | accuracy, percent | TAR at FAR 0.01, percent |", "|---|--:|--:|"]
    for name, called in shown.items():
        found = [run for run in runs if run["variant"] == name]
        rates = (", ".join(f"{100 * run[what]:.1f}" for run in found) for what in ("accuracy", "tar"))
        lines.append(f"| {called} | {' | '.join(rates)} |")
    return "\n".join(lines)
