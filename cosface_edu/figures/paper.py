"""The tables of the CosFace paper, as data, and a picture of what their differences are worth."""

import json
import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import binomtest

from cosface_edu import palette
from cosface_edu.figures import style
from cosface_edu.figures.tables import table


def tables() -> dict:
    """The paper's Tables 1 to 5: {name: {caption, columns, rows}}, percent as printed there."""
    return json.loads(Path(__file__).with_name("paper_tables.json").read_text(encoding="utf-8"))


def column(table: str, name: str) -> dict[str, float]:
    """One column of a table by row name; rows without a value are left out.

    Args:
        table: such as 'table2'; see `tables`.
        name: of the column.

    Returns:
        Values by row.

    Raises:
        KeyError: no such table.
        ValueError: no such column.
    """
    found = tables()[table]
    index = found["columns"].index(name)
    return {row[0]: row[index] for row in found["rows"] if row[index] is not None}


def markdown(name: str) -> str:
    """A table as Markdown, under its caption and marked as the paper's.

    Args:
        name: such as 'table2'; see `tables`.

    Returns:
        Markdown.
    """
    found = tables()[name]
    # JSON drops the zero of 99.10: a column has as many decimals as its finest number
    fine = [max(len(str(value).partition(".")[2]) for value in column) for column in zip(*found["rows"], strict=True)]
    rows = [
        [
            "–" if value is None else f"{value:.{decimals}f}" if isinstance(value, float) else str(value)
            for value, decimals in zip(row, fine, strict=True)
        ]
        for row in found["rows"]
    ]
    return f"**The paper's:** {found['caption']}. Percent.\n\n{table(found['columns'], rows, 'l')}"


def interval(percent: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson interval, in percent, of a share of n trials that came out at `percent`.

    Args:
        percent: what was measured.
        n: number of trials.
        level: of confidence.

    Returns:
        Lower and upper end, percent.
    """
    found = binomtest(round(percent / 100 * n), n).proportion_ci(level, method="wilson")
    return 100 * found.low, 100 * found.high


def difference(first: float, second: float, n: int) -> tuple[float, float]:
    """Whether two accuracies, in percent, on n independent pairs each differ by more than chance.

    Args:
        first: percent.
        second: percent.
        n: number of pairs; that both were tested on the same ones is not known here, and would help.

    Returns:
        z, the difference in standard errors of the difference, and the two-sided p of one as large.
    """
    a, b = first / 100, second / 100
    z = (a - b) / math.sqrt((a * (1 - a) + b * (1 - b)) / n)
    return z, math.erfc(abs(z) / math.sqrt(2))


def accuracies_with_intervals(values: dict[str, float], n: int = 6000) -> Figure:
    """Accuracies as points, each with the interval that n independent pairs would give it.

    LFW's 6,000 pairs share images and people, so that the true uncertainty is larger than drawn.

    Args:
        values: percent by name, as `column` returns them.
        n: number of pairs.

    Returns:
        The figure.
    """
    names = list(values)[::-1]
    fig, ax = style.subplots(figsize=(6.4, 0.42 * len(names) + 0.9))
    for row, name in enumerate(names):
        low, high = interval(values[name], n)
        ax.plot([low, high], [row, row], lw=3, alpha=0.5, color=palette.SKY, solid_capstyle="round")
        ax.plot(values[name], row, "o", color=palette.BLUE)
        ax.annotate(f"{values[name]:.2f}", (high, row), (6, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(np.arange(len(names)), names)
    ax.set_xlabel("accuracy in percent; bar: 95 % interval for independent pairs")
    ax.margins(x=0.12)
    ax.spines[["top", "right"]].set_visible(False)
    return fig
