"""A picture of errors by group."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from cosface_edu.experiments.groups import GroupErrors
from cosface_edu.figures import style


def errors(results: Mapping[str, Mapping[str, GroupErrors]]) -> Figure:
    """False accepts and false rejects of each group, for several networks side by side.

    Args:
        results: by the network's name; each as `errors_by_group` returns it.

    Returns:
        The figure.
    """
    fig, axes = plt.subplots(2, 1, figsize=(5.8, 4.6), sharex=True)
    width = 0.8 / len(results)
    for ax, what, title in zip(
        axes, ("false_accepts", "false_rejects"), ("impostor pairs accepted", "genuine pairs rejected"), strict=True
    ):
        for number, (name, by_group) in enumerate(results.items()):
            place = np.arange(len(by_group)) + (number - (len(results) - 1) / 2) * width
            values = [100 * getattr(e, what) for e in by_group.values()]
            ax.bar(
                place, values, width * 0.92, color=style.CYCLE[number], hatch=("", "//", "..")[number % 3], label=name
            )
        ax.set_ylabel(f"{title}\n(percent)")
    names = list(next(iter(results.values())))
    axes[1].set_xticks(range(len(names)), [f"group {name}" for name in names])
    axes[0].legend()
    return fig
