"""A-Softmax, annealed or not."""

from cases import piecewise, with_target

from cosface_edu import losses

CASES = {
    "m=4": {"m": 4},
    "m=1": {"m": 1},
    "m=2": {"m": 2},
    "m=3": {"m": 3},
    "annealed": {"m": 4, "annealing": losses.LambdaAnnealing(base=3, floor=3)},
}


def scores(head, cos, y, a, b):
    s = head.s or a
    lam = head.annealing.value if head.annealing else 0
    return with_target([s * c for c in cos], y, s * (lam * cos[y] + piecewise(head.m, cos[y].acos())) / (1 + lam))
