"""Many short runs on the GPU, in an order decided by what is known: what `table`, `worth`, `faces` and `carried` share.

A sweep is a list of runs that grows while it runs. Each finished run is a row in the record, so that a sweep that is
stopped, or whose minutes are over, goes on where it was, on another day and another machine: the record of earlier
minutes is read from the job's own folder, or else from the book's results. Each row says where it comes from.

The same command may be started several times with the same folder, which `--processes` does: each takes the next run
that nobody has taken. On a processor that is a run for each core. On an H100 one process of `table` waits for its own
launches, some four hundred a step: it did 44 steps a second, and the GPU computed for a fifth of the time. Four did 130
together, seven 240, about all that the GPU had.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import Tensor

from cosface_edu import evaluation
from cosface_edu.experiments import cache
from cosface_edu.faces import FaceWorld, FaceWorldDataset, many
from cosface_edu.files import atomically, write_atomically
from cosface_edu.training import Config, train
from cosface_edu.training.batches import InMemory
from cosface_edu.training.diagnose import TrainingDiverged

from . import Job, earlier_record, origin
from .casia import STRANGERS, features

Row = dict[str, Any]
Queue = Callable[[Sequence[Row]], list[tuple[Row, Config]]]
SIZE = (56, 48)
FARS = (1e-4, 1e-6)
DISTRACTORS_AT_ONCE = 100_000  # in a file, so that several processes draw a million
#: What is tried of the losses that the jobs compare: CosFace and ArcFace at every scale at which NSL is.
SCALES = (8.0, 16.0, 32.0, 64.0)
TRIED: dict[str, list[dict[str, float]]] = {
    "softmax": [{}],
    "nsl": [{"s": s} for s in SCALES],
    "cosface": [{"s": s, "m": m} for s in SCALES for m in (0.1, 0.2, 0.35)],
    "arcface": [{"s": s, "m": m} for s in SCALES for m in (0.2, 0.5)],
}
WAIT = 0.2  # seconds between two looks at what other processes have finished


def drawn_once(job: Job, name: str, draw: Callable[[], Tensor], where: torch.device | str) -> Tensor:
    """Pictures that are drawn by the first process that asks, and read from the disk by those beside it.

    Args:
        job: gives the folder.
        name: of the file.
        draw: gives the bytes. The code that draws faces is in the file's name too: changed, it draws anew.
        where: they are wanted. In the host's memory all processes look at the same pages of the file.
    """
    path = job.out / "drawn" / f"{name}-{cache.key('cosface_edu.faces')[:8]}.pt"
    path.parent.mkdir(exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            with atomically(path) as part:
                torch.save(draw(), part)
    return torch.load(path, map_location=where, weights_only=True, mmap=torch.device(where).type == "cpu")


def world(job: Job, people: int, each: int, seed: int, first: int = 0) -> InMemory:
    """Drawn people on the job's device, shared by the processes of a machine."""
    faces = FaceWorldDataset(people, each, SIZE, seed=seed, first=first)
    name = f"world-{seed}-{first}-{people}-{each}"
    return InMemory.of(drawn_once(job, name, lambda: InMemory(faces, job.device).images, job.device), faces.labels)


@dataclass(frozen=True)
class Judge:
    """Strangers of one world, drawn once for all runs and kept as bytes.

    Attributes:
        faces: people with several pictures each, for pairs and rates.
        distractors: blocks (N, 3, H, W) uint8 in the host's memory, one picture of each of N others; none: nobody is
            identified.
    """

    faces: InMemory
    distractors: list[Tensor]

    @classmethod
    def draw(cls, job: Job, seed: int, distractors: int) -> "Judge":
        """Draw them: 1,000 people × 8 pictures, and the distractors."""
        people, each = (24, 4) if job.tiny else (1000, 8)

        def block(who: Tensor) -> Tensor:
            drawing = FaceWorld(seed=seed, device=job.device)
            name = f"others-{seed}-{int(who[0])}-{len(who)}"
            return drawn_once(job, name, lambda: many.drawn(drawing, who, torch.zeros_like(who), SIZE), "cpu")

        blocks = torch.arange(2 * STRANGERS, 2 * STRANGERS + distractors).split(DISTRACTORS_AT_ONCE)
        return cls(world(job, people, each, seed, first=STRANGERS), [block(who) for who in blocks if len(who)])

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
        if self.distractors:
            probes = own[labels.to(own.device) < 80]
            blocks = (features(network, part) for block in self.distractors for part in block.split(8192))
            found["rank1"] = evaluation.megaface(probes, labels[: len(probes)], blocks, keep=2).rank1[-1]
        return found


