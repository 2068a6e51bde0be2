"""The largest lead in the map of what a margin is worth, measured once more: on a world that nothing was chosen on.

What was picked for being large is too large on average. Which cell of `worth` has the largest lead, and with which
settings, is read from its record; here both losses learn from other people and are judged on other strangers. There is
nothing to choose any more: what comes out is reported.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from cosface_edu.training import Config

from . import Job, earlier_record, swept, worth
from .judging import CHOSEN_BY
from .sweep import Row, sweep

WORLD = 2  # of this world nobody was drawn before
SEEDS = (0, 1, 2)


def run(job: Job) -> dict[str, Any]:
    """As long as the minutes allow; the next minutes go on.

    Raises:
        ValueError: there is no record of `worth` to read the cell from.
    """
    map_of = earlier_record("worth", False, job.out)
    if map_of is None:
        raise ValueError("anew: no record of worth, whose largest lead is measured here: run the job worth first")
    cell, settings = largest(map_of["results"]["rows"])
    if job.tiny:
        cell = worth.TINY_CELLS[0]
    base = worth.shown(job)
    found = {"data": {"source": "FaceWorld", "cell": list(cell), "world_seed": WORLD}, "config": base.to_dict()}
    return sweep(job, "anew", lambda rows: queue(base, cell, settings), worth.runner(job), found)


def largest(rows: Sequence[Row]) -> tuple[tuple[int, int], dict[str, dict[str, float]]]:
    """The cell of the map where CosFace leads NSL by most, and each loss's setting there.

    Args:
        rows: of the record of `worth`.

    Returns:
        (people, pictures of each), and the settings by the loss's name.
    """

    def lead(cell: tuple[int, int]) -> float:
        return _mean(cells[cell], "cosface") - _mean(cells[cell], "nsl")

    cells = swept.by_cell(rows)
    cell = max(cells, key=lead)
    return cell, {row["loss"]: row["options"] for row in cells[cell]}


def _mean(rows: Sequence[Row], loss: str) -> float:
    return fmean(CHOSEN_BY(row) or 0.0 for row in rows if row["loss"] == loss)


def queue(base: Config, cell: tuple[int, int], settings: dict[str, dict[str, float]]) -> list[tuple[Row, Config]]:
    """Seed after seed, both losses."""
    return [worth.run_of(base, cell, loss, settings[loss], WORLD, seed) for seed in SEEDS for loss in settings]
