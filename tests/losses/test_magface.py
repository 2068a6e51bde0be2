"""MagFace: a margin that grows with the length, and the term that rewards it."""

import torch
from cases import continued, with_target

from cosface_edu import losses

CASES = {"": {"s": 10.0, "lower": 1.0, "upper": 3.0, "weight_g": 2.0}}


def scores(head, cos, y, a, b):
    share = (a.clamp(head.lower, head.upper) - head.lower) / (head.upper - head.lower)
    m = head.m_low + share * (head.m_high - head.m_low)
    return with_target([head.s * c for c in cos], y, head.s * continued(cos[y].acos() + m))


def extra(head, x, labels):
    lengths = [xi.norm().clamp(head.lower, head.upper) for xi in x]
    return head.weight_g * sum(a / head.upper**2 + 1 / a for a in lengths) / len(x)


def test_without_lengths_the_margin_is_that_of_the_shortest():
    """The least that the loss asks for: what the warning of a margin without room goes by."""
    cos = torch.linspace(-1, 1, 9, dtype=torch.float64)
    found = losses.LengthAngle(0.3, 0.8, lower=1.0, upper=3.0).target(cos)
    torch.testing.assert_close(found, losses.AdditiveAngle(0.3).target(cos))
