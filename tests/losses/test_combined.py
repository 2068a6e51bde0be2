"""The unified margin."""

from cases import continued, with_target

CASES = {
    "": {"s": 10.0, "m1": 0.9, "m2": 0.4, "m3": 0.15},
    "m1>1": {"s": 10.0, "m1": 1.3, "m2": 0.2, "m3": 0.1},
}


def scores(head, cos, y, a, b):
    psi = continued(head.m1 * cos[y].acos() + head.m2) - head.m3
    return with_target([head.s * c for c in cos], y, head.s * psi)
