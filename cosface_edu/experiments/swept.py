"""What the records of sweeps say (`experiments.jobs`: table, faces, worth): the runs that judge, loss beside loss."""

from collections.abc import Mapping, Sequence
from typing import Any

from cosface_edu.experiments.jobs.worth import chosen

Row = Mapping[str, Any]


def judged(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The runs that judge, of the seeds that every loss among them has; a loss's settings as values of their own.

    Args:
        rows: of the record of `table` or `faces`.
    """
    return _alike([row for row in rows if row["part"] == "table" and "diverged" not in row])


def by_cell(rows: Sequence[Row]) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """The runs that judge in each cell of the map, by (people, pictures of each).

    They are of the setting that the search chose, and of the seeds that both losses have; a cell without two such seeds
    has no interval and is left out.

    Args:
        rows: of the record of `worth`.
    """
    found: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        cell = row["people"], row["pictures"]
        if row["world"] == 0 and "diverged" not in row:
            here = [dict(other) for other in rows if (other["people"], other["pictures"]) == cell]
            if row["options"] == chosen(here, row["loss"]):
                found.setdefault(cell, []).append(row)
    both = {cell: _alike(runs) for cell, runs in sorted(found.items()) if len({row["loss"] for row in runs}) == 2}
    return {cell: runs for cell, runs in both.items() if len(runs) >= 4}


def _alike(runs: Sequence[Row]) -> list[dict[str, Any]]:
    """Loss after loss, by seed: runs of the seeds that every loss has."""
    names = dict.fromkeys(row["loss"] for row in runs)
    seeds = set.intersection(*({row["seed"] for row in runs if row["loss"] == name} for name in names))
    return [
        {**row, **row["options"]}
        for name in names
        for row in sorted(runs, key=lambda row: row["seed"])
        if row["loss"] == name and row["seed"] in seeds
    ]
