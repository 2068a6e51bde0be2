"""The rules against closed forms, at every angle, with their gradients."""

import math

import pytest
import torch

from cosface_edu.losses.margins import (
    AdaptiveMargin,
    AdditiveAngle,
    AdditiveCosine,
    Combined,
    LengthAngle,
    MultiplicativeAngle,
    NoMargin,
    PowerCosine,
    TruncatedAngle,
    angle,
)

THETA = torch.linspace(0, math.pi, 1001, dtype=torch.float64)
RULES = [
    NoMargin(),
    AdditiveCosine(0.35),
    AdditiveAngle(0.5),
    *(MultiplicativeAngle(m) for m in (1, 2, 3, 4)),
    MultiplicativeAngle(4, lam=5),
    MultiplicativeAngle(1.35),
    TruncatedAngle(1.4),
    Combined(1, 0.3, 0.2),
    Combined(0.9, 0.4, 0.15),
    AdaptiveMargin(0.4, z=0.7),
    AdaptiveMargin(0.4, z=-1.0),
    PowerCosine(0.4, t=2.5),
    LengthAngle(0.5, 0.8, lower=1.0, upper=3.0),
]


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_target_falls_with_the_angle(rule):
    psi = rule.target(torch.cos(THETA))
    assert psi.isfinite().all()
    assert (psi.diff() <= 1e-12).all()


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_gradient_is_the_derivative(rule):
    cos = torch.linspace(-0.999, 0.999, 101, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(rule.target, (cos,))


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_finite_at_and_just_past_one(rule, dtype):
    cos = torch.tensor([-1 - 2e-7, -1, 1, 1 + 2e-7], dtype=dtype, requires_grad=True)
    psi = rule.target(cos)
    (grad,) = torch.autograd.grad(psi.sum(), cos)
    assert psi.isfinite().all()
    assert grad.isfinite().all()


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_asoftmax_closed_form(m):
    k = torch.floor(m * THETA / math.pi).clamp_max(m - 1)
    expected = (-1) ** k * torch.cos(m * THETA) - 2 * k
    torch.testing.assert_close(MultiplicativeAngle(m).target(torch.cos(THETA)), expected)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_asoftmax_at_pi_belongs_to_the_last_piece(m):
    """ψ falls to the end: its slope in cosθ, m² at θ = π, is not that of a piece that would begin there."""
    cos = torch.tensor([-1.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(MultiplicativeAngle(m).target(cos), cos)
    assert slope.item() == pytest.approx(m**2)


def test_arcface_beyond_pi():
    m = 0.5
    cos = torch.cos(THETA).requires_grad_()
    exact = torch.cos(THETA + m)
    torch.testing.assert_close(AdditiveAngle(m, "exact").target(cos), exact)
    monotone = torch.where(THETA + m <= math.pi, exact, -2 - exact)
    torch.testing.assert_close(AdditiveAngle(m).target(cos), monotone)
    through = AdditiveAngle(m, "straight-through").target(cos)
    torch.testing.assert_close(through, exact)
    (grad,) = torch.autograd.grad(through.sum(), cos)
    torch.testing.assert_close(grad, torch.ones_like(grad))


def test_the_slope_of_an_angle_is_exact_but_at_its_very_ends():
    theta = torch.tensor([1e-6, 1e-3, 1.0, math.pi - 1e-3], dtype=torch.float64)
    cos = theta.cos().requires_grad_()
    (slope,) = torch.autograd.grad(angle(cos).sum(), cos)
    torch.testing.assert_close(slope, -1 / theta.sin(), rtol=1e-3, atol=0)


def test_an_angle_past_one_by_rounding_is_the_same_in_torch_func():
    cos = torch.tensor([-1 - 2e-7, -1, 0.3, 1, 1 + 2e-7])
    torch.testing.assert_close(torch.func.vmap(angle)(cos), angle(cos))
    assert torch.func.vmap(torch.func.grad(angle))(cos).isfinite().all()


def test_another_way_beyond_pi_is_refused():
    with pytest.raises(ValueError, match=r"beyond_pi must be .* got 'clamped'"):
        AdditiveAngle(0.5, "clamped").target(torch.cos(THETA))


def test_combined_holds_the_others():
    cos = torch.cos(THETA)
    torch.testing.assert_close(Combined(1, 0, 0.35).target(cos), AdditiveCosine(0.35).target(cos))
    torch.testing.assert_close(Combined(1, 0.5, 0).target(cos), AdditiveAngle(0.5).target(cos))
    torch.testing.assert_close(Combined(3, 0, 0).target(cos), MultiplicativeAngle(3).target(cos))
