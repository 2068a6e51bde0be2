"""NSL and CosFace at the same scales, on few and on many pictures of each person: single runs, to choose settings by.

An earlier search, by hand, tried CosFace at large scales only where NSL was best at small ones. Here every scale is
tried with both losses, on the world that settings are chosen on. Steps follow from pictures and epochs. Made once by

    cosface-edu record faceworld-search
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from cosface_edu import evaluation
from cosface_edu.experiments import record
from cosface_edu.experiments.runs import THREADS, Material, Say, run_all
from cosface_edu.experiments.settings import GRID_WORLD, MANY_FARS, UNSEEN_PICTURES, Size, recipe
from cosface_edu.faces import FaceWorldDataset
from cosface_edu.training import preset
from cosface_edu.training.batches import InMemory, Part

NAME = "faceworld-search"
Tries = Sequence[tuple[str, dict[str, float]]]

#: What is drawn, and the losses with their scales and margins there, in the order in which they are run.
SEARCH: tuple[tuple[Size, Tries], ...] = (
    (
        Size(people=1000, pictures=6, unseen=200, pairs=5000, epochs=14),
        (
            ("nsl", {"s": 8.0}),
            ("nsl", {"s": 4.0}),
            ("cosface", {"s": 8.0, "m": 0.35}),
            ("cosface", {"s": 4.0, "m": 0.35}),
            ("cosface", {"s": 8.0, "m": 0.2}),
            ("nsl", {"s": 16.0}),
            ("cosface", {"s": 16.0, "m": 0.35}),
        ),
    ),
    (
        Size(people=200, pictures=10, unseen=200, pairs=5000, epochs=20),
        (
            ("nsl", {"s": 4.0}),
            ("nsl", {"s": 8.0}),
            ("cosface", {"s": 4.0, "m": 0.35}),
            ("cosface", {"s": 8.0, "m": 0.35}),
            ("cosface", {"s": 4.0, "m": 0.2}),
            ("cosface", {"s": 8.0, "m": 0.2}),
            ("nsl", {"s": 16.0}),
            ("cosface", {"s": 16.0, "m": 0.35}),
            ("nsl", {"s": 2.0}),
            ("cosface", {"s": 2.0, "m": 0.35}),
        ),
    ),
    (
        Size(people=200, pictures=200, unseen=1000, pairs=10_000, epochs=2.5),
        (
            ("nsl", {"s": 12.0}),
            ("cosface", {"s": 8.0, "m": 0.2}),
            ("cosface", {"s": 12.0, "m": 0.2}),
            ("cosface", {"s": 16.0, "m": 0.2}),
            ("nsl", {"s": 8.0}),
            ("nsl", {"s": 16.0}),
        ),
    ),
)


def main(out: Path, say: Say = print) -> None:
    """Train every try once and keep the record after each; what it holds of this code is kept.

    Args:
        out: the record.
        say: takes a line of progress.
    """
    first = SEARCH[0][0]
    found = record.Growing(
        out,
        __name__,
        recipe("nsl", {}, 0, first.people * first.pictures, first.epochs).to_dict(),
        what="FaceWorld, few and many pictures of each person: NSL and CosFace at the same scales",
        command=f"cosface-edu record {NAME}",
        data={"source": "FaceWorld", "world_seed": GRID_WORLD, "people": "see runs"},
        threads=THREADS,
    )
    done = [_name(run) for run in found.runs]
    total = sum(len(tries) for _, tries in SEARCH)
    for size, tries in SEARCH:
        named = {"people": size.people, "pictures": size.pictures, "epochs": size.epochs, "strangers": size.unseen}
        missing = [(loss, options) for loss, options in tries if _name(named | {"loss": loss} | options) not in done]
        if not missing:
            continue
        drawn = material(size)
        for loss, options in missing:
            say(f"{size.people:,} people with {size.pictures} pictures each")
            run = judged(size, loss, options, drawn, say)
            found.add(named | run, note=f"single runs, to choose settings by: {len(found.runs) + 1} of {total}")


def _name(run: dict[str, Any]) -> tuple[Any, ...]:
    return run["people"], run["pictures"], run["loss"], run["s"], run.get("m")


def judged(size: Size, loss: str, options: dict[str, float], drawn: Material, say: Say) -> dict[str, Any]:
    """One try, trained and judged: a row of the record, but for the size.

    Args:
        size: gives the epochs.
        loss: its name.
        options: its s and m.
        drawn: of `material`.
        say: takes a line of progress.
    """
    asked = recipe(loss, options, 0, len(drawn.faces), size.epochs)
    (run,) = run_all([asked], {asked.size: drawn}, say, fars=MANY_FARS)
    return run


def material(size: Size) -> Material:
    """People to train on and pairs of others, exactly aligned, ten pictures of each of the others.

    Args:
        size: how many.
    """
    shape = preset("rehearsal").size
    known = InMemory(FaceWorldDataset(size.people, size.pictures, shape, GRID_WORLD))
    others = InMemory(FaceWorldDataset(size.unseen, UNSEEN_PICTURES, shape, GRID_WORLD, first=100_000))
    pairs = evaluation.draw_pairs(Part(others, torch.arange(size.unseen)), size.pairs)
    return Material(Part(known, torch.arange(size.people)), pairs)
