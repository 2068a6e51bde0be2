"""Images a second of each network on the card, forward and backward, and whether the data keep up with it."""

import copy
from itertools import repeat
from typing import Any
from unittest.mock import patch

import torch

from cosface_edu import networks
from cosface_edu.faces import FaceWorldDataset
from cosface_edu.training import preset, train
from cosface_edu.training.batches import InMemory, Part
from cosface_edu.training.feed import feed

from . import Job, milliseconds

#: name, images a batch, seconds that its compilation may take
NETWORKS = (
    ("sphereface20", 512, 40.0),
    ("sphereface64", 512, 80.0),
    ("mobilefacenet", 512, 60.0),
    ("iresnet50", 256, 70.0),
    ("iresnet100", 256, 1e9),
)
PAPER = {"CASIA, 30,000 steps of 512": 30_000 * 512, "5 million images, 240,000 steps of 512": 240_000 * 512}


def run(job: Job) -> dict[str, Any]:
    """The card's own rate of bf16 products, each network eager and compiled, and the loop with and without its data."""
    found: dict[str, Any] = {"product_tflops": product(job), "rows": []}
    job.keep(found)
    for name, batch, compilation in NETWORKS[:1] if job.tiny else NETWORKS:
        for compiled in (False,) if job.tiny else (False, True):
            if job.left() < (compilation if compiled else 10):
                found["rows"].append({"network": name, "compiled": compiled, "skipped": "no time left"})
                continue
            row = speed(job, name, 8 if job.tiny else batch, compiled)
            found["rows"].append({"network": name, "compiled": compiled, **row})
            job.say(f"{found['rows'][-1]}")
            job.keep(found)
        if name == "sphereface20":
            found["feed"] = fed(job)
            job.say(f"feed: {found['feed']}")
            job.keep(found)
    return found


def product(job: Job) -> float:
    """10¹² operations a second of an 8192³ product of random bf16 matrices."""
    side = 256 if job.tiny else 8192
    a, b = (torch.randn(side, side, device=job.device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 / milliseconds(lambda: a @ b, job.device) / 1e9


def speed(job: Job, name: str, batch: int, compiled: bool) -> dict[str, Any]:
    """Images a second in bf16, channels last; backward with the gradient of a sum."""
    network = networks.create(name).to(job.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    recipe: dict[str, Any] = network.recipe
    size = recipe["options"].get("size", (112, 96))
    model: Any = torch.compile(network, dynamic=False) if compiled else network
    x = torch.randn(batch, 3, *size, device=job.device).contiguous(memory_format=torch.channels_last)
    half = torch.autocast(job.device.type, torch.bfloat16)

    def both() -> None:
        network.zero_grad(set_to_none=True)
        with half:
            features = model(x)
        features.float().square().mean().backward()

    def forward() -> None:
        with torch.inference_mode(), half:
            model(x)

    try:
        row: dict[str, Any] = {"batch": batch, "size": list(size)}
        row["forward_backward_per_s"] = 1e3 * batch / milliseconds(both, job.device)
        network.eval()
        if not compiled:  # another mode is another compilation
            row["forward_per_s"] = 1e3 * batch / milliseconds(forward, job.device)
        row["hours"] = {what: images / row["forward_backward_per_s"] / 3600 for what, images in PAPER.items()}
        if job.device.type == "cuda":
            row["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
            torch.cuda.reset_peak_memory_stats()
        return row
    except (torch.OutOfMemoryError, RuntimeError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:300]}


def fed(job: Job) -> dict[str, Any]:
    """Images a second of the whole loop: one batch over and over, bytes in the GPU's memory, bytes sent to it."""
    people, each = (20, 4) if job.tiny else (1000, 20)
    config = preset("casia").replace(
        data="faceworld", identities=people, per_identity=each, network="sphereface20", held_out=0, in_memory=True,
        workers=0, compile=not job.tiny, device=job.device.type, batch=16 if job.tiny else 512,
        steps=4 if job.tiny else 160, log_every=2 if job.tiny else 40, milestones=(), lr=0.01,
    )  # fmt: skip
    if job.tiny:
        config = config.replace(size=(32, 32), network="sphereface4", precision="fp32")
    faces = FaceWorldDataset(people, each, config.size)
    kept = InMemory(faces, job.device)
    here = copy.copy(kept)
    here.images = kept.images.cpu()  # drawing them again would take a processor half a minute
    batch = next(feed(Part(kept, torch.arange(people)), config, job.device))
    found = {}
    for what, data in (("in its memory", kept), ("sent from the host's", here)):
        found[what] = _rate(config, data)
    with patch("cosface_edu.training.loop.feed", lambda *arguments: repeat(batch)):
        found["one batch over and over"] = _rate(config, kept)
    return found | {
        f"share, {what}": found[what] / found["one batch over and over"] for what in list(found) if "over" not in what
    }


def _rate(config: Any, faces: InMemory) -> float:
    """The best of the logged speeds: the first has compilation in it."""
    return max(row["speed"] for row in train(config, faces=faces, say=lambda line: None).history)
