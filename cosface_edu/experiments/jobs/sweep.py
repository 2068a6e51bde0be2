"""Many short runs on the GPU, in an order decided by what is known: what the jobs `table` and `worth` share.

A sweep is a list of runs that grows while it runs. Each finished run is a row in the record, so that a sweep that is
stopped, or whose minutes are over, goes on where it was, on another day and another machine: the record of earlier
minutes is read from the job's own folder, or else from the book's results.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cosface_edu import evaluation
from cosface_edu.experiments import record
from cosface_edu.faces import FaceWorld, FaceWorldDataset, many
from cosface_edu.training import Config, train
from cosface_edu.training.batches import InMemory
from cosface_edu.training.diagnose import TrainingDiverged

from . import Job
from .casia import STRANGERS, features

Row = dict[str, Any]
SIZE = (56, 48)
FARS = (1e-4, 1e-6)


@dataclass(frozen=True)
class Judge:
    """Strangers of one world, drawn once for all runs and kept as bytes on the device.

    Attributes:
        faces: people with several pictures each, for pairs and rates.
        distractors: (N, 3, H, W) uint8, one picture of each of N others.
    """

    faces: InMemory
    distractors: Tensor

    @classmethod
    def draw(cls, job: Job, world: int, distractors: int) -> "Judge":
        """Draw them: 1,000 people × 8 pictures, and the distractors."""
        people, each = (24, 4) if job.tiny else (1000, 8)
        faces = InMemory(FaceWorldDataset(people, each, SIZE, seed=world, first=STRANGERS), job.device)
        who = torch.arange(2 * STRANGERS, 2 * STRANGERS + distractors)
        return cls(faces, many.drawn(FaceWorld(seed=world, device=job.device), who, torch.zeros_like(who), SIZE))

    def __call__(self, network: torch.nn.Module) -> Row:
        """Accuracy on pairs, TAR over all pairs, rank 1 among the distractors."""
        own = features(network.eval(), self.faces.images)  # (n, 2D)
        labels = self.faces.labels
        pairs = evaluation.draw_pairs(self.faces, min(3000, len(labels) // 4))  # type: ignore[arg-type]
        scores = evaluation.cosine_scores(own.cpu(), torch.stack([pairs.first, pairs.second], 1))
        found: Row = {"accuracy": evaluation.verify(scores, pairs.same, pairs.fold.numpy()).accuracy}
        for far in FARS:
            try:
                found[f"tar_{far:g}"] = evaluation.tar_over_all_pairs(own, labels, far)
            except ValueError:  # too few pairs for so small a rate
                found[f"tar_{far:g}"] = None
        probes = own[labels.to(own.device) < 80]
        blocks = (features(network, part) for part in self.distractors.split(8192))
        found["rank1"] = evaluation.megaface(probes, labels[: len(probes)], blocks, keep=2).rank1[-1]
        return found


def earlier(job: Job, name: str) -> list[Row]:
    """The rows of earlier minutes, if they were of the same size."""
    for path in (job.out / f"{name}.json", record.path_of(f"gpu-{name}")):
        if path.exists():
            found = record.load(path)
            if bool(found["note"].startswith("a tiny run")) == job.tiny:
                return found["results"]["rows"]
    return []


def sweep(
    job: Job,
    rows: list[Row],
    plan: Callable[[Sequence[Row]], tuple[Row, Config] | None],
    one: Callable[[Row, Config], Row],
    keep: Callable[[list[Row]], None],
) -> bool:
    """Run what the plan says until it says nothing more or the minutes are over.

    Args:
        job: gives the time.
        rows: finished runs; new ones are added.
        plan: from the finished runs to the next one, (what it is, its configuration).
        one: does a run, gives what came of it.
        keep: writes the rows down.

    Returns:
        Whether the plan is done.
    """
    longest = 0.0
    while (following := plan(rows)) is not None:
        if job.left() < 1.2 * longest:
            return False
        began = time.perf_counter()
        what, config = following
        found = one(what, config)
        longest = max(longest, time.perf_counter() - began)
        rows.append(what | found | {"seconds": time.perf_counter() - began})
        job.say(f"{rows[-1]}")
        keep(rows)
    return True


def trained(job: Job, config: Config, faces: InMemory, judge: Judge) -> Row:
    """Train and judge; a run that leaves the numbers is a row that says so."""
    try:
        run = train(config, faces=faces, say=lambda line: None)
    except TrainingDiverged as error:
        return {"diverged": error.step}
    last = run.history[-1]
    return {"loss_at_end": last["loss"], "known": last["accuracy"], **judge(run.network)}