def earlier(job: Job, name: str) -> list[Row]:
    """The rows of earlier minutes; what one does not say of its origin is what its record says."""
    found = earlier_record(name, job.tiny, job.out)
    if found is None:
        return []
    return [{"commit": found["commit"], "code": found["code"]} | row for row in found["results"]["rows"]]


class Rows:
    """What a sweep has found, by this process and by those beside it; a file for each run.

    Args:
        job: gives the folder.
        name: the job's.
    """

    def __init__(self, job: Job, name: str) -> None:
        self.folder = job.out / f"{name}-rows{'-tiny' if job.tiny else ''}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.before = earlier(job, name)
        self.lock = FileLock(self.folder / "record.lock")

    def now(self) -> list[Row]:
        """All of them, the oldest first."""
        new = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(self.folder.glob("*.json"), key=_age)]
        return self.before + [row for row in new if not done(self.before, row)]

    def take(self, missing: Sequence[tuple[Row, Config]]) -> tuple[Row, Config, FileLock] | None:
        """The first of some runs that nobody does or has done, and the lock that says so; None if there is none."""
        for what, config in missing:
            lock = FileLock(self._path(what).with_suffix(".lock"))
            with suppress(Timeout):
                lock.acquire(blocking=False)
                if not self._path(what).exists():  # finished since the others were looked at
                    return what, config, lock
                lock.release()
        return None

    def add(self, what: Row, row: Row) -> None:
        """Keep a finished run."""
        write_atomically(self._path(what), json.dumps(row).encode())

    def _path(self, what: Row) -> Path:
        return self.folder / f"{hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]}.json"


def _age(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name


def done(rows: Sequence[Row], what: Row) -> bool:
    """Whether a run is among the finished ones."""
    return any(all(row.get(key) == value for key, value in what.items()) for row in rows)


def ranked(rows: Sequence[Row], by: Callable[[Row], float | None], **of: Any) -> list[Row]:
    """The runs of a search, the best first; those that diverged are not among them.

    Args:
        rows: finished runs.
        by: what chooses, the more the better; None of a run that has too few pairs for it, which counts as 0.
        **of: what the rows of the search say, such as the loss.
    """
    tried = [row for row in rows if "diverged" not in row and done([row], of)]
    return sorted(tried, key=lambda row: by(row) or 0.0, reverse=True)


def best(rows: Sequence[Row], by: Callable[[Row], float | None], **of: Any) -> dict[str, float] | None:
    """The setting that a search found best, see `ranked`; None where every run diverged."""
    return next((row["options"] for row in ranked(rows, by, **of)), None)


def sweep(job: Job, name: str, queue: Queue, one: Callable[[Row, Config], Row], found: Row) -> Row:
    """Run what the queue says until it says nothing more or the minutes are over.

    Args:
        job: gives the time, and keeps what is found after every run.
        name: the job's.
        queue: from the finished runs to all that are known now, finished ones too: (what it is, its configuration).
        one: does a run, gives what came of it.
        found: what else is written down.

    Returns:
        `found`, the rows, and whether there is nothing left.
    """
    kept = Rows(job, name)
    pace = 0.0  # seconds a step, of the last run: the first of a process may compile

    while True:
        rows = kept.now()
        missing = [(what, config) for what, config in queue(rows) if not done(rows, what)]
        if not missing or job.left() < 1.2 * pace * missing[0][1].steps:
            return found | listed(rows) | {"whole": not missing}
        taken = kept.take(missing)
        if taken is None:  # others are at all that is known; what they find may say what comes next
            time.sleep(WAIT)
            continue
        what, config, lock = taken
        try:
            began = time.perf_counter()
            row = what | one(what, config)
            seconds = time.perf_counter() - began
            pace = seconds / config.steps
            kept.add(what, row | {"seconds": seconds} | origin(name, job.device))
        finally:
            lock.release()
        job.say(f"{what}: {seconds:.1f} s")
        with kept.lock:  # or an older list could be written over a newer one
            job.keep(found | listed(kept.now()))


def listed(rows: Sequence[Row]) -> Row:
    """The rows as a record has them, with the seeds that are among them."""
    return {"rows": list(rows), "seeds": sorted({row["seed"] for row in rows if "seed" in row})}


def trained(config: Config, faces: InMemory, judge: Judge) -> Row:
    """Train and judge; a run that leaves the numbers is a row that says so."""
    try:
        run = train(config, faces=faces, say=lambda line: None)
    except TrainingDiverged as error:
        return {"diverged": error.step}
    last = run.history[-1]
    return {"loss_at_end": last["loss"], "known": last["accuracy"], **judge(run.network)}
