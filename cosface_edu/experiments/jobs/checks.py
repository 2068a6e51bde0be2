"""Is it right on the GPU? Every loss against float64 on the processor, FaceWorld, batches, a run that goes on.

The tests of this project run on processors; this job asks the same questions of the device.
"""

import contextlib
import copy
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cosface_edu import evaluation, losses
from cosface_edu.data import to_bytes
from cosface_edu.faces import FaceWorld
from cosface_edu.training import Config, train
from cosface_edu.training.batches import InMemory, Part, open_faces
from cosface_edu.training.diagnose import TrainingDiverged
from cosface_edu.training.feed import feed

from . import Job

B, D, C = 48, 32, 500
HALVES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
#: Largest relative error of loss and gradient that counts as right: a hundred roundings of float32.
ALLOWED = 1e-4
NOT_FINITE = 9e99  # JSON has no infinity
COMPILED = ("cosface", "arcface", "asoftmax", "adaface", "sphereface2")


def run(job: Job) -> dict[str, Any]:
    """All questions; a wrong answer is a row that says so, and the others go on."""
    found: dict[str, Any] = {"losses": [], "other": {}}
    for row in check_losses(job.device, job.tiny):
        found["losses"].append(row)
        if job.left() < 30:  # for the other questions
            break
    job.keep(found)
    wrong = [row for row in found["losses"] if not row["right"]]
    job.say(f"losses: {len(found['losses'])} checks, {len(wrong)} wrong {wrong[:5]}")
    for name, question in OTHER.items():
        try:
            found["other"][name] = {"right": True, **question(job.device)}
        except Exception as error:
            found["other"][name] = {"right": False, "error": f"{type(error).__name__}: {error}"}
        job.say(f"{name}: {found['other'][name]}")
        job.keep(found)
    return found


def check_losses(device: torch.device, few: bool = False) -> Iterator[dict[str, Any]]:
    """Each loss in each arithmetic and way, against float64 on the processor.

    Args:
        device: to check.
        few: leave out what compiles.

    Yields:
        loss, way, relative errors of the value and of the gradients, and whether they are small.
    """
    for name in losses.available():
        for way, half in HALVES.items():
            yield checked(name, way, device, half)
        yield checked(name, "chunked", device, None, {"chunk_size": 20})
    for name in () if few else COMPILED:  # last, because each takes its time
        yield checked(name, "compiled", device, None, compiled=True)


def checked(
    name: str,
    way: str,
    device: torch.device,
    half: torch.dtype | None,
    options: dict[str, Any] | None = None,
    compiled: bool = False,
) -> dict[str, Any]:
    """One loss, one way.

    Args:
        name: of the loss.
        way: what to call it.
        device: to check.
        half: autocast's dtype; the embeddings come in it too.
        options: of the head.
        compiled: whether `torch.compile` runs it.
    """
    row: dict[str, Any] = {"loss": name, "way": way}
    try:
        torch.manual_seed(0)
        head = losses.create(name, in_features=D, num_classes=C, **(options or {})).eval()  # eval: no random margins
        features = 3 * torch.randn(B, D).to(half or torch.float32)
        labels = torch.randint(C, (B,))
        labels[1] = labels[0]  # losses of pairs want one
        value, gradients = _value(copy.deepcopy(head).double(), features.double(), labels)
        there = copy.deepcopy(head).to(device)
        if compiled:
            there.compile()
        with torch.autocast(device.type, half or torch.bfloat16, enabled=half is not None):
            its_value, its_gradients = _value(there, features.to(device), labels.to(device))
        row["value"] = _error(its_value, value)
        row["gradient"] = max(_error(a, b) for a, b in zip(its_gradients, gradients, strict=True))
        # a gradient that is handed back in half precision is rounded to it
        allowed = ALLOWED if half is None else max(ALLOWED, 4 * torch.finfo(half).eps)
        row["right"] = row["value"] <= ALLOWED and row["gradient"] <= allowed
    except TypeError as error:  # a loss without centres has no chunks
        row |= {"right": "chunk_size" in str(error), "refused": str(error)}
    except Exception as error:
        row |= {"right": False, "error": f"{type(error).__name__}: {error}"[:300]}
    return row


def _value(head: nn.Module, features: Tensor, labels: Tensor) -> tuple[Tensor, list[Tensor]]:
    x = features.clone().requires_grad_()
    loss = head(x, labels)
    loss.backward()
    assert x.grad is not None
    return loss.detach(), [x.grad, *(p.grad for p in head.parameters() if p.grad is not None)]


def _error(found: Tensor, truth: Tensor) -> float:
    """‖found - truth‖ / ‖truth‖."""
    difference = (found.double().cpu() - truth.cpu()).norm() / truth.norm().cpu().clamp_min(1e-12)
    return float(difference) if torch.isfinite(difference) else NOT_FINITE


