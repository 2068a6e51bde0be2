"""Is a recorded result still what the code gives? A run or a few of each record, made again by today's code.

Making a record again takes hours; one of its runs takes minutes, and says whether the package that a reader installs
still does what the book reports. Records name the commit that made them, and the code has changed since in most cases:
streams of random numbers, the order of sums. So a run need not come out equal to the last digit; it should not lie
further off than another seed. Made once by

    cosface-edu record spot-checks
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any, NamedTuple

from cosface_edu import data
from cosface_edu.experiments import (
    comparison,
    few,
    groups,
    lookalikes,
    record,
    rehearsal,
    search,
    shipped,
    strangers,
    toy,
)
from cosface_edu.experiments.comparison import Setting
from cosface_edu.experiments.runs import Say
from cosface_edu.experiments.settings import FULL, GRID_WORLD
from cosface_edu.experiments.toy import ToyConfig

Row = Mapping[str, Any]

NAME = "spot-checks"
#: What tells a run's setting from the others of its record.
WHICH = ("crowd", "people", "epochs", "loss", "s", "m", "D")
TOY = ToyConfig(loss="cosface", m=0.2)


def _few() -> list[Row]:
    faces, pairs = few.material()
    return [
        few.judged("nsl", {"s": 11.0}, 0, faces, pairs),
        few.judged("cosface", {"s": 14.0, "m": 0.2}, 0, faces, pairs),
    ]


def _search(say: Say) -> list[Row]:
    size = next(size for size, _ in search.SEARCH if (size.people, size.pictures) == (200, 10))
    named = {"people": size.people, "epochs": size.epochs}
    return [named | search.judged(size, "cosface", {"s": 8.0, "m": 0.35}, search.material(size), say)]


def _groups() -> list[Row]:
    errors = groups.run("balanced crowd", 0)
    return [{"crowd": "balanced crowd", "seed": 0, "groups": {group: vars(found) for group, found in errors.items()}}]


#: A record's name -> what makes some of its runs again, each with its setting, see `WHICH`, and its seed.
AGAIN: dict[str, Callable[[Say], Sequence[Row]]] = {
    "strangers": lambda say: [strangers.trained_and_measured(replace(TOY, s=64.0))],
    "lookalikes": lambda say: [lookalikes.row(run) for run in toy.many([TOY])],
    "loss-table": lambda say: list(comparison.compare(Setting(), [("LMCL", 0, 0.1), ("A-Softmax", 0, 0.1)], say)),
    "faceworld-grid": lambda say: rehearsal.grid((8.0,), (0.2,), (0,), FULL, GRID_WORLD, say)["runs"],
    few.NAME: lambda say: _few(),
    search.NAME: _search,
    "rehearsal": lambda say: rehearsal.rehearse(seeds=1, say=say)["runs"],
    "faceworld-many": lambda say: rehearsal.many(seeds=1, say=say)["runs"],
    "groups": lambda say: _groups(),
    "casia-mini-plain": lambda say: rehearsal.real_faces(
        data.root(), seeds=1, losses=("cosface",), plain=True, say=say
    )["runs"],
}


class Measure(NamedTuple):
    """What of a run is compared: in words with its unit, where a row has it, and how many units the row's 1 is."""

    words: str
    keys: tuple[str, ...]
    times: float = 100.0


ACCURACY = Measure("accuracy, %", ("accuracy",))
#: Where it is not that.
MEASURES: dict[str, Measure] = {
    "strangers": Measure("strangers' equal error rate, %", ("strangers", "eer")),
    "lookalikes": Measure("angle between B and H, degrees", ("apart",), 1.0),
    "loss-table": ACCURACY._replace(times=1.0),
    "groups": Measure("group A's false rejects, %", ("groups", "A", "false_rejects")),
}


def main(out: Path, say: Say = print) -> None:
    """Make the runs of `AGAIN` again, record after record, and keep what came out after each.

    Args:
        out: the record; what it holds of this very code is kept.
        say: takes a line of progress.

    Raises:
        FileNotFoundError: a record is not here, or real faces are asked for and not here.
    """
    found = record.Growing(
        out,
        __name__,
        {"which": list(AGAIN)},
        what="Runs of the book's records, made again by later code",
        command=f"cosface-edu record {NAME}",
        data={"source": "those of the records"},
    )
    for name, again in AGAIN.items():
        if any(run["record"] == name for run in found.runs):
            continue
        rows = [compared(name, run, shipped.recorded(name)["runs"]) for run in again(say)]
        found.add(*rows)
        for row in rows:
            say(f"{name}, {row['which']}: {row['recorded']:.4g} recorded, {row['again']:.4g} again")


def compared(name: str, again: Row, recorded: Sequence[Row]) -> dict[str, Any]:
    """A run made again, beside what its record says of it.

    Args:
        name: of the record.
        again: the run, as a row of the record.
        recorded: the record's rows.

    Returns:
        "record", "which" run, "seed", "measure" in words, its values "recorded" and "again", and "seeds": how far the
        record's seeds of that setting lie apart, None where it has one.

    Raises:
        ValueError: the record has no such run.
    """
    which = _setting(again)
    alike = [run for run in recorded if _setting(run) == which]
    before = [run for run in alike if run["seed"] == again["seed"]]
    if len(before) != 1:
        raise ValueError(f"{name}: {len(before)} recorded runs of {which}, seed {again['seed']}, and not one")
    measure = MEASURES.get(name, ACCURACY)
    values = [_value(run, measure) for run in alike]
    return {
        "record": name,
        "which": which,
        "seed": again["seed"],
        "measure": measure.words,
        "recorded": _value(before[0], measure),
        "again": _value(again, measure),
        "seeds": max(values) - min(values) if len(values) > 1 else None,
    }


def _setting(run: Row) -> dict[str, Any]:
    if "row" in run:  # its "loss" is a value
        return {"row": run["row"], "lr": run["lr"]}
    return {key: run[key] for key in WHICH if key in run}


def _value(run: Row, measure: Measure) -> float:
    return measure.times * float(reduce(getitem, measure.keys, run))  # type: ignore[arg-type]  # rows within rows
