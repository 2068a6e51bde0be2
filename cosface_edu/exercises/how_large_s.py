"""Checks of the chapter "How large must s be?"."""

import math

import torch

from cosface_edu import geometry
from cosface_edu.exercises import answers, exercise
from cosface_edu.losses.margins import AdditiveCosine


@exercise("how-large-s-million")
def million(answer: float) -> str:
    """The least whole s for a million classes, P = 0.99, m = 0.4."""
    answer = answers.number(answer)
    right = math.ceil(geometry.min_scale(1_000_000, 0.99, 0.4))
    assert answer != math.ceil(geometry.min_scale(1_000_000, 0.99)), "That is the bound without the margin."
    assert answer >= right, f"With s = {answer:g} a class centre stays below 0.99."
    assert answer == right, f"{answer:g} is enough, but a smaller whole number is too."
    return "the margin costs about twelve units of scale."


@exercise("how-large-s-circle")
def circle(min_scale) -> str:
    """A function (C, P, m) -> s at which an evenly spread centre on a circle reaches P."""
    answers.function(min_scale)
    for C, P, m in ((3, 0.9, 0.0), (8, 0.99, 0.0), (8, 0.99, 0.2), (12, 0.6, 0.1)):
        s = answers.number(min_scale(C, P, m), low=0)
        cos = torch.cos(2 * torch.pi * torch.arange(C, dtype=torch.float64) / C)
        cos[0] = AdditiveCosine(m).target(cos[0])
        reached = torch.softmax(float(s) * cos, 0)[0].item()
        assert abs(reached - P) < 1e-4, (
            f"For C={C}, P={P}, m={m} you say s = {float(s):.3f}; with it a centre on the circle reaches {reached:.4f}."
        )
    return "on a circle the neighbours are near, and the scale must make up for it."
