"""People that are drawn for `table` and `worth`, once for all processes of a machine, and the run that sees them."""

from collections.abc import Callable

import torch
from filelock import FileLock
from torch import Tensor

from cosface_edu.experiments import cache
from cosface_edu.faces import FaceWorldDataset
from cosface_edu.files import atomically
from cosface_edu.training import Config, preset
from cosface_edu.training.batches import InMemory

from . import Job
from .sweep import SIZE

CASIA = PEOPLE, EACH = 10_572, 46  # people, and pictures of each
EPOCHS = 4.0


def configuration(job: Job) -> Config:
    """The same for every loss but for the loss itself; batches so large that a GPU has something to do at each step."""
    people, each, batch = (30, 4, 24) if job.tiny else (PEOPLE, EACH, 1024)
    on_gpu = job.device.type == "cuda"
    return preset("rehearsal").replace(
        identities=people, per_identity=each, size=SIZE, held_out=0, batch=batch, lr=0.2, in_memory=True,
        lr_warm_up=0 if job.tiny else 100, steps=int(people * each * (1 if job.tiny else EPOCHS) / batch),
        network_options={} if job.tiny else {"blocks": (1, 2, 2, 2)}, embedding=128, loss_options={}, log_every=200,
        device=job.device.type, precision="bf16" if on_gpu else "fp32", compile=on_gpu,
    )  # fmt: skip


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
