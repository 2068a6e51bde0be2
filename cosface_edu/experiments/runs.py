"""Runs of an experiment: each configuration trained and judged, side by side on a processor, each a row of a record."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import torch

from cosface_edu import evaluation
from cosface_edu.data import Faces, Pairs
from cosface_edu.devices import cores
from cosface_edu.experiments.settings import setting
from cosface_edu.training import Config, train

THREADS = 1  # of each run, see `judge`
Say = Callable[[str], None]


class Judged(NamedTuple):
    """What came of one run.

    Attributes:
        verification: of people it never saw.
        seconds: of training.
        known: share of its training pictures, unchanged, whose score without a margin is highest for their class: how
            much of them it has learned by heart.
        tar: true-accept rate over all pairs of the strangers' pictures, at each false-accept rate asked for.
    """

    verification: evaluation.Verification
    seconds: float
    known: float
    tar: dict[float, float]


class Material(NamedTuple):
    """What a run trains on and is judged by, in images of one size.

    Attributes:
        faces: to train on.
        pairs: to verify.
    """

    faces: Faces
    pairs: Pairs


def judge(
    configs: Sequence[Config],
    material: Mapping[tuple[int, int], Material],
    outs: Sequence[Path | None] = (),
    fars: Sequence[float] = (),
) -> Iterator[Judged]:
    """Train each configuration and verify pairs with its network, side by side on a processor.

    Small networks gain little from a second thread: two runs of one thread each, side by side, are done sooner than two
    runs of two threads, one after the other. A run's numbers do not depend on how many cores there are.

    In a script call it under `if __name__ == "__main__":`, since other processes import the script.

    Args:
        configs: the runs.
        material: what to train on and to verify, for each size of images among them.
        outs: a folder for each run, where it goes on if it was stopped; without folders nothing is kept.
        fars: false-accept rates over all pairs of the pairs' images, whose labels must say who is who.

    Yields:
        What came of each run, in the order of `configs`.
    """
    jobs = list(zip(configs, outs or [None] * len(configs), strict=True))
    workers = 1 if torch.cuda.is_available() else min(len(jobs), cores())
    if workers == 1:
        _lay_out(material, fars)
        yield from map(_judged, jobs)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _lay_out, (material, fars)) as pool:
        yield from pool.map(_judged, jobs)


_laid_out: tuple[Mapping[tuple[int, int], Material], Sequence[float]]  # of this process


def _lay_out(material: Mapping[tuple[int, int], Material], fars: Sequence[float]) -> None:
    """What every run of a process needs, sent to it once."""
    global _laid_out
    _laid_out = material, fars


def _judged(job: tuple[Config, Path | None]) -> Judged:
    (config, out), (material, fars) = job, _laid_out
    faces, pairs = material[config.size]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in one order, and no more threads than cores
    try:
        run = train(config, out, resume=True, faces=faces, say=lambda line: None)
        result = evaluation.evaluate(run.network, pairs, precision="float32", samples=1)
        features = evaluation.embed(run.network, faces, flip="none", precision="float32")
        classes = torch.as_tensor(faces.labels).unique(return_inverse=True)[1]
        with torch.no_grad():
            right = run.head.logits(features.to(run.head.weight.device)).argmax(dim=1).cpu() == classes
        tar = {}
        if fars:
            strangers = evaluation.embed(run.network, pairs.images, precision="float32")
            tar = {far: evaluation.tar_over_all_pairs(strangers, pairs.images.labels, far) for far in fars}
    finally:
        torch.set_num_threads(threads)
    return Judged(result.verification, run.seconds, float(right.float().mean()), tar)


def run_all(
    configs: Sequence[Config],
    material: Mapping[tuple[int, int], Material],
    say: Say,
    outs: Sequence[Path | None] = (),
    fars: Sequence[float] = (),
) -> list[dict[str, Any]]:
    """`judge`, each run as a row of a report, and said as it ends."""
    runs = []
    for config, judged in zip(configs, judge(configs, material, outs, fars), strict=True):
        runs.append(described(config, judged))
        say(said(runs[-1]))
    return runs


def described(config: Config, judged: Judged) -> dict[str, Any]:
    """One run as a row of a report."""
    return {
        "loss": config.loss,
        **config.loss_options,
        "seed": config.seed,
        "size": config.size,
        "accuracy": judged.verification.accuracy,
        "standard_error": float(judged.verification.standard_error),
        "eer": judged.verification.eer,
        "auc": judged.verification.auc,
        "known": judged.known,
        "tar": {str(far): rate for far, rate in judged.tar.items()},
        "training_seconds": judged.seconds,
    }


def said(run: dict[str, Any]) -> str:
    """A row of a report as a line of progress."""
    height, width = run["size"]
    return (
        f"{run['loss']}, {setting(run)}, seed {run['seed']}, images of {height}x{width}: "
        f"{100 * run['accuracy']:.2f} % of pairs right, {100 * run['known']:.1f} % of the training pictures, "
        f"{run['training_seconds']:.0f} s"
    )


def tar_at(run: dict[str, Any], far: float) -> float:
    """A run's true-accept rate at a false-accept rate that was asked for; JSON has the latter as text."""
    return float(run["tar"][str(far)])
