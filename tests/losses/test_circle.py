"""Circle loss: its boundary is a circle, and its gradients are the paper's."""

import math

import torch
from cases import with_target

from cosface_edu import losses

CASES = {"": {"s": 10.0, "m": 0.25}}
HELD = "the weights of the scores"


def scores(head, cos, y, a, b):
    plain = [(c.detach() + head.m).clamp_min(0) * (c - head.m) for c in cos]
    return with_target([head.s * c for c in plain], y, head.s * (1 + head.m - cos[y].detach()) * (cos[y] - 1 + head.m))


def test_the_boundary_is_a_circle():
    """(s_p - 1)² + s_n² = 2m²: points on it score alike as target and as another class."""
    rule = losses.SelfPaced(0.25)
    turn = torch.linspace(math.pi / 2, math.pi, 20, dtype=torch.float64)
    radius = math.sqrt(2) * 0.25
    own, other = 1 + radius * turn.cos(), radius * turn.sin()
    torch.testing.assert_close(rule.target(own), rule.others(other))


def test_gradients_of_the_paper():
    """∂L/∂s_n = Z γ(s_n + m)·share, ∂L/∂s_p = Z γ(s_p - 1 - m), Z = 1 - e^{-L} (Eq. 10)."""
    rule, gamma, m = losses.SelfPaced(0.25), 12.0, 0.25
    own = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    other = torch.tensor([0.3, -0.1], dtype=torch.float64, requires_grad=True)
    logits = torch.cat([gamma * rule.target(own)[None], gamma * rule.others(other)])
    loss = torch.nn.functional.cross_entropy(logits[None], torch.tensor([0]))
    by_own, by_other = torch.autograd.grad(loss, (own, other))
    z = 1 - torch.exp(-loss)
    share = torch.softmax(logits[1:], 0)
    torch.testing.assert_close(by_own, z * gamma * (own - 1 - m))
    torch.testing.assert_close(by_other, z * share * gamma * (other + m))
