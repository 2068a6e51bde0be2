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
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cosface_edu.files import write_atomically
from cosface_edu.training import Config

from . import Job, earlier_record, origin

Row = dict[str, Any]
Queue = Callable[[Sequence[Row]], list[tuple[Row, Config]]]
SIZE = (56, 48)  # of the pictures that sweeps look at
#: What is tried of the losses that the jobs compare: CosFace and ArcFace at every scale at which NSL is.
SCALES = (8.0, 16.0, 32.0, 64.0)
TRIED: dict[str, list[dict[str, float]]] = {
    "softmax": [{}],
    "nsl": [{"s": s} for s in SCALES],
    "cosface": [{"s": s, "m": m} for s in SCALES for m in (0.1, 0.2, 0.35)],
    "arcface": [{"s": s, "m": m} for s in SCALES for m in (0.2, 0.5)],
}
WAIT = 0.2  # seconds between two looks at what other processes have finished


def earlier(job: Job, name: str) -> list[Row]:
    """The rows of earlier minutes; what one does not say of its origin is what its record says of all."""
    found = earlier_record(name, job.tiny, job.out)
    if found is None:
        return []
    origin = {"on": found["hardware"]["gpu"] or "cpu", "commit": found["commit"], "code": found["code"]}
    return [origin | row for row in found["results"]["rows"]]


class Rows:
    """What a sweep has found, by this process and by those beside it; a file for each run.

    Args:
        job: gives the folder.
        name: the job's.
    """

    def __init__(self, job: Job, name: str) -> None:
        self.folder = job.out / f"{name}-rows"
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
