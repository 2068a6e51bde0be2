"""Every loss of the registry with the settings it is tested with, and the plain loop that it is tested against.

Both stand in `test_<name>.py`, the loss's own test file:

    CASES = {"": {"s": 10.0}, "length kept": {"s": None}}        # what is tested -> arguments

    def scores(head, cos, y, a, b): ...     # a list: the scores of one sample's classes, in the logits' units

where cos are one sample's cosines with the centres, y its class, a the length of its embedding and b the lengths of
the centres, all float64 scalars that carry a gradient. A file may also define

    prepare(loss)                           # running statistics that are not at their start
    cost(head, scores, y)                   # of one sample; cross entropy by default
    extra(head, x, labels)                  # a term beside the mean of the costs
    loop(loss, x, labels)                   # the whole loss, where there are no class centres
    HELD = "why"                            # the gradient holds something constant: no finite differences
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from cosface_edu import losses

sys.path.insert(0, str(Path(__file__).parent))


def _find() -> dict[str, tuple[str, ModuleType, dict[str, Any]]]:
    found = {}
    for name in dict.fromkeys(losses.card(name).name for name in losses.available()):
        tests = importlib.import_module(f"test_{name}")
        for label, options in tests.CASES.items():
            found[f"{name}, {label}" if label else name] = (name, tests, options)
    return found


def make(case: str, in_features: int, num_classes: int, **changes: Any) -> Any:
    """The loss of a case."""
    name, tests, options = CASES[case]
    loss = losses.create(name, in_features=in_features, num_classes=num_classes, **{**options, **changes})
    getattr(tests, "prepare", lambda loss: None)(loss)
    return loss


def is_head(case: str) -> bool:
    """Whether the loss has class centres."""
    return issubclass(losses.card(CASES[case][0]).loss, losses.Head)


def plain_loss(case: str, loss: Any, x: Tensor, labels: Tensor) -> Tensor:
    """The loss by plain loops over samples and classes; float64 in, float64 out, differentiable."""
    tests = CASES[case][1]
    if hasattr(tests, "loop"):
        return tests.loop(loss, x, labels)
    total = torch.zeros((), dtype=torch.float64)
    for xi, y in zip(x, labels.tolist(), strict=True):
        a, b = xi.norm(), [w.norm() for w in loss.weight]
        cos = [xi @ w / (a * length) for w, length in zip(loss.weight, b, strict=True)]
        scores = tests.scores(loss, cos, y, a, b)
        total = total + getattr(tests, "cost", cross_entropy)(loss, scores, y)
    total = total / len(x)
    return total + tests.extra(loss, x, labels) if hasattr(tests, "extra") else total


def cross_entropy(head: Any, scores: list[Tensor], y: int) -> Tensor:
    """-ln of the posterior."""
    return torch.stack(scores).exp().sum().log() - scores[y]


def continued(phi: Tensor) -> Tensor:
    """cosφ up to π, mirrored to keep falling up to 2π."""
    return phi.cos() if phi <= torch.pi else -2 - phi.cos()


def piecewise(m: int, theta: Tensor) -> Tensor:
    """A-Softmax's ψ, by looking for the interval."""
    k = next(k for k in range(m) if theta <= (k + 1) * torch.pi / m + 1e-12)
    return (-1) ** k * (m * theta).cos() - 2 * k


def with_target(plain: list[Tensor], y: int, target: Tensor) -> list[Tensor]:
    """The scores with another one for the target."""
    return [*plain[:y], target, *plain[y + 1 :]]


#: what a test is called by -> the loss's name, its test file, its arguments
CASES = _find()
#: the first case of each loss
FIRST = list({name: case for case, (name, _, _) in reversed(CASES.items())}.values())[::-1]
#: those with class centres
HEADS = [case for case in CASES if is_head(case)]
