"""L-Softmax: A-Softmax with the centres' own lengths."""

import torch
from cases import piecewise

from cosface_edu import losses

CASES = {"": {"m": 2}, "annealed": {"m": 4, "annealing": losses.LambdaAnnealing(base=3, floor=3)}}


def scores(head, cos, y, a, b):
    lam = head.annealing.value if head.annealing else 0
    psi = (lam * cos[y] + piecewise(head.m, cos[y].acos())) / (1 + lam)
    return [a * length * (psi if j == y else c) for j, (c, length) in enumerate(zip(cos, b, strict=True))]


def test_a_centre_of_length_zero_leaves_all_gradients_finite():
    head = losses.LSoftmax(4, 5).double()
    with torch.no_grad():
        head.weight[2] = 0
    head(torch.randn(6, 4, dtype=torch.float64), torch.tensor([2, 0, 2, 4, 1, 3])).backward()
    assert head.weight.grad.isfinite().all()
