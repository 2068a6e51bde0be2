"""L-Softmax: A-Softmax with the centres' own lengths."""

from cases import piecewise

from cosface_edu import losses

CASES = {"": {"m": 2}, "annealed": {"m": 4, "annealing": losses.LambdaAnnealing(base=3, floor=3)}}


def scores(head, cos, y, a, b):
    lam = head.annealing.value if head.annealing else 0
    psi = (lam * cos[y] + piecewise(head.m, cos[y].acos())) / (1 + lam)
    return [a * length * (psi if j == y else c) for j, (c, length) in enumerate(zip(cos, b, strict=True))]
