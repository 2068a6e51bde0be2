"""Checks of "Find the bug: in the loss": each fails on the code as it was found, and passes once it is mended."""

import math

import torch
import torch.nn.functional as F

from cosface_edu import losses
from cosface_edu.exercises import answers, exercise, jumps
from cosface_edu.exercises.seeded import seeded
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
    wanted, yours = answers.told(right_slope[worst].item(), slope[worst].item(), ".3f")
    assert torch.allclose(slope, right_slope, rtol=1e-3), (
        f"At cosθ = {cos[worst]:.2f} the gradient is {yours}; the truth is {wanted}."
    )


def _pulled(scores: torch.Tensor, pull: torch.Tensor, source: torch.Tensor) -> torch.Tensor | None:
    """Gradient in `source` of the scores, weighted by `pull`; None where it does not reach."""
    source.grad = None
    if scores.requires_grad:
        (scores.float() * pull).sum().backward(retain_graph=True)
    return source.grad


@exercise("find-the-bug-normalise")
@seeded()
def normalise(cosines) -> str:
    """(fc, x) -> cosines between x and the rows of fc.weight."""
    cosines = answers.function(cosines)
    fc, x = torch.nn.Linear(6, 9, bias=False), torch.randn(5, 6, requires_grad=True)
    with torch.no_grad():
        fc.weight.mul_(4)
    head = losses.NSL(6, 9, s=1.0)
    with torch.no_grad():
        head.weight.copy_(fc.weight)
    got, right = answers.tensor(cosines(fc, x), 5, 9), head.logits(x)
    assert torch.equal(fc.weight, head.weight), "The layer's weight was overwritten: normalise in the product alone."
    assert got.abs().max() <= 1 + 1e-5, f"There is a cosine of {got.abs().max():.2f}."
    assert torch.allclose(got, right, atol=1e-5), "These are not the cosines between x and the centres."
    pull = torch.randn(5, 9)
    for name, given, wanted in (("The centres get", fc.weight, head.weight), ("x gets", x, x)):
        slope = _pulled(got, pull, given)
        assert slope is not None, f"{name} no gradient any more."
        assert torch.allclose(slope, _pulled(right, pull, wanted), atol=1e-5), f"{name} another gradient than in NSL."
    return "all cosines within [-1, 1], and the centres still learn."


@exercise("find-the-bug-no-grad")
def no_grad(target) -> str:
    """(cos, m) -> cos(θ + m) with its true gradient."""
    target = answers.function(target)
    _agrees(target, -0.8, 0.995)
    return "value and gradient are right."


@exercise("find-the-bug-clamp")
def clamp(target) -> str:
    """(cos, m) -> cos(θ + m), finite at and past cosθ = ±1."""
    target = answers.function(target)
    for cosine in (1.0, 1 + 2e-7, -1.0, -1 - 2e-7):
        value, slope = (part[0] for part in _slope(target, torch.tensor([cosine]), 0.5))
        assert torch.isfinite(slope), f"At cosθ = {cosine:.7f} the gradient is {slope.item()}."
        exact = math.cos(math.acos(max(-1.0, min(1.0, cosine))) + 0.5)
        wanted, yours = answers.told(exact, value.item(), ".4f")
        assert abs(value.item() - exact) < 2e-3, (
            f"At cosθ = {cosine:.7f} the value is {yours}; it may be 0.002 off {wanted}, no more."
        )
    _agrees(target, -0.8, 0.995)
    return "finite everywhere, and exact where it matters."


@exercise("find-the-bug-jump")
def jump(target) -> str:
    """(cos, m) -> ArcFace's target with a continuous, falling fallback."""
    target = answers.function(target)
    for m in (0.3, 0.5, 0.8):
        _agrees(target, -math.cos(m) + 0.01, 0.99, m)
        theta = torch.linspace(math.pi - 0.02, 0.02, 4001, dtype=torch.float64)  # cosθ rises
        value, slope = _slope(target, theta.cos(), m)
        rise = value.diff()
        assert rise.min() > -1e-9, f"For m = {m} the target rises with θ somewhere."
        height, place = jumps.largest_jump(lambda cos, m=m: target(cos, m), theta.cos())
        assert height < jumps.LEAST, f"For m = {m} it jumps by {height:.2g} at {math.degrees(math.acos(place)):.1f}°."
        past = theta > math.pi - m + 0.05
        assert (slope[past] > 1e-3).all(), f"For m = {m} a sample past π - m gets no gradient."
    return "no jump, no turn, no dead zone."


