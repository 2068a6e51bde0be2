"""Jobs at full size: one command each, best first, made for a GPU that is at hand for minutes.

    python -m cosface_edu.experiments.jobs                 # the next jobs without a record
    python -m cosface_edu.experiments.jobs heads --minutes 2 --out somewhere
    python -m cosface_edu.experiments.jobs casia --tiny    # the same lines on a processor, in a minute
    python -m cosface_edu.experiments.jobs table --processes 7    # many short runs, as many at a time

A job keeps to its minutes, writes its record after every finding, and runs on a processor too: `tiny` makes it small
enough for that. What a record says of a GPU was run on the one that it names.
"""

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cosface_edu.experiments import record
from cosface_edu.experiments.closure import code_hash

Say = Callable[[str], None]

#: In the order in which they should be run, with the minutes that each is given if nobody says otherwise.
QUEUE: dict[str, float] = {
    "rates": 3.0,
    "checks": 1.5,
    "heads": 1.5,
    "networks": 2.5,
    "casia": 8.0,
    "chapters": 4.0,
    "table": 12.0,
    "carried": 12.0,
    "faces": 13.0,
    "worth": 12.0,
    "anew": 5.0,
}
#: Those that are many short runs and may share them out among processes, see `sweep`.
SWEEPS = ("table", "carried", "faces", "worth", "anew")
#: Those that go on from an earlier record; from the book's too, but for what needs checkpoints in its folder.
GO_ON = (*SWEEPS, "rates", "casia")


@dataclass
class Job:
    """What a job is given.

    Attributes:
        minutes: it should take no more.
        tiny: a size for a processor, to see that it runs.
        device: where.
        out: folder for the record and for weights.
        keep: called with what has been found so far, to be written down.
        say: takes a line of progress.
    """

    minutes: float
    tiny: bool
    device: torch.device
    out: Path
    keep: Callable[[dict[str, Any]], None]
    say: Say = print

    def __post_init__(self) -> None:
        self.began = time.perf_counter()

    def left(self) -> float:
        """Seconds that are left."""
        return 60 * self.minutes - (time.perf_counter() - self.began)


def run(job: str) -> Callable[[Job], dict[str, Any]]:
    """The function `run` of a job's module."""
    return importlib.import_module(f"{__name__}.{job}").run


def earlier_record(job: str, tiny: bool, out: Path) -> dict[str, Any] | None:
    """The record of a run of this size that a job goes on from: its folder's, or else the book's; None without one.

    Args:
        job: its name.
        tiny: the size. A record that does not say is of a whole run.
        out: the folder.
    """
    if job not in GO_ON:
        return None
    book = () if job == "casia" else (record.path_of(f"gpu-{job}"),)
    for path in (out / f"{job}.json", *book):
        if path.exists() and (found := record.load(path)).get("tiny", False) == tiny:
            return found
    return None


def origin(job: str, device: torch.device) -> dict[str, Any]:
    """What a row says of where it comes from: those of one record may be of several machines and commits.

    Args:
        job: its name.
        device: it runs on.
    """
    on = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {"on": on, "commit": record.commit(), "code": code_hash(f"{__name__}.{job}")}


def title(job: str) -> str:
    """The first line of a job's module: what it asks."""
    return (importlib.import_module(f"{__name__}.{job}").__doc__ or job).splitlines()[0]


def milliseconds(step: Callable[[], object], device: torch.device, seconds: float = 0.5) -> float:
    """Median time of a step, after three that are not counted.

    Args:
        step: what to time.
        device: it runs on; a GPU's time is taken by its own events.
        seconds: to go on for, and at least five steps.
    """
    times: list[float] = []
    for _ in range(3):
        step()
    wait(device)
    began = time.perf_counter()
    while len(times) < 5 or (time.perf_counter() - began < seconds and len(times) < 200):
        if device.type == "cuda":
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            step()
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end))
        else:
            before = time.perf_counter()
            step()
            times.append(1e3 * (time.perf_counter() - before))
    return sorted(times)[len(times) // 2]


def wait(device: torch.device) -> None:
    """Until the device has done what it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
