"""CASIA-WebFace's size with no real person in it: 10,572 drawn people × 46, SphereFace-20, the paper's own setting.

The question is the paper's: does s = 64, m = .35 train from scratch, without batch normalisation, and how good is it on
strangers, ten folds and MegaFace's protocol among a million? The preset's 30,000 steps are run, in as many calls as
they need: where the minutes are over, or the process is killed, the next call on the same folder goes on from the last
checkpoint; so does the judging. A setting that has learned nothing after a share of its steps is given up, and the next
one in `SETTINGS` is tried; one that the book's record gave up after a schedule of as many steps is not tried again.
"""

import math
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from cosface_edu import evaluation
from cosface_edu.experiments import record
from cosface_edu.faces import FaceWorld, FaceWorldDataset, many
from cosface_edu.training import Config, preset, train
from cosface_edu.training.batches import InMemory
from cosface_edu.training.checkpoint import open_network
from cosface_edu.training.diagnose import TrainingDiverged

from . import Job, earlier_record, origin, wait
from .drawn import EACH, PEOPLE
from .judging import STRANGERS, features

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
LINES, SAVES = 200, 10  # of a run: logged, and written to the disk
ENDING = 10.0  # seconds that writing the record takes, at most
WEIGHTS = 15_000_000  # bytes of each file that the weights are cut into
LINE = re.compile(r"step ([\d,]+): loss (\S+), accuracy (\S+), lr (\S+), ([\d,]+) images/s")
RESUMED = re.compile(r"resumed .* at step (\d+)")


class NothingLearned(Exception):
    """A setting that is given up."""


class MinutesOver(Exception):
    """The rest is for another call."""


def run(job: Job) -> dict[str, Any]:
    """Draw, train, judge; what the minutes do not allow is left for the next call."""
    base = configuration(job)
    found = earlier(job) | {
        "data": {
            "source": "FaceWorld, world 0",
            "people": base.identities,
            "pictures": base.identities * base.per_identity,
        },
        "config": base.to_dict(),
    }
    if not any("seconds" in tried for tried in found.setdefault("tried", [])):
        try:
            training(job, base, found)
        except MinutesOver:
            return found | {"whole": False}
    reached = found["tried"][-1]
    if "seconds" not in reached:  # no setting learned anything
        return found
    network = open_network(job.out / "casia" / str(len(found["tried"])) / "last.pt")[0].to(job.device).eval()
    this = origin("casia", job.device)
    found["strangers"] = strangers(job, network, base.size) | this
    job.say(f"strangers: {found['strangers']}")
    job.keep(found)
    # of the million: drawing, and both views of each through the network forwards, three times as fast as training
    if not job.tiny and job.left() < DISTRACTORS / found["drawn_per_s"] + 2 * DISTRACTORS / (
        2.5 * found["images_per_s"]
    ):
        return found | {"whole": False}
    found["million"] = million(job, network, base.size) | this
    job.say(f"a million: {found['million']}")
    return found


