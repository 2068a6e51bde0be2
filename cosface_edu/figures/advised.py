"""Tables of the page on which s and m to try: markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cosface_edu import geometry
from cosface_edu.experiments.free import Seen
from cosface_edu.experiments.settings import setting
from cosface_edu.figures.tables import table


def few(report: dict[str, Any]) -> str:
    """The record `few-pictures`: what each setting's training said, and what strangers say; means over the seeds."""
    rows = []
    kinds = dict.fromkeys((run["loss"], setting(run)) for run in report["runs"])
    for loss, at in kinds:
        runs = [run for run in report["runs"] if (run["loss"], setting(run)) == (loss, at)]
        first, last, known, met = (
            np.mean([run[key] for run in runs]) for key in ("first_loss", "last_loss", "known", "met")
        )
        rates = ", ".join(f"{100 * run['tar']:.1f} %" for run in runs)
        rows.append([loss, at, f"{first:.2f}", f"{last:.2f}", f"{100 * known:.1f} %", f"{100 * met:.1f} %", rates])
    said = ["first loss", "last loss", "own pictures right, no margin", "with margin"]
    return table(["loss", "setting", *said, "strangers: TAR at FAR 0.001, each seed"], rows, "llrrrrl")


def free(runs: Mapping[str, Sequence[Seen]]) -> str:
    """What `experiments.free.descend` saw under each loss."""
    rows = []
    for name, seen in runs.items():
        for one in seen:
            cosines = (f"{one.target:+.2f}", f"{one.all:+.2f}")
            rows.append([name, str(one.step), f"{one.loss:.2f}", f"{100 * one.accuracy:.0f} %", *cosines])
            name = ""
    return table(["loss", "step", "loss", "accuracy", "cosine to its own centre", "to all centres"], rows)


def first_losses(measured: Mapping[tuple[int, int, float, float], float]) -> str:
    """Measured first losses by (C, D, s, m) beside the two formulas for them."""
    rows = []
    for (C, D, s, m), loss in measured.items():
        equal, spread = geometry.start_loss(C, s, m), geometry.random_start_loss(C, s, m, D)
        rows.append([f"{C:,}", str(D), f"{s:g}", f"{m:g}", f"{equal:.1f}", f"{spread:.1f}", f"{loss:.1f}"])
    heads = ["people", "features", "s", "m", "all cosines 0", "random directions", "measured"]
    return table(heads, rows, "r")
