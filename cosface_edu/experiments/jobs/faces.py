"""Real faces: each loss at its own scale on four times the people, then the best single network of ten minutes.

Scale and margin are chosen on CFP's frontal-profile pairs, one seed; then five seeds each, judged once on LFW's
development pairs, which chose augmentation and dropout by hand before (`settings.REAL_CHANGES`). Last, the chosen
CosFace in larger networks, chosen and judged by the same two lists. What it reads is in `photographs`.
"""

from collections.abc import Sequence
from typing import Any

from cosface_edu.training import Config, train
from cosface_edu.training.diagnose import TrainingDiverged

from . import Job
from .photographs import EPOCHS, FACES, LISTS, configuration, figures, judges, photographs, verified
from .sweep import TRIED, Row, best, done, sweep

CHOSEN_ON, JUDGED_ON = "cfp-fp", "pairsDevTest"
CHOSEN_BY = "tar_0.01"

FIRST, OTHERS = ("softmax", "nsl", "cosface"), ("arcface",)  # the losses whose comparison is asked for come first
SEEDS = (0, 1, 2, 3, 4)
LARGE_EPOCHS = 60.0
NETWORKS = ("sphereface20", "mobilefacenet", "iresnet18")


def run(job: Job) -> dict[str, Any]:
    """As long as the minutes allow; the next minutes go on."""
    faces, lists = photographs(job), judges(job)
    base = configuration(job, len(faces))

    def one(what: Row, config: Config) -> Row:
        try:
            trained = train(config, faces=faces, say=lambda line: None)
        except TrainingDiverged as error:
            return {"diverged": error.step}
        seen = {name: pairs for name, pairs in lists.items() if name != JUDGED_ON or what["part"] != "search"}
        return {"known": trained.history[-1]["accuracy"]} | {
            name: figures(verified(trained.network, pairs)) for name, pairs in seen.items()
        }

    people = len(faces.labels.unique())
    found: dict[str, Any] = {
        "data": {"source": FACES, "people": people, "pictures": len(faces), "lists": list(LISTS)},
        "config": base.to_dict(),
    }
    return sweep(job, "faces", lambda rows: queue(base, rows), one, found)


def queue(base: Config, rows: Sequence[Row]) -> list[tuple[Row, Config]]:
    """All runs that are known now: the search, five seeds of what it chose, the chosen CosFace in larger networks."""
    items: list[Row] = []

    def item(part: str, loss: str, options: dict[str, float], network: str, seed: int) -> Row:
        return {"part": part, "loss": loss, "options": options, "network": network, "seed": seed}

    for losses_of in (FIRST, OTHERS):
        search = [item("search", loss, options, base.network, 0) for loss in losses_of for options in TRIED[loss]]
        items += search
        if not all(done(rows, what) for what in search):
            break
        found = {loss: setting for loss in losses_of if (setting := chosen(rows, loss)) is not None}
        items += [item("table", loss, setting, base.network, seed) for seed in SEEDS for loss, setting in found.items()]
    else:
        if (setting := chosen(rows, "cosface")) is not None:
            items += [item("network", "cosface", setting, network, 0) for network in NETWORKS]
    runs = []
    for what in items:
        changes = {"loss": what["loss"], "loss_options": what["options"], "seed": what["seed"]}
        if what["part"] == "network":
            steps = int(base.steps * LARGE_EPOCHS / EPOCHS)
            changes |= {
                "network": what["network"],
                "network_options": {},
                "embedding": 512,
                "steps": steps,
                "compile": False,
            }
        runs.append((what, base.replace(**changes)))
    return runs


def chosen(rows: Sequence[Row], loss: str) -> dict[str, float] | None:
    """The setting of a loss that the search found best; None where every run diverged."""
    return best(rows, lambda row: row[CHOSEN_ON].get(CHOSEN_BY), part="search", loss=loss)
