"""What a margin is worth: NSL and CosFace, each at its own best scale, against people and pictures of each.

A map: pictures a person from 4 to 200, people from 100 to 10,572, colour the difference in TAR at FAR 1e-4. In every
cell scale and margin are chosen on world 1 with one seed and half the steps, then judged on world 0 with three. All
cells take the same number of steps, so that what differs is the data; they show a million pictures, which is why the
corner of ten thousand people with 200 each is left out. Best first: the corners, then what lies between; last, with
three seeds too, settings that the search could hardly tell from the chosen one.
"""

from collections.abc import Sequence
from typing import Any

from cosface_edu.training import Config
from cosface_edu.training.batches import InMemory

from . import Job
from .sweep import Judge, Row, sweep, trained, world
from .table import CHOSEN_BY, EACH, PEOPLE, configuration

CELLS = (
    (100, 4), (PEOPLE, EACH), (100, 200), (1000, EACH), (PEOPLE, 4), (1000, 4), (1000, 200), (100, EACH)
)  # fmt: skip
TINY_CELLS = ((8, 4), (12, 6))
SCALES = (8.0, 16.0, 32.0, 64.0)
CANDIDATES: dict[str, list[dict[str, float]]] = {
    "nsl": [{"s": s} for s in SCALES],
    "cosface": [{"s": s, "m": m} for s in SCALES for m in (0.1, 0.2, 0.35)],
}
SEEDS = (0, 1, 2)
STEPS = 1000
CLOSE = 0.005  # of TAR: settings that came out closer to the best in the search are judged too
DISTRACTORS = 100_000


def run(job: Job) -> dict[str, Any]:
    """As long as the minutes allow; the next minutes go on."""
    base = configuration(job).replace(steps=4 if job.tiny else STEPS)
    judges: dict[int, Judge] = {}
    kept: dict[tuple[int, int, int], InMemory] = {}

    def one(what: Row, config: Config) -> Row:
        cell = what["people"], what["pictures"], what["world"]
        if cell not in kept:
            kept.clear()
            kept[cell] = world(job, *cell)
        number = what["world"]
        if number not in judges:
            judges[number] = Judge.draw(job, number, 0 if number else 500 if job.tiny else DISTRACTORS)
        return trained(config, kept[cell], judges[number])

    cells = TINY_CELLS if job.tiny else CELLS
    found = {"data": {"source": "FaceWorld", "cells": [list(cell) for cell in cells]}, "config": base.to_dict()}
    return sweep(job, "worth", lambda rows: queue(base, rows, cells), one, found)


def queue(base: Config, rows: Sequence[Row], cells: Sequence[tuple[int, int]] = CELLS) -> list[tuple[Row, Config]]:
    """All runs that are known now: cell after cell, in each the search and then the seeds; last the close choices."""
    found, last = [], []
    for people, pictures in cells:
        here = [row for row in rows if (row["people"], row["pictures"]) == (people, pictures)]
        items = [(loss, options, 1, 0) for loss in CANDIDATES for options in CANDIDATES[loss]]
        if len([row for row in here if row["world"] == 1]) == len(items):
            best = {loss: chosen(here, loss) for loss in CANDIDATES}
            items += [(loss, best[loss], 0, seed) for seed in SEEDS for loss in CANDIDATES]
            last += [
                (people, pictures, loss, row["options"], 0, seed)
                for loss in CANDIDATES
                for row in close(here, loss)
                for seed in SEEDS
            ]
        found += [(people, pictures, *item) for item in items]
    return [run_of(base, *item) for item in found + last]


def run_of(
    base: Config, people: int, pictures: int, loss: str, options: dict[str, float], number: int, seed: int
) -> tuple[Row, Config]:
    """What a run is, as its row says it, and how it is made."""
    what = {"people": people, "pictures": pictures, "loss": loss, "options": options}
    changes = {"loss": loss, "loss_options": options, "seed": seed, "world_seed": number}
    steps = max(1, base.steps // 2) if number else base.steps
    config = base.replace(identities=people, per_identity=pictures, steps=steps, **changes)
    return what | {"world": number, "seed": seed}, config


def chosen(rows: Sequence[Row], loss: str) -> dict[str, float]:
    """What the search found best in a cell.

    Args:
        rows: of one cell.
        loss: its name.
    """
    return _tried(rows, loss)[0]["options"]


def close(rows: Sequence[Row], loss: str) -> list[Row]:
    """The runs of the search in a cell within `CLOSE` of the best; without it."""
    best, *others = _tried(rows, loss)
    return [row for row in others if (best.get(CHOSEN_BY) or 0.0) - (row.get(CHOSEN_BY) or 0.0) < CLOSE]


def _tried(rows: Sequence[Row], loss: str) -> list[Row]:
    """The search of a loss, the best first."""
    tried = [row for row in rows if row["loss"] == loss and row["world"] == 1]
    return sorted(tried, key=lambda row: row.get(CHOSEN_BY) or 0.0, reverse=True)
