"""Table 2 and Fig. 5 at ten thousand people: every loss at its own best scale, three seeds, a million strangers.

Scales and margins are chosen on world 1, one seed, half the steps, by TAR at FAR 1e-4; CosFace is tried at every scale
at which NSL is. Then world 0, other people, three seeds. Last, CosFace against m from 0 to .6, at s = 64 and at the
best scale. One network for all, small enough for many runs.
"""

from collections.abc import Sequence
from typing import Any

from cosface_edu import losses
from cosface_edu.faces import FaceWorldDataset
from cosface_edu.training import Config, preset
from cosface_edu.training.batches import InMemory

from . import Job
from .sweep import SIZE, Judge, Row, earlier, sweep, trained

PEOPLE, EACH = 10_572, 46
EPOCHS = 8.0
DISTRACTORS = 1_000_000
SCALES = (8.0, 16.0, 32.0, 64.0)
SEEDS = (0, 1, 2)
MARGINS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6)
#: What is tried for each loss of the paper's Table 2 that this loop trains, and ArcFace beside them.
CANDIDATES: dict[str, list[dict[str, float]]] = {
    "softmax": [{}],
    "nsl": [{"s": s} for s in SCALES],
    "cosface": [{"s": s, "m": m} for s in SCALES for m in (0.1, 0.2, 0.35)],
    "arcface": [{"s": s, "m": m} for s in SCALES for m in (0.2, 0.5)],
    "asoftmax": [{"m": 4.0}],
    "asoftmax_normfea": [{"s": s, "m": 4.0} for s in SCALES],
    "lsoftmax": [{"m": 4.0}],
    "softmax_center": [{}],
    "softmax_contrastive": [{}],
}
CHOSEN_BY = "tar_0.0001"


def run(job: Job) -> dict[str, Any]:
    """As long as the minutes allow; the next minutes go on."""
    base = configuration(job)
    rows = earlier(job, "table")
    kept: dict[int, tuple[InMemory, Judge]] = {}

    def one(what: Row, config: Config) -> Row:
        world = what["world"]
        if world not in kept:
            kept.clear()  # one world at a time
            faces = InMemory(FaceWorldDataset(base.identities, base.per_identity, SIZE, seed=world), job.device)
            kept[world] = faces, Judge.draw(job, world, 500 if job.tiny else DISTRACTORS)
        return trained(job, config, *kept[world])

    found: dict[str, Any] = {
        "data": {"source": "FaceWorld", "people": base.identities, "pictures": base.identities * base.per_identity}
    }
    found |= {"config": base.to_dict(), "rows": rows}
    done = sweep(job, rows, lambda rows: plan(base, rows), one, lambda rows: job.keep(found))
    return found | {"whole": done}


def configuration(job: Job) -> Config:
    """The same for every loss but for the loss itself."""
    people, each = (30, 4) if job.tiny else (PEOPLE, EACH)
    batch = 24 if job.tiny else 512
    return preset("rehearsal").replace(
        identities=people, per_identity=each, size=SIZE, held_out=0, batch=batch, lr_warm_up=0 if job.tiny else 200,
        steps=int(people * each * (1 if job.tiny else EPOCHS) / batch), in_memory=True, device=job.device.type,
        precision="bf16" if job.device.type == "cuda" else "fp32", log_every=200, loss_options={},
        network_options={} if job.tiny else {"blocks": (1, 2, 2, 2)}, embedding=128,
    )  # fmt: skip


def plan(base: Config, rows: Sequence[Row]) -> tuple[Row, Config] | None:
    """The next run: the search, then three seeds of what it chose, then the margins."""
    made = {_key(row) for row in rows}
    search = [("search", loss, options, 1, 0) for loss in CANDIDATES for options in CANDIDATES[loss]]
    queue: list[tuple[str, str, dict[str, float], int, int]] = list(search)
    if all(item in made for item in map(_item, search)):
        best = {loss: chosen(rows, loss) for loss in CANDIDATES}
        found = [(loss, setting) for loss, setting in best.items() if setting is not None]
        queue += [("table", loss, setting, 0, seed) for seed in SEEDS for loss, setting in found]
        scales = dict.fromkeys([64.0, (best["cosface"] or {"s": 64.0})["s"]])
        queue += [
            ("margin", "cosface" if m else "nsl", {"s": s} | ({"m": m} if m else {}), 0, seed)
            for seed in SEEDS
            for s in scales
            for m in MARGINS
        ]
    for part, loss, options, world, seed in queue:
        if _item((part, loss, options, world, seed)) not in made:
            steps = max(1, base.steps // 2) if part == "search" else base.steps
            what = {"part": part, "loss": loss, "options": options, "world": world, "seed": seed}
            return what, base.replace(loss=loss, loss_options=options, seed=seed, steps=steps, world_seed=world)
    return None


def chosen(rows: Sequence[Row], loss: str) -> dict[str, float] | None:
    """The setting of a loss that the search found best; None where every run diverged."""
    tried = [row for row in rows if row["part"] == "search" and row["loss"] == loss and "diverged" not in row]
    return max(tried, key=lambda row: row[CHOSEN_BY] or 0.0)["options"] if tried else None


def _item(item: tuple[str, str, dict[str, float], int, int]) -> tuple[Any, ...]:
    part, loss, options, world, seed = item
    return part, loss, tuple(sorted(options.items())), world, seed


def _key(row: Row) -> tuple[Any, ...]:
    return _item((row["part"], row["loss"], row["options"], row["world"], row["seed"]))


# A name that the registry does not know would be found out after hours otherwise.
assert set(CANDIDATES) <= set(losses.available())