def configuration(job: Job) -> Config:
    """The preset, on as many drawn people as CASIA-WebFace has."""
    base = preset("casia").replace(
        data="faceworld", identities=PEOPLE, per_identity=EACH, network="sphereface20", held_out=0, in_memory=True,
        workers=0, compile=not job.tiny, device=job.device.type,
    )  # fmt: skip
    if job.tiny:
        base = base.replace(
            identities=40, per_identity=6, size=(32, 32), network="sphereface4", batch=32, precision="fp32",
            embedding=32, steps=10, milestones=(),
        )  # fmt: skip
    return base.replace(log_every=max(1, base.steps // LINES), save_every=max(1, base.steps // SAVES))


def earlier(job: Job) -> dict[str, Any]:
    """What earlier calls found: with this folder everything, of the book's record what it gave up at this length."""
    if made := earlier_record("casia", job.tiny, job.out):
        return {**made["results"], "tried": with_origin(made)}
    book = record.path_of("gpu-casia")
    if job.tiny or not book.exists():
        return {}
    steps = configuration(job).steps
    tried = with_origin(record.load(book))
    return {"tried": [one for one in tried if "given_up" in one and one["config"]["steps"] == steps]}


def with_origin(made: dict[str, Any]) -> list[dict[str, Any]]:
    """The settings that a record tried; what one does not say of its calls is what its record says."""
    call = {"on": made["hardware"]["gpu"] or "cpu", "commit": made["commit"], "code": made["code"]}
    return [{"calls": [call]} | one for one in made["results"]["tried"]]


def training(job: Job, base: Config, found: dict[str, Any]) -> None:
    """Try the settings until one learns; `found` gets what came of each, and keeps what is under way.

    Raises:
        MinutesOver: the last checkpoint has what was done.
    """
    began = time.perf_counter()
    faces = InMemory(FaceWorldDataset(base.identities, base.per_identity, base.size), job.device)
    wait(job.device)
    found.setdefault("drawn_per_s", len(faces) / (time.perf_counter() - began))
    job.say(f"{len(faces):,} pictures drawn, {found['drawn_per_s']:,.0f} a second")
    if "images_per_s" not in found:
        few = base.replace(steps=4 if job.tiny else 240, log_every=2 if job.tiny else 60)
        probe = train(few, faces=faces, say=job.say)
        found |= {"images_per_s": max(row["speed"] for row in probe.history), "first_steps": probe.history}
    for number, (name, changes) in enumerate(SETTINGS.items(), 1):
        if number > len(found["tried"]):
            found["tried"].append(
                {"setting": name, "config": changed(base, changes).to_dict(), "history": [], "calls": []}
            )
        tried = found["tried"][number - 1]
        if "given_up" in tried:
            continue
        if (this := origin("casia", job.device)) not in tried["calls"]:
            tried["calls"].append(this)
        job.say(f"{name}: {base.steps:,} steps")
        out = job.out / "casia" / str(number)
        if not (out / "last.pt").exists():  # killed before the first save, or the folder's record came here alone
            tried["history"].clear()
        try:
            reached = train(changed(base, changes), out, resume=True, faces=faces, say=watch(job, base, tried, found))
        except (NothingLearned, TrainingDiverged) as error:
            tried["given_up"] = str(error)
            job.keep(found)
            continue
        tried["seconds"] = reached.seconds
        keep_weights(job, reached.network)
        job.keep(found)
        return


def changed(base: Config, changes: dict[str, Any]) -> Config:
    """A setting; its warm-up of the margin is a share of the steps."""
    if "margin_warm_up" in changes:
        changes = changes | {"margin_warm_up": round(changes["margin_warm_up"] * base.steps)}
    if "lr_warm_up" in changes:
        changes = changes | {"lr_warm_up": min(changes["lr_warm_up"], base.steps // 10)}
    return base.replace(**changes)


def watch(job: Job, base: Config, tried: dict[str, Any], found: dict[str, Any]) -> Callable[[str], None]:
    """Takes the run's lines; stops it where nothing is learned, or the minutes are over before the next save can be."""
    history: list[dict[str, float]] = tried["history"]
    first: tuple[int, float] | None = None  # the first line of this call, and when: what comes before is compilation

    def say(line: str) -> None:
        nonlocal first
        if resumed := RESUMED.match(line):
            history[:] = [row for row in history if row["step"] <= int(resumed[1])]
        if not (match := LINE.match(line)):
            job.say(line)
            return
        numbers = [float(text.replace(",", "")) for text in match.groups()]
        history.append(dict(zip(("step", "loss", "accuracy", "lr", "speed"), numbers, strict=True)))
        step, now = int(numbers[0]), time.perf_counter()
        first = first or (step, now)
        job.keep(found)  # a call that is killed leaves the lines up to its last checkpoint
        if len(history) % 10 == 1:
            job.say(line)
        recent = [row["accuracy"] for row in history[-5:]]
        if not job.tiny and step >= LOOK * base.steps and sum(recent) / len(recent) < LEARNED:
            raise NothingLearned(f"accuracy {sum(recent) / len(recent):.4f} after {step:,} of {base.steps:,} steps")
        ahead = 0.0
        if step > first[0] and step % base.save_every == base.log_every % base.save_every:  # just saved
            a_step = (now - first[1]) / (step - first[0])
            ahead = a_step * min(base.save_every, base.steps - step)
        if job.left() < ahead + ENDING:
            raise MinutesOver

    return say


def strangers(job: Job, network: nn.Module, size: tuple[int, int]) -> dict[str, Any]:
    """LFW's shape: ten folds of 300 + 300 pairs of people who were never trained on."""
    people, pairs = (20, 20) if job.tiny else (1000, 3000)
    faces = InMemory(FaceWorldDataset(people, 6, size, first=2 * STRANGERS), job.device)
    drawn = evaluation.draw_pairs(faces, pairs)  # type: ignore[arg-type]
    result = evaluation.verify_pairs(features(network, faces.images).cpu(), drawn)
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
    for file in job.out.glob("casia-weights-*.safetensors"):  # those of an earlier network may be more
        file.unlink()
    for number, part in enumerate(parts):
        save_file(part, job.out / f"casia-weights-{number}.safetensors")
