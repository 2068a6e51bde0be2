"""What does a loss cost on the GPU, on top of the matrix product under it? And what do others' forms of it cost?

The bare product is F.linear(normalize(x), normalize(W)) forward and backward, with a gradient from outside: what no
implementation can do without. Heads compute in float32; whether its products may use TF32 is set for both alike.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cosface_edu import losses

from . import Job, milliseconds

B, D = 512, 512
SIZES = (10_575, 100_000, 1_000_000)
HUGE, HUGE_CHUNK = 10_000_000, 32
CHUNK = 64
AT_A_MILLION = ("cosface", "arcface")


class Plain(nn.Module):
    """CosFace as it is usually written: normalise, subtract a one-hot margin, scale, cross entropy."""

    def __init__(self, classes: int, s: float = 64.0, m: float = 0.35) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, D) * 0.05)
        self.s, self.m = s, m

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        cos = F.linear(F.normalize(x), F.normalize(self.weight))  # (B, C)
        return F.cross_entropy(self.s * (cos - self.m * F.one_hot(labels, cos.shape[1])), labels)


class Bare(nn.Module):
    """The product alone; its backward pass is given a gradient."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, D) * 0.05)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return F.linear(F.normalize(x), F.normalize(self.weight))


def run(job: Job) -> dict[str, Any]:
    """Times and peak memory: every loss at 10,575 and 100,000 classes, two at a million, one at ten millions."""
    found: dict[str, Any] = {"B": 32 if job.tiny else B, "D": D, "rows": []}
    sizes = (200, 500, 900) if job.tiny else SIZES
    names = [name for name in losses.available() if name not in ("lmcl", "amsoftmax")]
    for tf32 in (False, True):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        for classes in sizes:
            wanted = [n for n in names if classes != sizes[-1] or n in AT_A_MILLION]
            if tf32:
                wanted = [n for n in wanted if n in AT_A_MILLION]
            _size(job, found, classes, tf32, wanted)
    torch.backends.cuda.matmul.allow_tf32 = False
    huge = 2000 if job.tiny else HUGE
    row = measured(job, lambda: losses.CosFace(D, huge, chunk_size=HUGE_CHUNK), huge, found["B"], 1.0)
    found["rows"].append({"what": f"cosface, chunks of {HUGE_CHUNK}", "C": huge, "tf32": False, **row})
    job.keep(found)
    return found


def compiled(loss: nn.Module) -> nn.Module:
    loss.compile(dynamic=False)
    return loss


def _size(job: Job, found: dict[str, Any], classes: int, tf32: bool, names: list[str]) -> None:
    bare = measured(job, lambda: Bare(classes), classes, found["B"])
    candidates: dict[str, Callable[[], nn.Module]] = {
        name: lambda name=name: losses.create(name, in_features=D, num_classes=classes)  # type: ignore[misc]
        for name in names
    }
    candidates["cosface, in chunks"] = lambda: losses.CosFace(D, classes, chunk_size=CHUNK)
    candidates["plain form"] = lambda: Plain(classes)
    try:
        from pytorch_metric_learning.losses import CosFaceLoss

        candidates["pytorch-metric-learning"] = lambda: CosFaceLoss(classes, D)
    except ImportError:
        found["pytorch-metric-learning"] = "not installed"
    if job.device.type == "cuda" and classes > SIZES[0] and not tf32:
        candidates["cosface, compiled"] = lambda: compiled(losses.CosFace(D, classes))
        candidates["plain form, compiled"] = lambda: compiled(Plain(classes))
    found["rows"].append({"what": "bare product", "C": classes, "tf32": tf32, **bare})
    for what, make in candidates.items():
        if job.left() < 10:
            return
        row = measured(job, make, classes, found["B"])
        if "ms" in row and "ms" in bare:
            row["times_the_product"] = row["ms"] / bare["ms"]
        found["rows"].append({"what": what, "C": classes, "tf32": tf32, **row})
    job.keep(found)
    mine = found["rows"][-len(candidates) :]
    rows = {row["what"]: round(row["times_the_product"], 3) for row in mine if "times_the_product" in row}
    job.say(f"C = {classes:,}, TF32 {tf32}: product {bare.get('ms', 0):.2f} ms; times it: {rows}")


def measured(
    job: Job, make: Callable[[], nn.Module], classes: int, batch: int, seconds: float = 0.25
) -> dict[str, Any]:
    """Milliseconds of forward and backward, and the most memory beyond what was there before."""
    try:
        cuda = job.device.type == "cuda"
        if cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated() if cuda else 0
        with job.device:
            torch.manual_seed(0)
            loss = make()
            x, labels = torch.randn(batch, D, requires_grad=True), torch.randint(classes, (batch,))
            given = torch.randn(batch, classes) if isinstance(loss, Bare) else None
        loss = loss.to(job.device)

        def step() -> None:
            x.grad = None
            loss.zero_grad(set_to_none=True)
            loss(x, labels).backward(given)

        row: dict[str, Any] = {"ms": milliseconds(step, job.device, seconds)}
        if cuda:
            centres = 2 * 4 * sum(p.numel() for p in loss.parameters())
            row["peak_gb"] = (torch.cuda.max_memory_allocated() - before) / 1e9
            row["centres_and_gradient_gb"] = centres / 1e9
        return row
    except (torch.OutOfMemoryError, RuntimeError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:200]}
