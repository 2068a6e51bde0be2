"""Checks of the chapter on gradients and silence."""

import math

import torch
import torch.nn.functional as F

from cosface_edu.exercises import answers, exercise
from cosface_edu.experiments.numerical import quiet_angle
from cosface_edu.losses.margins import AdditiveCosine, NoMargin


def _autograd(cos: torch.Tensor, labels: torch.Tensor, s: float, m: float) -> torch.Tensor:
    cos = cos.clone().requires_grad_()
    target = AdditiveCosine(m).target(cos.gather(1, labels[:, None]))
    loss = F.cross_entropy(s * cos.scatter(1, labels[:, None], target), labels, reduction="sum")
    return torch.autograd.grad(loss, cos)[0]


@exercise("gradients-by-hand")
def by_hand(gradient) -> str:
    """A function (cos, labels, s, m) -> dL/dcos, compared with autograd."""
    answers.function(gradient)
    generator = torch.Generator().manual_seed(0)
    cos = 2 * torch.rand(6, 9, generator=generator, dtype=torch.float64) - 1
    labels = torch.randint(9, (6,), generator=generator)
    for s, m, hint in (
        (1.0, 0.0, "Even without margin and scale it differs: p - 1 on the target, p elsewhere."),
        (5.0, 0.0, "With s = 5 it differs: the chain rule through s·cosθ brings a factor."),
        (5.0, 0.35, "With m = 0.35 it differs: p must be the posterior with the margin."),
    ):
        got = answers.tensor(gradient(cos.clone(), labels, s, m), *cos.shape)
        assert torch.allclose(got.double(), _autograd(cos, labels, s, m), atol=1e-6), hint
    return "equal to autograd, without autograd."


@exercise("gradients-equal-silence")
def equal_silence(s: float) -> str:
    """The margin-free scale that is silent at the angle of CosFace with s = 64, m = 0.35."""
    s = answers.number(s, low=1e-6)
    wanted = math.degrees(quiet_angle(AdditiveCosine(0.35), 64.0, 10_575))
    got = math.degrees(quiet_angle(NoMargin(), s, 10_575))
    assert not math.isnan(got), f"With s = {s:g} no sample ever reaches 0.99: it is below the bound on s."
    right = (math.log(10_574) + math.log(99)) / math.cos(math.radians(wanted))
    assert abs(s - right) < 0.2, f"With s = {s:g} NSL falls silent at {got:.1f}°, CosFace at {wanted:.1f}°."
    return "a small scale has a margin of this size built in, as long as C stays the same."
