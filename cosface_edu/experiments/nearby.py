"""Where the book's recorded comparisons stand: people, pictures, what came of it, and what they leave open."""

import math
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from cosface_edu.experiments import few, shipped
from cosface_edu.experiments.jobs import swept, table, worth
from cosface_edu.experiments.jobs.judging import CHOSEN_BY
from cosface_edu.experiments.jobs.sweep import done, ranked
from cosface_edu.experiments.statistics import compared

#: Records in which losses were compared, or CosFace trained, on people in some number.
RECORDS = ("rehearsal", "faceworld-many", "casia-mini", "gpu-casia", few.NAME, "gpu-table", "gpu-worth")


@dataclass(frozen=True)
class Compared:
    """A recorded comparison.

    Attributes:
        record: its name.
        people: that it was trained on.
        pictures: of each, on average.
        features: length of a feature.
        settings: (s, m) of its runs of CosFace and NSL.
        said: what came of it.
        lacks: what it does not show.
    """

    record: str
    people: int
    pictures: float
    features: int
    settings: tuple[tuple[float, float], ...]
    said: str
    lacks: str

    def distance(self, people: int, pictures: int) -> float:
        """How far off a size is, by ratios: doubling the people counts as much as doubling the pictures."""
        return math.hypot(math.log(self.people / people), math.log(self.pictures / pictures))


def comparisons(people: int | None = None, pictures: int | None = None) -> list[Compared]:
    """The comparisons whose records are there, those of the nearest size first.

    Args:
        people: of one's own data; without, the order is that of `RECORDS`.
        pictures: of each person, likewise.
    """
    found = [one for name in RECORDS if (kept := _kept(name)) is not None for one in _read(name, kept)]
    if people is None or pictures is None:
        return found
    return sorted(found, key=lambda one: one.distance(people, pictures))


def _kept(name: str) -> dict[str, Any] | None:
    try:
        return shipped.recorded(name)
    except FileNotFoundError:
        return None


def _read(name: str, found: dict[str, Any]) -> list[Compared]:
    features = found["config"]["embedding"]
    if name not in ("gpu-worth", "gpu-table"):
        return [_alone_or_together(name, found)]
    rows = found["results"]["rows"]
    if name == "gpu-worth":
        return [
            _swept(
                name,
                people,
                pictures,
                features,
                runs,
                worth.DISTRACTORS,
                _close(ranked(rows, CHOSEN_BY, loss="nsl", world=1, people=people, pictures=pictures), runs)
                and not _both_judged(rows, people, pictures),
            )
            for (people, pictures), runs in swept.by_cell(rows).items()
        ]
    people, images = found["data"]["people"], found["data"]["pictures"]
    searched, runs = ranked(rows, CHOSEN_BY, loss="nsl", part="search"), swept.judged(rows)
    return [_swept(name, people, images / people, features, runs, table.DISTRACTORS, _close(searched, runs))]


def _swept(
    name: str,
    people: int,
    pictures: float,
    features: int,
    runs: list[dict[str, Any]],
    others: int,
    unclear: bool,
) -> Compared:
    """Losses at their own best settings, by rank 1 among other people; `unclear`: the search hardly chose NSL's."""
    lacks = [
        "no real face",
        "no other strangers",
        "" if "softmax" in {run["loss"] for run in runs} else "no softmax",
        "no clear choice of NSL's scale" if unclear else "",
    ]
    return Compared(
        record=name,
        people=people,
        pictures=pictures,
        features=features,
        settings=_settings(runs),
        said=_lead(runs, compared(runs, itemgetter("rank1"))["cosface_minus"]["nsl"], f"rank 1 among {others:,}"),
        lacks="; ".join(filter(None, lacks)),
    )


def _both_judged(rows: list[dict[str, Any]], people: int, pictures: int) -> bool:
    """Whether more than one of NSL's scales was judged for a size, and so the choice does not rest on the search."""
    cell = {"people": people, "pictures": pictures, "world": 0, "loss": "nsl"}
    return len({row["options"]["s"] for row in rows if done([row], cell)}) > 1