@exercise("find-the-bug-half")
@seeded()
def half(module) -> str:
    """A class of cosines whose parameter survives a batch in half precision."""
    assert not isinstance(module, torch.nn.Module), "Answer with the class: its name alone, without brackets behind it."
    module = answers.function(module)
    cosines = module(16, 10)
    assert isinstance(cosines, torch.nn.Module), "Answer with the mended class."
    before = cosines.weight.detach().clone().requires_grad_()
    x, pull = torch.randn(4, 16), torch.randn(4, 10)
    got = cosines(x.half())
    assert cosines.weight.dtype == torch.float32, f"After the batch the centres are {cosines.weight.dtype}."
    assert torch.equal(cosines.weight, before), "After the batch the centres have other values."
    right = F.linear(F.normalize(x), F.normalize(before))
    assert torch.allclose(answers.tensor(got, 4, 10).float(), right, atol=5e-3), "The cosines are wrong."
    slope = _pulled(got, pull, cosines.weight)
    assert slope is not None, "No gradient reaches the centres any more: they never learn."
    assert torch.allclose(slope, _pulled(right, pull, before), atol=2e-2), "The centres' gradient is wrong."
    full = cosines(x)
    assert full.dtype == torch.float32, "A float32 batch should still give float32."
    assert torch.allclose(full, right, atol=1e-5), "For a float32 batch the cosines have lost precision."
    assert _pulled(full, pull, cosines.weight) is not None, "For a float32 batch no gradient reaches the centres."
    return "the centres keep their precision."


@exercise("find-the-bug-batch-of-one")
def batch_of_one(grade) -> str:
    """(norms, mean, std) -> (z, mean, std) that survives a batch of one."""
    grade = answers.function(grade)
    mean, std = torch.tensor(20.0), torch.tensor(10.0)
    for norms, batch in ((torch.tensor([12.0, 25.0, 31.0]), "three"), (torch.tensor([12.0]), "one")):
        given = grade(norms.clone(), mean.clone(), std.clone())
        z, *running = answers.parts(given, 3, "things: z, mean and deviation")
        new_mean, new_std = (answers.number(value, may_be_nan=True) for value in running)
        moved = (0.99 * mean + 0.01 * norms.mean()).item()
        assert answers.close(new_mean, moved) or (new_mean == 20 and len(norms) == 1), (
            f"After a batch of {batch} the mean is {new_mean:.4f}; it should be {moved:.4f}."
        )
        assert not math.isnan(new_std), f"After a batch of {batch} the running deviation is NaN for ever."
        if len(norms) == 1:
            assert new_std == 10, "One image says nothing about the deviation: leave it as it was."
        else:
            right = (0.99 * std + 0.01 * norms.std()).item()
            assert answers.close(new_std, right), f"After a batch of {batch} the deviation is wrong."
        grades = (0.333 * (norms - new_mean) / (new_std + 1e-3)).clamp(-1, 1)
        assert torch.allclose(answers.tensor(z, len(norms)), grades), f"The grades of a batch of {batch} are wrong."
    return "the last batch may be as small as it likes."


@exercise("find-the-bug-accuracy")
@seeded()
def accuracy(measure) -> str:
    """(head, x, labels) -> accuracy without the margin."""
    measure = answers.function(measure)
    head, labels = losses.CosFace(8, 20, s=16.0, m=0.35), torch.randint(20, (50,))
    with torch.no_grad():
        x = F.normalize(head.weight)[labels] + F.normalize(torch.randn(50, 8))
        head.weight.mul_(1 + 3 * torch.rand(20, 1))  # centres of different lengths
    right = (head.logits(x).argmax(1) == labels).double().mean().item()
    got = answers.number(measure(head, x.clone(), labels.clone()), 0, 1)
    wanted, yours = answers.told(right, got, ".0%")
    assert abs(got - right) < 1e-6, f"{wanted} of these samples are nearest to their own centre; you say {yours}."
    return "the margin belongs to the loss, not to the accuracy."
