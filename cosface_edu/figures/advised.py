"""Tables of the page on which s and m to try: markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cosface_edu import geometry
from cosface_edu.experiments.free import Seen
from cosface_edu.experiments.settings import setting


def few(report: dict[str, Any]) -> str:
    """The record `few-pictures`: what each setting's training said, and what strangers say; means over the seeds."""
    lines = [
        "| loss | setting | first loss | last loss | own pictures right, no margin | with margin "
        "| strangers: TAR at FAR 0.001, each seed |",
        "|---|---|--:|--:|--:|--:|---|",
    ]
    kinds = dict.fromkeys((run["loss"], setting(run)) for run in report["runs"])
    for loss, at in kinds:
        runs = [run for run in report["runs"] if (run["loss"], setting(run)) == (loss, at)]
        first, last, known, met = (
            np.mean([run[key] for run in runs]) for key in ("first_loss", "last_loss", "known", "met")
        )
        rates = ", ".join(f"{100 * run['tar']:.1f} %" for run in runs)
        lines.append(
            f"| {loss} | {at} | {first:.2f} | {last:.2f} | {100 * known:.1f} % | {100 * met:.1f} % | {rates} |"
        )
    return "\n".join(lines)


def free(runs: Mapping[str, Sequence[Seen]]) -> str:
    """What `experiments.free.descend` saw under each loss."""
    lines = [
        "| loss | step | loss | accuracy | cosine to the own centre | to all centres |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, seen in runs.items():
        for one in seen:
            lines.append(
                f"| {name} | {one.step} | {one.loss:.2f} | {100 * one.accuracy:.0f} % "
                f"| {one.target:+.2f} | {one.all:+.2f} |"
            )
            name = ""
    return "\n".join(lines)


def first_losses(measured: Mapping[tuple[int, int, float, float], float]) -> str:
    """Measured first losses by (C, D, s, m) beside the two formulas for them."""
    lines = [
        "| people | features | s | m | all cosines 0 | random directions | measured |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for (C, D, s, m), loss in measured.items():
        equal, spread = geometry.start_loss(C, s, m), geometry.random_start_loss(C, s, m, D)
        lines.append(f"| {C:,} | {D} | {s:g} | {m:g} | {equal:.1f} | {spread:.1f} | {loss:.1f} |")
    return "\n".join(lines)
