"""What a margin is worth: NSL and CosFace, each at its own best scale, against people and pictures of each.

A map: pictures a person from 4 to 200, people from 100 to 10,572, colour the difference in TAR at FAR 1e-4. In every
cell scale and margin are chosen on world 1 with one seed and half the steps, then judged on world 0 with three. All
cells take the same number of steps, so that what differs is the data; they show a million pictures, which is why the
corner of ten thousand people with 200 each is left out. Best first: the corners, then what lies between; last, with
three seeds too, settings that the search could hardly tell from the chosen one.
"""

from collections.abc import Callable, Sequence
from typing import Any

from cosface_edu.training import Config
from cosface_edu.training.batches import InMemory

from . import Job
from .drawn import EACH, PEOPLE, configuration, world
from .judging import CHOSEN_BY, Judge, trained
from .sweep import TRIED, Row, best, done, ranked, sweep

CELLS = (
    (100, 4), (PEOPLE, EACH), (100, 200), (1000, EACH), (PEOPLE, 4), (1000, 4), (1000, 200), (100, EACH)
)  # fmt: skip
TINY_CELLS = ((8, 4), (12, 6))
LOSSES = ("nsl", "cosface")
SEEDS = (0, 1, 2)
JUDGED, SEARCHED = 0, 1  # worlds
STEPS = 1000
CLOSE = 0.005  # of TAR: settings that came out closer to the best in the search are judged too
DISTRACTORS = 100_000


def run(job: Job) -> dict[str, Any]:
    """As long as the minutes allow; the next minutes go on."""
    base = shown(job)
    cells = TINY_CELLS if job.tiny else CELLS
    found = {"data": {"source": "FaceWorld", "cells": [list(cell) for cell in cells]}, "config": base.to_dict()}
    return sweep(job, "worth", lambda rows: queue(base, rows, cells), runner(job), found)


def shown(job: Job) -> Config:
    """What all runs share: a million pictures."""
    return configuration(job).replace(steps=4 if job.tiny else STEPS)


def runner(job: Job) -> Callable[[Row, Config], Row]:
    """What does a run; what it draws is kept for the runs after it."""
    judges: dict[int, Judge] = {}
    kept: dict[tuple[int, int, int], InMemory] = {}

    def one(what: Row, config: Config) -> Row:
        cell = what["people"], what["pictures"], what["world"]
        if cell not in kept:
            kept.clear()
            kept[cell] = world(job, *cell)
        number = what["world"]
        if number not in judges:
            judges[number] = Judge.draw(job, number, 0 if number == SEARCHED else 500 if job.tiny else DISTRACTORS)
        return trained(config, kept[cell], judges[number])

    return one


def queue(base: Config, rows: Sequence[Row], cells: Sequence[tuple[int, int]] = CELLS) -> list[tuple[Row, Config]]:
    """All runs that are known now: cell after cell, in each the search and then the seeds; last the close choices."""
    found, last = [], []
    for cell in cells:
        search = [run_of(base, cell, loss, options, SEARCHED, 0) for loss in LOSSES for options in TRIED[loss]]
        found += search
        if not all(done(rows, what) for what, _ in search):
            continue
        here = [row for row in rows if (row["people"], row["pictures"]) == cell]
        settings = {loss: setting for loss in LOSSES if (setting := chosen(here, loss)) is not None}
        found += [
            run_of(base, cell, loss, setting, JUDGED, seed) for seed in SEEDS for loss, setting in settings.items()
        ]
        last += [
            run_of(base, cell, loss, row["options"], JUDGED, seed)
            for loss in LOSSES
            for row in close(here, loss)
            for seed in SEEDS
        ]
    return found + last


def run_of(
    base: Config, cell: tuple[int, int], loss: str, options: dict[str, float], number: int, seed: int
) -> tuple[Row, Config]:
    """What a run is, as its row says it, and how it is made."""
    people, pictures = cell
    what = {"people": people, "pictures": pictures, "loss": loss, "options": options}
    changes = {"loss": loss, "loss_options": options, "seed": seed, "world_seed": number}
    steps = max(1, base.steps // 2) if number == SEARCHED else base.steps
    config = base.replace(identities=people, per_identity=pictures, steps=steps, **changes)
    return what | {"world": number, "seed": seed}, config


def chosen(rows: Sequence[Row], loss: str) -> dict[str, float] | None:
    """What the search found best in a cell; None where every run diverged.

    Args:
        rows: of one cell.
        loss: its name.
    """
    return best(rows, CHOSEN_BY, world=SEARCHED, loss=loss)


def close(rows: Sequence[Row], loss: str) -> list[Row]:
    """The runs of the search in a cell within `CLOSE` of the best; without it."""
    tried = ranked(rows, CHOSEN_BY, world=SEARCHED, loss=loss)
    return [row for row in tried[1:] if (CHOSEN_BY(tried[0]) or 0.0) - (CHOSEN_BY(row) or 0.0) < CLOSE]
