"""What the records of sweeps say (`experiments.jobs`: table, faces, worth): the runs that judge, loss beside loss."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from . import table
from .judging import CHOSEN_BY

Row = Mapping[str, Any]
#: In the order in which they stand beside each other, whichever run ended first.
LOSSES = tuple(table.FIRST | table.OTHERS)


def judged(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The runs that judge, of the seeds that every loss among them has; a loss's settings as values of their own.

    Args:
        rows: of the record of `table` or `faces`.
    """
    return alike([row for row in rows if row["part"] == "table" and "diverged" not in row])


def by_cell(rows: Sequence[Row]) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """The runs that judge in each cell of the map, by (people, pictures of each).

    Where the search could hardly tell settings of a loss apart, all of them were judged, and the best counts; else
    there is one. They are of the seeds that both losses have; a cell without two such seeds has no interval and is left
    out.

    Args:
        rows: of the record of `worth`.
    """
    tried: dict[tuple[int, int], dict[str, dict[tuple[Any, ...], list[Row]]]] = {}
    for row in rows:
        if row["world"] == 0 and "diverged" not in row:
            of_loss = tried.setdefault((row["people"], row["pictures"]), {}).setdefault(row["loss"], {})
            of_loss.setdefault(tuple(sorted(row["options"].items())), []).append(row)
    both = {
        cell: alike([row for settings in by_loss.values() for row in max(settings.values(), key=_judged_best)])
        for cell, by_loss in sorted(tried.items())
        if len(by_loss) == 2
    }
    return {cell: runs for cell, runs in both.items() if len(runs) >= 4}


def _judged_best(runs: Sequence[Row]) -> tuple[int, float]:
    """By the measure that chooses; a setting with fewer seeds than another waits for the rest of them."""
    return len(runs), fmean(CHOSEN_BY(row) or 0.0 for row in runs)


def alike(runs: Sequence[Row]) -> list[dict[str, Any]]:
    """Loss after loss in the order of `LOSSES`, by seed: runs of the seeds that every loss has.

    Args:
        runs: one of each loss and seed; what comes back has their settings as values of their own.
    """
    names = sorted({row["loss"] for row in runs}, key=LOSSES.index)
    seeds = set.intersection(*({row["seed"] for row in runs if row["loss"] == name} for name in names))
    return [
        {**row, **row["options"]}
        for name in names
        for row in sorted(runs, key=lambda row: row["seed"])
        if row["loss"] == name and row["seed"] in seeds
    ]