def _close(searched: list[dict[str, Any]], runs: list[dict[str, Any]]) -> bool:
    """Whether NSL's best two scales lay no further apart in the search than the chosen one's seeds when judged."""
    best, second, *_ = map(CHOSEN_BY, searched)
    seeds = [CHOSEN_BY(run) for run in runs if run["loss"] == "nsl"]
    return bool(best - second <= max(seeds) - min(seeds))


def _alone_or_together(name: str, found: dict[str, Any]) -> Compared:
    data, runs = found["data"], found.get("runs", [])
    tried = runs or [found["config"]["loss_options"]]
    images = data.get("images", data.get("pictures"))
    losses = {run["loss"] for run in runs}
    if "statistics" in found:
        said = _difference(found)
    elif runs:
        said = _each(runs)
    else:
        said = _alone(found)
    lacks = [
        "no real face" if data["source"].startswith("FaceWorld") else f"{data['people']} people only",
        "one seed" if len(found["seeds"]) == 1 else "",
        "no other loss" if not runs else "" if "softmax" in losses else "no softmax",
        "" if len({run["s"] for run in tried if run.get("loss", "cosface") == "cosface"}) > 1 else "no other s or m",
        found["note"] if name == few.NAME else "",
        "settings chosen on the pairs that judge them" if "chosen on the pairs" in found["note"] else "",
    ]
    return Compared(
        record=name,
        people=data["people"],
        pictures=images / data["people"],
        features=found["config"]["embedding"],
        settings=_settings(tried),
        said=said,
        lacks="; ".join(filter(None, lacks)),
    )


def _settings(runs: list[dict[str, Any]]) -> tuple[tuple[float, float], ...]:
    """(s, m) of the runs of CosFace and NSL, each once."""
    ours = [run for run in runs if "s" in run and run.get("loss", "cosface") in ("cosface", "nsl")]
    return tuple(dict.fromkeys((run["s"], run.get("m", 0.0)) for run in ours))


def _difference(found: dict[str, Any]) -> str:
    """CosFace less NSL, by the strictest measure that was taken."""
    name, measured = list(found["statistics"].items())[-1]
    return _lead(found["runs"], measured["cosface_minus"]["nsl"], name)


def _lead(runs: list[dict[str, Any]], gain: dict[str, float], name: str) -> str:
    cosface, nsl = (next(run for run in runs if run["loss"] == loss) for loss in ("cosface", "nsl"))
    mean, low, high = (f"{round(100 * gain[end], 2) + 0.0:+.2f}" for end in ("mean", "low", "high"))  # no -0.00
    return (
        f"CosFace (s = {cosface['s']:g}, m = {cosface['m']:g}) less NSL (s = {nsl['s']:g}), {name}: "
        f"{mean} points ({low} … {high})"
    )


def _each(runs: list[dict[str, Any]]) -> str:
    """The mean true-accept rate of each setting."""
    rates: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        rates.setdefault((run["loss"], ", ".join(f"{k} = {run[k]:g}" for k in ("s", "m") if k in run)), []).append(
            100 * run["tar"]
        )
    each = [f"{loss}{f' ({at})' if at else ''} {sum(some) / len(some):.1f} %" for (loss, at), some in rates.items()]
    return f"TAR at FAR {few.FAR:g}: " + ", ".join(each)


def _alone(found: dict[str, Any]) -> str:
    """CosFace alone, on strangers."""
    options, strangers = found["config"]["loss_options"], found["results"]["strangers"]
    way = found["results"]["tried"][-1]["setting"]
    return (
        f"CosFace (s = {options['s']:g}, m = {options['m']:g}), {way}: "
        f"{100 * strangers['accuracy']:.2f} % of strangers' pairs right"
    )
