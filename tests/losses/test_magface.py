"""MagFace: a margin that grows with the length, and the term that rewards it."""

from cases import continued, with_target

CASES = {"": {"s": 10.0, "lower": 1.0, "upper": 3.0, "weight_g": 2.0}}


def scores(head, cos, y, a, b):
    share = (a.clamp(head.lower, head.upper) - head.lower) / (head.upper - head.lower)
    m = head.m_low + share * (head.m_high - head.m_low)
    return with_target([head.s * c for c in cos], y, head.s * continued(cos[y].acos() + m))


def extra(head, x, labels):
    lengths = [xi.norm().clamp(head.lower, head.upper) for xi in x]
    return head.weight_g * sum(a / head.upper**2 + 1 / a for a in lengths) / len(x)
