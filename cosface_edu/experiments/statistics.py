"""What several seeds say together: means, Student's intervals, and differences of runs that share a seed."""

import math
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from scipy import stats

Run = dict[str, Any]


def interval(values: Sequence[float], level: float = 0.95) -> dict[str, Any]:
    """Mean over seeds with Student's interval; none for a single seed, which says nothing of the spread.

    Args:
        values: one a seed.
        level: of confidence.

    Returns:
        `mean` and `values`, with `low`, `high` and `level` where there are several values.
    """
    mean = float(np.mean(values))
    found: dict[str, Any] = {"mean": mean, "values": [float(v) for v in values]}
    if len(values) > 1:
        half = float(stats.t.ppf((1 + level) / 2, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values)))
        found |= {"low": mean - half, "high": mean + half, "level": level}
    return found


def paired(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, Any]:
    """Interval of ours minus theirs, run by run: what the seeds have in common falls out.

    Args:
        ours: one a seed.
        theirs: of the same seeds in the same order.

    Returns:
        As of `interval`.

    Raises:
        ValueError: not as many of one as of the other.
    """
    return interval([a - b for a, b in zip(ours, theirs, strict=True)])


def compared(runs: Sequence[Run], value: Callable[[Run], float] = itemgetter("accuracy")) -> dict[str, Any]:
    """Mean and interval of each loss over its seeds, and of what CosFace is ahead of it with the same seeds.

    Args:
        runs: rows with `loss` and `seed`, in any order.
        value: what to compare.

    Returns:
        `losses` and `cosface_minus`, each from a loss to its `interval`; values are in the order of the seeds.

    Raises:
        ValueError: a loss has other seeds than CosFace.
    """
    by_loss: dict[str, list[float]] = {}
    seeds: dict[str, list[int]] = {}
    for run in sorted(runs, key=itemgetter("seed")):
        by_loss.setdefault(run["loss"], []).append(value(run))
        seeds.setdefault(run["loss"], []).append(run["seed"])
    cosface = by_loss.get("cosface", [])
    for loss in by_loss if cosface else ():
        if seeds[loss] != seeds["cosface"]:
            raise ValueError(
                f"runs of the same seeds are compared: cosface has {seeds['cosface']}, {loss} {seeds[loss]}"
            )
    return {
        "losses": {loss: interval(values) for loss, values in by_loss.items()},
        "cosface_minus": {
            loss: paired(cosface, values) for loss, values in by_loss.items() if cosface and loss != "cosface"
        },
    }


def percent(found: dict[str, Any]) -> str:
    """An interval in words: '98.61 % (98.10 … 99.12)', or the mean alone.

    Args:
        found: as `interval` returns it.

    Returns:
        Text for a table.
    """
    mean, *ends = (round(100 * found[name], 2) + 0.0 for name in ("mean", "low", "high") if name in found)  # no -0.00
    return f"{mean:.2f} %" + (f" ({ends[0]:.2f} … {ends[1]:.2f})" if ends else "")
