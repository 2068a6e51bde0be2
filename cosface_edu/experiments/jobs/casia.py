"""CASIA-WebFace's size with no real person in it: 10,572 drawn people × 46, SphereFace-20, the paper's own setting.

The question is the paper's: does s = 64, m = .35 train from scratch, without batch normalisation, and how good is it on
strangers, ten folds and MegaFace's protocol among a million? The preset's 30,000 steps are run if they fit; otherwise
its schedule is shortened to as many as do, and the record says so. A setting that has learned nothing after a share of
its steps is stopped, and the next one in `SETTINGS` is tried.
"""

import math
import time
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from cosface_edu import evaluation
from cosface_edu.data import normalise, to_float
from cosface_edu.faces import FaceWorld, FaceWorldDataset, many
from cosface_edu.training import Config, preset, train
from cosface_edu.training.batches import InMemory
from cosface_edu.training.diagnose import TrainingDiverged

from . import Job, wait

PEOPLE, EACH = 10_572, 46
STRANGERS = 1_000_000  # numbers from here on are people nobody trains on
DISTRACTORS = 1_000_000
PROBES, PROBE_PICTURES = 80, 44  # FaceScrub's 80 people, 3,530 images
BLOCK = 8192
#: Tried in this order, as changes of the preset.
SETTINGS: dict[str, dict[str, Any]] = {
    "the paper's": {},
    "the margin grows over a third of the steps": {"margin_warm_up": 1 / 3, "lr_warm_up": 500},
    "s = 30, and the margin grows": {
        "margin_warm_up": 1 / 3,
        "lr_warm_up": 500,
        "loss_options": {"s": 30.0, "m": 0.35},
    },
}
LEARNED, LOOK = 0.01, 0.25  # training accuracy, without the margin, that shows life; looked at after this share
WEIGHTS = 15_000_000  # bytes of each file that the weights are cut into


class NothingLearned(Exception):
    """A setting that is given up."""


def run(job: Job) -> dict[str, Any]:
    """Draw, train as long as the minutes allow, judge; what remains of the time is for the million."""
    people, each = (40, 6) if job.tiny else (PEOPLE, EACH)
    base = preset("casia").replace(
        data="faceworld", identities=people, per_identity=each, network="sphereface20", held_out=0, in_memory=True,
        workers=0, compile=not job.tiny, device=job.device.type,
    )  # fmt: skip
    if job.tiny:
        base = base.replace(size=(32, 32), network="sphereface4", batch=32, precision="fp32", embedding=32)
    found: dict[str, Any] = {
        "data": {"source": "FaceWorld, world 0", "people": people, "pictures": people * each},
        "config": base.to_dict(),
    }

    began = time.perf_counter()
    faces = InMemory(FaceWorldDataset(people, each, base.size), job.device)
    wait(job.device)
    found["drawn_per_s"] = len(faces) / (time.perf_counter() - began)
    job.say(f"{len(faces):,} pictures drawn, {found['drawn_per_s']:,.0f} a second")
    job.keep(found)

    probe = train(base.replace(steps=4 if job.tiny else 240, log_every=2 if job.tiny else 60), faces=faces, say=job.say)
    rate = max(row["speed"] for row in probe.history)
    found["images_per_s"], found["first_steps"] = rate, probe.history
    # of the million: drawing, and both views of each through the network forwards, three times as fast as training
    judging = 5 if job.tiny else 25 + DISTRACTORS / found["drawn_per_s"] + 2 * DISTRACTORS / (2.5 * rate)
    network: nn.Module = probe.network
    for name, changes in SETTINGS.items():
        steps = min(base.steps, int(max(job.left() - judging, 1) * rate / base.batch))
        if job.tiny:
            steps = 10
        if steps < 10:
            break
        config = shortened(base, steps, changes)
        tried: dict[str, Any] = {"setting": name, "config": config.to_dict()}
        found.setdefault("tried", []).append(tried)
        history: list[str] = []
        job.say(f"{name}: {steps:,} steps")
        try:
            result = train(config, faces=faces, say=watch(job, steps, history))
        except (NothingLearned, TrainingDiverged) as error:
            tried |= {"given_up": str(error), "log": history}
            job.keep(found)
            continue
        tried |= {"history": result.history, "seconds": result.seconds}
        network = result.network
        job.keep(found)
        break
    keep_weights(job, network)
    network = network.eval()
    found["strangers"] = strangers(job, network, base.size)
    job.say(f"strangers: {found['strangers']}")
    job.keep(found)
    found["million"] = million(job, network, base.size)
    job.say(f"a million: {found['million']}")
    return found