def sampled(device: torch.device) -> dict[str, Any]:
    """A tenth of the centres a step: the loss is a lower bound of the whole one, gradients finite."""
    head = losses.create("cosface", in_features=D, num_classes=C, sample_rate=0.1).to(device)
    x, labels = torch.randn(B, D, device=device, requires_grad=True), torch.randint(C, (B,), device=device)
    loss = head(x, labels)
    loss.backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    return {"loss": loss.item()}


def faces(device: torch.device) -> dict[str, Any]:
    """FaceWorld's pictures against the processor's: largest difference in byte steps, and how many bytes differ."""
    who, which = torch.arange(200), torch.arange(200) % 9
    here = FaceWorld(seed=0).images(who, which)[0]
    there = FaceWorld(seed=0, device=device).images(who, which)[0].cpu()
    steps = 255 * float((here - there).abs().max())
    differing = float((to_bytes(here) != to_bytes(there)).float().mean())
    assert steps <= 1, f"pictures differ by {steps:.2f} byte steps"
    return {"largest_difference_in_byte_steps": steps, "share_of_bytes_that_differ": differing}


def _config(device: torch.device, **changes: Any) -> Config:
    base = Config(
        identities=12, per_identity=6, size=(32, 32), network="small", embedding=16, loss="cosface",
        loss_options={"s": 16.0, "m": 0.2}, batch=24, steps=12, lr=0.05, milestones=(9,), crop=2, colour=0.2,
        occlude=0.3, log_every=4, save_every=4, validate_every=100, device=device.type, precision="bf16",
    )  # fmt: skip
    return base.replace(**changes)


def batches(device: torch.device) -> dict[str, Any]:
    """Batches sent as bytes, and those of a data set in the device's memory, against the processor's."""
    config = _config(device)
    everyone = torch.arange(12)
    drawn = InMemory(open_faces(config))
    moved = copy.copy(drawn)  # the same bytes: whether FaceWorld draws the same is another question
    moved.images = drawn.images.to(device)
    here = feed(Part(drawn, everyone), config, torch.device("cpu"))
    sent = feed(Part(drawn, everyone), config, device)
    kept = feed(Part(moved, everyone), config, device)
    worst = 0.0
    for (images, labels), *others in zip(here, sent, kept, strict=True):
        for its_images, its_labels in others:
            assert torch.equal(its_labels.cpu(), labels)
            worst = max(worst, float((its_images.cpu() - images).abs().max()) * 128)
    assert worst <= 1.5, f"batches differ by {worst:.2f} byte steps"
    return {"largest_difference_in_byte_steps": worst}


def resumes(device: torch.device) -> dict[str, Any]:
    """A run that stops and goes on against one that does not."""
    config = _config(device)
    whole = train(config, say=_silent)
    with tempfile.TemporaryDirectory() as folder:

        def stop(line: str) -> None:
            if line.startswith("step 8"):
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            train(config, folder, say=stop)
        continued = train(config, folder, resume=True, say=_silent)
    pairs = zip(whole.network.state_dict().values(), continued.network.state_dict().values(), strict=True)
    worst = max(_error(a.double(), b.double()) for a, b in pairs)
    assert worst < 1e-2, f"weights differ by {worst:.3g}"
    return {"largest_relative_difference_of_weights": worst, "bit_for_bit": worst == 0}


def notices(device: torch.device) -> dict[str, Any]:
    """A run that leaves the numbers says at which step, and keeps the last good checkpoint."""
    config = _config(device, precision="fp32", network="sphereface4", lr=1e12, milestones=(), steps=40, save_every=1)
    with tempfile.TemporaryDirectory() as folder:
        try:
            train(config, folder, say=_silent)
        except TrainingDiverged as error:
            state = torch.load(Path(folder) / "last.pt", weights_only=True) if error.checkpoint else None
            return {"step": error.step, "checkpoint_at": state and state["step"], "says": str(error)[-200:]}
    raise AssertionError("a learning rate of 1e12 was survived")


def verifies(device: torch.device) -> dict[str, Any]:
    """Features and ranks on the device against the processor's."""
    config = _config(device, identities=30)
    data = InMemory(open_faces(config))
    torch.manual_seed(0)
    network = train(config.replace(device="cpu", precision="fp32"), faces=data, say=_silent).network
    here = evaluation.embed(network, data, precision="float32")
    there = evaluation.embed(network.to(device), data, precision="float32")
    found = [
        evaluation.megaface(features[:60], data.labels[:60], features[60:]) for features in (here, there.to(device))
    ]
    assert found[0].rank1 == found[1].rank1
    return {"features": _error(there, here.double()), "rank1": found[1].rank1[-1]}


def _silent(line: str) -> None:
    """No progress."""


OTHER: dict[str, Callable[[torch.device], dict[str, Any]]] = {
    "sampled": sampled,
    "faces": faces,
    "batches": batches,
    "resumes": resumes,
    "notices": notices,
    "verifies": verifies,
}
