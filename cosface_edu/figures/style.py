"""One look for every figure, on light pages and on dark ones.

A built page holds one picture for both modes. So backgrounds are transparent, text and axes are a mid-grey that has
the same contrast (4.2 : 1) on white and on #14181e, which is a little lighter than the dark theme's ground, and no
colour is near white or black. The colours themselves stand in `cosface_edu.palette`; identities also differ in marker
shape, and curves in line style.
"""

import math
from collections.abc import Iterable
from itertools import cycle
from typing import Any, NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.figure import Figure

from cosface_edu import losses, palette
from cosface_edu.palette import GUIDE, TEXT, WARN

__all__ = [
    "CYCLE",
    "GUIDE",
    "IDENTITIES",
    "LINES",
    "MARKERS",
    "PLOTLY_MARKERS",
    "TEXT",
    "WARN",
    "Look",
    "apply",
    "loss",
    "scale",
    "scales",
    "subplots",
]

LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)), (0, (3, 1, 1, 1)))

# Identity k of a toy has IDENTITIES[k] and the shape MARKERS[k] (PLOTLY_MARKERS[k] in plotly).
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
PLOTLY_MARKERS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x", "star")
IDENTITIES = CYCLE = palette.PEOPLE[: len(MARKERS)]


def loss(name: str) -> str:
    """The colour that a loss keeps through the whole book, one's own (module:Class) too."""
    return losses.card(name).colour


class Look(NamedTuple):
    """How a curve is drawn."""

    colour: str
    marker: str
    line: Any  # of matplotlib: a name, or dashes


#: The scale s in every figure that compares several; light to dark.
_BY_SCALE = {4 * 2**k: Look(*look) for k, look in enumerate(zip(palette.SCALES, MARKERS[:5], LINES[:5], strict=True))}


def scale(s: float) -> Look:
    """How the scale s is drawn through the whole book: as the nearest of 4, 8, 16, 32 and 64, on a logarithmic axis."""
    return _BY_SCALE[min(_BY_SCALE, key=lambda known: abs(math.log(s / known)))]


def scales(values: Iterable[float]) -> dict[float, Look]:
    """How the scales of one figure are drawn: as `scale` says, but where two have one tone, in different shapes.

    Args:
        values: the scales, in any order; up to eight have a marker and a line each.

    Returns:
        Scale -> its look, in increasing order. Of several of one tone the nearest to it has the tone's shapes.
    """
    looks = {s: scale(s) for s in sorted(set(values))}
    nearest: dict[Look, float] = {}
    for s in sorted(looks, key=lambda s: min(abs(math.log(s / known)) for known in _BY_SCALE)):
        nearest.setdefault(looks[s], s)
    shapes = list(zip(MARKERS, LINES, strict=True))
    taken = [(look.marker, look.line) for look in nearest]
    free = cycle([shape for shape in reversed(shapes) if shape not in taken] or shapes)
    return {s: look if nearest[look] == s else Look(look.colour, *next(free)) for s, look in looks.items()}


def apply() -> None:
    """Set matplotlib's defaults; `page.begin` does it for every chapter."""
    mpl.rcParams.update(
        {
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "legend.frameon": False,
            "figure.figsize": (5.6, 3.6),
            "figure.dpi": 100,
            "figure.constrained_layout.use": True,
            "font.size": 11,
            "axes.titlesize": 12,
            "axes.labelsize": 11,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "legend.fontsize": 10,
            "text.color": TEXT,
            "axes.labelcolor": TEXT,
            "axes.edgecolor": TEXT,
            "axes.titlecolor": TEXT,
            "xtick.color": TEXT,
            "ytick.color": TEXT,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "grid.color": GUIDE,
            "grid.alpha": 0.35,
            "lines.linewidth": 1.8,
            "axes.prop_cycle": cycler(color=CYCLE),
        }
    )


def subplots(*shape: int, **options: Any) -> tuple[Figure, Any]:
    """`plt.subplots`, closed at once: the cell that returns the figure shows it, and pyplot does not show it again.

    Args:
        *shape: rows and columns.
        **options: as of `plt.subplots`.

    Returns:
        The figure, and its axes or an array of them.
    """
    figure, axes = plt.subplots(*shape, **options)
    plt.close(figure)
    return figure, axes
