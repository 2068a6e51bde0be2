"""Checks of "Find the bug: in the loss": each fails on the code as it was found, and passes once it is mended."""

import math

import torch
import torch.nn.functional as F

from cosface_edu import losses
from cosface_edu.exercises import answers, exercise
from cosface_edu.losses.margins import AdditiveAngle


def _slope(target, cos: torch.Tensor, m: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Value and gradient of a target, as the reader's function has them."""
    cos = cos.clone().requires_grad_()
    psi = answers.tensor(target(cos, m), *cos.shape)
    assert psi.requires_grad, "No gradient reaches the cosine at all."
    return psi.detach(), torch.autograd.grad(psi.sum(), cos)[0]


def _agrees(target, low: float, high: float, m: float = 0.5) -> None:
    cos = torch.linspace(low, high, 201, dtype=torch.float64)
    value, slope = _slope(target, cos, m)
    right_value, right_slope = _slope(lambda c, m: AdditiveAngle(m).target(c), cos, m)
    assert torch.allclose(value, right_value, atol=1e-5), "The value differs from cos(θ + m) where θ + m < π."
    worst = (slope - right_slope).abs().argmax()
    assert torch.allclose(slope, right_slope, rtol=1e-3), (
        f"At cosθ = {cos[worst]:.2f} the gradient is {slope[worst]:.3f}; the truth is {right_slope[worst]:.3f}."
    )


@exercise("find-the-bug-normalise")
def normalise(cosines) -> str:
    """(fc, x) -> cosines between x and the rows of fc.weight."""
    answers.function(cosines)
    fc, x = torch.nn.Linear(6, 9, bias=False), torch.randn(5, 6)
    with torch.no_grad():
        fc.weight.mul_(4)
    head = losses.NSL(6, 9, s=1.0)
    with torch.no_grad():
        head.weight.copy_(fc.weight)
    got = answers.tensor(cosines(fc, x), 5, 9)
    assert got.abs().max() <= 1 + 1e-5, f"There is a cosine of {got.abs().max():.2f}."
    assert torch.allclose(got, head.logits(x), atol=1e-5), "These are not the cosines between x and the centres."
    assert got.requires_grad, "The centres get no gradient any more."
    got.sum().backward()
    assert fc.weight.grad is not None, "The centres get no gradient any more."
    return "all cosines within [-1, 1], and the centres still learn."


@exercise("find-the-bug-no-grad")
def no_grad(target) -> str:
    """(cos, m) -> cos(θ + m) with its true gradient."""
    answers.function(target)
    _agrees(target, -0.8, 0.995)
    return "value and gradient are right."


@exercise("find-the-bug-clamp")
def clamp(target) -> str:
    """(cos, m) -> cos(θ + m), finite at and past cosθ = ±1."""
    answers.function(target)
    for cosine in (1.0, 1 + 2e-7, -1.0, -1 - 2e-7):
        value, slope = (part[0] for part in _slope(target, torch.tensor([cosine]), 0.5))
        assert torch.isfinite(slope), f"At cosθ = {cosine:.7f} the gradient is {slope.item()}."
        exact = math.cos(math.acos(max(-1.0, min(1.0, cosine))) + 0.5)
        assert abs(value.item() - exact) < 2e-3, f"At cosθ = {cosine:.7f} the value is {value:.4f}, not {exact:.4f}."
    _agrees(target, -0.8, 0.995)
    return "finite everywhere, and exact where it matters."


@exercise("find-the-bug-jump")
def jump(target) -> str:
    """(cos, m) -> ArcFace's target with a continuous, falling fallback."""
    answers.function(target)
    for m in (0.3, 0.5, 0.8):
        _agrees(target, -math.cos(m) + 0.01, 0.99, m)
        theta = torch.linspace(math.pi - 0.02, 0.02, 4001, dtype=torch.float64)  # cosθ rises
        value, slope = _slope(target, theta.cos(), m)
        rise = value.diff()
        assert rise.min() > -1e-9, f"For m = {m} the target rises with θ somewhere."
        assert rise.max() < 0.01, f"For m = {m} it jumps by {rise.max():.3f} near θ = π - m."
        past = theta > math.pi - m + 0.05
        assert (slope[past] > 1e-3).all(), f"For m = {m} a sample past π - m gets no gradient."
    return "no jump, no turn, no dead zone."


@exercise("find-the-bug-half")
def half(module) -> str:
    """A class of cosines whose parameter survives a batch in half precision."""
    answers.function(module)
    cosines = module(16, 10)
    assert isinstance(cosines, torch.nn.Module), "Answer with the mended class."
    before = cosines.weight.detach().clone()
    x = torch.randn(4, 16)
    got = cosines(x.half())
    assert cosines.weight.dtype == torch.float32, f"After the batch the centres are {cosines.weight.dtype}."
    assert torch.equal(cosines.weight.detach(), before), "After the batch the centres have other values."
    right = F.linear(F.normalize(x), F.normalize(before))
    assert torch.allclose(answers.tensor(got, 4, 10).float(), right, atol=5e-3), "The cosines are wrong."
    assert cosines(x).dtype == torch.float32, "A float32 batch should still give float32."
    return "the centres keep their precision."


@exercise("find-the-bug-batch-of-one")
def batch_of_one(grade) -> str:
    """(norms, mean, std) -> (z, mean, std) that survives a batch of one."""
    answers.function(grade)
    mean, std = torch.tensor(20.0), torch.tensor(10.0)
    norms = torch.tensor([12.0, 25.0, 31.0])
    z, new_mean, new_std = grade(norms, mean.clone(), std.clone())
    assert torch.allclose(new_mean, 0.99 * mean + 0.01 * norms.mean()), "For a batch of three the mean is wrong."
    assert torch.allclose(new_std, 0.99 * std + 0.01 * norms.std()), "For a batch of three the deviation is wrong."
    z, new_mean, new_std = grade(torch.tensor([12.0]), mean.clone(), std.clone())
    assert torch.isfinite(torch.as_tensor(new_std)), "After a batch of one the running deviation is NaN for ever."
    assert float(new_std) > 9.8, "One image says nothing about the deviation: leave it as it was."
    answers.tensor(z, 1)
    return "the last batch may be as small as it likes."


@exercise("find-the-bug-accuracy")
def accuracy(measure) -> str:
    """(head, x, labels) -> accuracy without the margin."""
    answers.function(measure)
    head = losses.CosFace(8, 20, s=16.0, m=0.35)
    labels = torch.arange(20)
    with torch.no_grad():
        x = F.normalize(head.weight) + 0.5 * F.normalize(torch.randn(20, 8))
    right = (head.logits(x).argmax(1) == labels).double().mean().item()
    got = answers.number(float(measure(head, x, labels)), 0, 1)
    wanted, yours = answers.told(right, got, ".0%")
    assert abs(got - right) < 1e-6, f"{wanted} of these samples are nearest to their own centre; you say {yours}."
    return "the margin belongs to the loss, not to the accuracy."
