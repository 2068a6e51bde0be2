"""ArcFace: past π - m, and what a released code's gradient is not."""

import pytest
import torch
from cases import continued, with_target

from cosface_edu import losses

CASES = {
    "": {"s": 10.0, "m": 0.5},
    "m=1.5": {"s": 10.0, "m": 1.5},
    "exact": {"s": 10.0, "m": 1.5, "beyond_pi": "exact"},
}


def scores(head, cos, y, a, b):
    phi = cos[y].acos() + head.m
    return with_target(
        [head.s * c for c in cos], y, head.s * (phi.cos() if head.beyond_pi == "exact" else continued(phi))
    )


def test_true_gradient_is_not_the_straight_through_one():
    """dψ/dcosθ = sin(θ+m)/sinθ: 5.66 at θ = .1, m = .5; released code with acos under no_grad gives 1."""
    theta = torch.tensor(0.1, dtype=torch.float64)
    for choice, expected in [("monotone", 5.6558), ("exact", 5.6558), ("straight-through", 1.0)]:
        cos = torch.cos(theta).requires_grad_()
        (slope,) = torch.autograd.grad(losses.AdditiveAngle(0.5, choice).target(cos), cos)
        assert slope.item() == pytest.approx(expected, abs=1e-4)


def test_a_loss_beyond_the_range_of_exp():
    """s = 64, opposite to its centre: the posterior underflows, the loss must not."""
    head = losses.ArcFace(2, 2, s=64.0, m=0.5)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    loss = head(torch.tensor([[-3.0, 0.0]]), torch.tensor([0]))
    expected = 64 * (1 + 2 + torch.tensor(torch.pi + 0.5).cos())  # s(cosθ_j - ψ), the other posterior being 1
    torch.testing.assert_close(loss, expected)