def shortened(base: Config, steps: int, changes: dict[str, Any]) -> Config:
    """The preset's schedule, its milestones at the same shares of fewer steps."""
    milestones = tuple(round(step * steps / base.steps) for step in base.milestones)
    changes = dict(changes)
    if "margin_warm_up" in changes:
        changes["margin_warm_up"] = round(changes["margin_warm_up"] * steps)
    if "lr_warm_up" in changes:
        changes["lr_warm_up"] = min(changes["lr_warm_up"], steps // 10)
    return base.replace(steps=steps, milestones=milestones, log_every=max(1, steps // 200), **changes)


def watch(job: Job, steps: int, history: list[str]) -> Any:
    """Takes the run's lines; stops it where nothing is learned."""
    seen: list[float] = []

    def say(line: str) -> None:
        history.append(line)
        if not line.startswith("step") or "accuracy" not in line:
            return
        step = int(line[5 : line.index(":")].replace(",", ""))
        seen.append(float(line.split("accuracy ")[1].split(",")[0]))
        if len(seen) % 10 == 1:
            job.say(line)
        recent = seen[-5:]
        if not job.tiny and step >= LOOK * steps and sum(recent) / len(recent) < LEARNED:
            raise NothingLearned(f"accuracy {sum(recent) / len(recent):.4f} after {step:,} of {steps:,} steps")

    return say


@torch.no_grad()
def features(network: nn.Module, pixels: Tensor) -> Tensor:
    """(N, 3, H, W) bytes to (N, 2D) unit features of image and mirror image, in bf16 on a GPU."""
    device = next(network.parameters()).device
    out = []
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        for part in pixels.split(2048):
            x = normalise(to_float(part.to(device))).contiguous(memory_format=torch.channels_last)
            out.append(torch.cat([network(x), network(x.flip(-1))], dim=1).float())
    return F.normalize(torch.cat(out))


def strangers(job: Job, network: nn.Module, size: tuple[int, int]) -> dict[str, Any]:
    """LFW's shape: ten folds of 300 + 300 pairs of people who were never trained on."""
    people, pairs = (20, 20) if job.tiny else (1000, 3000)
    faces = InMemory(FaceWorldDataset(people, 6, size, first=2 * STRANGERS), job.device)
    drawn = evaluation.draw_pairs(faces, pairs)  # type: ignore[arg-type]
    own = features(network, faces.images).cpu()  # (n, 2D)
    scores = evaluation.cosine_scores(own, torch.stack([drawn.first, drawn.second], 1))
    result = evaluation.verify(scores, drawn.same, drawn.fold.numpy())
    return {
        "pairs": 2 * pairs,
        "accuracy": result.accuracy,
        "standard_error": result.standard_error,
        "tar_at_far_0.01": result.tar_at_far(0.1 if job.tiny else 0.01),
        "eer": result.eer,
    }


def million(job: Job, network: nn.Module, size: tuple[int, int]) -> dict[str, Any]:
    """MegaFace's protocol with drawn people: 80 × 44 probes, and as many distractors as the time allows."""
    people, each = (10, 4) if job.tiny else (PROBES, PROBE_PICTURES)
    probes = InMemory(FaceWorldDataset(people, each, size, first=3 * STRANGERS), job.device)
    world = FaceWorld(seed=0, device=job.device)
    seen = 0

    def blocks() -> Iterator[Tensor]:
        nonlocal seen
        wanted = 1000 if job.tiny else DISTRACTORS
        while seen < wanted and (job.left() > 5 or not seen):
            rows = min(BLOCK, wanted - seen)
            who = torch.arange(4 * STRANGERS + seen, 4 * STRANGERS + seen + rows)
            seen += rows
            yield features(network, many.drawn(world, who, torch.zeros_like(who), size))

    sizes = [10**n for n in range(1, 7)]
    own = features(network, probes.images)
    keep = math.ceil(1e-6 * len(own) * DISTRACTORS) + 2
    result = evaluation.megaface(own, probes.labels, blocks(), sizes=sizes, keep=max(keep, 5000))
    found: dict[str, Any] = {
        "probes": len(own),
        "distractors": seen,
        "rank1": dict(zip(map(str, result.sizes), result.rank1, strict=True)),
    }
    for far in (1e-6, 1e-5, 1e-4):
        try:
            found[f"tar_at_far_{far:g}"] = result.tar_at_far(far)
        except ValueError as error:
            found[f"tar_at_far_{far:g}"] = str(error)
    return found


def keep_weights(job: Job, network: nn.Module) -> None:
    """The network in half precision, in files small enough to travel."""
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, value in network.state_dict().items():
        half = value.half().cpu().contiguous() if value.is_floating_point() else value.cpu()
        rows_at_once = max(1, WEIGHTS // 4 // (half[0].nbytes or 1)) if half.dim() else 1
        for piece, rows in enumerate(half.split(rows_at_once) if half.dim() else [half]):
            if size + rows.nbytes > WEIGHTS:
                parts.append({})
                size = 0
            parts[-1][f"{name}@{piece}"] = rows.contiguous()
            size += rows.nbytes
    for number, part in enumerate(parts):
        save_file(part, job.out / f"casia-weights-{number}.safetensors")
