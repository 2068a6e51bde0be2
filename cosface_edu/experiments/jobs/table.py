"""Table 2 and Fig. 5 at ten thousand people: every loss at its own best scale, three seeds, a million strangers.

Scales and margins are chosen on world 1, one seed, half the steps, by TAR at FAR 1e-4; CosFace is tried at every scale
at which NSL is. Then world 0, other people, three seeds, and CosFace against m from 0 to .6, at s = 64 and at the best
scale (a run that the table has already is not made twice); then the other losses of the paper's table, and last the
further seeds of the margins. One network for all, small enough for many runs.
"""

from collections.abc import Sequence
from typing import Any

from cosface_edu import losses
from cosface_edu.training import Config
from cosface_edu.training.batches import InMemory

from . import Job
from .drawn import configuration, world
from .judging import CHOSEN_BY, Judge, trained
from .sweep import SCALES, TRIED, Row, best, done, sweep

DISTRACTORS = 1_000_000
SEEDS = (0, 1, 2)
MARGINS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
FIRST = TRIED  # the losses whose comparison is the book's claim come first
#: The others of the paper's Table 2 that this loop trains.
OTHERS: dict[str, list[dict[str, float]]] = {
    "asoftmax": [{"m": 4.0}],
    "asoftmax_normfea": [{"s": s, "m": 4.0} for s in SCALES],
    "lsoftmax": [{"m": 4.0}],
    "softmax_center": [{}],
    "softmax_contrastive": [{}],
}
Item = tuple[str, str, dict[str, float], int, int]


def run(job: Job) -> dict[str, Any]:
    """As long as the minutes allow; the next minutes go on."""
    base = configuration(job)
    kept: dict[int, tuple[InMemory, Judge]] = {}

    def one(what: Row, config: Config) -> Row:
        seed = what["world"]
        if seed not in kept:
            kept.clear()  # one world at a time
            distractors = 0 if what["part"] == "search" else 500 if job.tiny else DISTRACTORS
            kept[seed] = world(job, base.identities, base.per_identity, seed), Judge.draw(job, seed, distractors)
        return trained(config, *kept[seed])

    found: dict[str, Any] = {
        "data": {"source": "FaceWorld", "people": base.identities, "pictures": base.identities * base.per_identity},
        "config": base.to_dict(),
    }
    return sweep(job, "table", lambda rows: queue(base, rows), one, found)


def queue(base: Config, rows: Sequence[Row]) -> list[tuple[Row, Config]]:
    """All runs that are known now: the search, three seeds of what it chose, the margins once; the other losses alike.

    The margins' further seeds, which are the most, come last.
    """
    items: list[Item] = []
    curve: list[Item] = []
    for losses_of in (FIRST, OTHERS):
        search = [("search", loss, options, 1, 0) for loss in losses_of for options in losses_of[loss]]
        items += search
        if not all(done(rows, named(item)) for item in search):
            continue
        found = {loss: setting for loss in losses_of if (setting := chosen(rows, loss)) is not None}
        items += [("table", loss, setting, 0, seed) for seed in SEEDS for loss, setting in found.items()]
        if "cosface" in found:
            curve = [item for item in margins(found["cosface"]["s"]) if ("table", *item[1:]) not in items]
            items += [item for item in curve if item[-1] == SEEDS[0]]
    items += [item for item in curve if item[-1] != SEEDS[0]]
    runs = []
    for item in items:
        what = named(item)
        changes = {"loss": what["loss"], "loss_options": what["options"], "seed": what["seed"]}
        steps = max(1, base.steps // 2) if what["part"] == "search" else base.steps
        runs.append((what, base.replace(steps=steps, world_seed=what["world"], **changes)))
    return runs


def margins(scale: float) -> list[Item]:
    """Fig. 5, at the best scale and at s = 64; the three seeds of a margin only after the first of each."""
    return [
        ("margin", "cosface" if m else "nsl", {"s": s} | ({"m": m} if m else {}), 0, seed)
        for seed in SEEDS
        for s in dict.fromkeys([scale, 64.0])
        for m in MARGINS
    ]


def named(item: Item) -> Row:
    """What a run is, as its row says it."""
    part, loss, options, world_seed, seed = item
    return {"part": part, "loss": loss, "options": options, "world": world_seed, "seed": seed}


def chosen(rows: Sequence[Row], loss: str) -> dict[str, float] | None:
    """The setting of a loss that the search found best; None where every run diverged."""
    return best(rows, CHOSEN_BY, part="search", loss=loss)


# A name that the registry does not know would be found out after hours otherwise.
assert set(FIRST | OTHERS) <= set(losses.available())
