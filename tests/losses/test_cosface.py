"""CosFace: names, and what normalisation takes away."""

import torch
from cases import with_target

from cosface_edu import losses

CASES = {"": {"s": 10.0, "m": 0.35}, "length kept": {"s": None, "m": 0.35}}


def scores(head, cos, y, a, b):
    s = head.s or a
    return with_target([s * c for c in cos], y, s * (cos[y] - head.m))


def test_names():
    assert losses.LMCL is losses.CosFace is losses.AMSoftmax
    assert {"cosface", "lmcl", "amsoftmax"} <= set(losses.available())
    assert losses.card("lmcl") is losses.card("cosface")


def test_gradient_lies_across_the_direction():
    """What normalisation takes away: no gradient along x or along any W_j (CosFace paper, section 3.2)."""
    x, labels = torch.randn(7, 5, dtype=torch.float64, requires_grad=True), torch.randint(6, (7,))
    head = losses.CosFace(5, 6).double()
    grad_x, grad_w = torch.autograd.grad(head(x, labels), (x, head.weight))
    torch.testing.assert_close((grad_x * x).sum(1), torch.zeros(7, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close((grad_w * head.weight).sum(1), torch.zeros(6, dtype=torch.float64), atol=1e-12, rtol=0)
