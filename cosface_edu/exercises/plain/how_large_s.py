"""Checks of the chapter "How large must s be?"."""

import math

from cosface_edu.exercises import answers, exercise, truth


@exercise("how-large-s-million", hint="The equation with the margin, rounded up to a whole number.")
def million(answer: float) -> str:
    """The least whole s for a million classes, P = 0.99, m = 0.4."""
    answer = answers.number(answer)
    right = math.ceil(truth.simplex_scale(1_000_000, 0.99, 0.4))
    assert answer == int(answer), f"A whole number is asked for, and {answer:g} is none."
    assert answer != math.ceil(truth.simplex_scale(1_000_000, 0.99)), "That is the bound without the margin."
    assert answer >= right, f"With s = {answer:g} a class centre stays below 0.99."
    assert answer == right, f"{answer:g} is enough, but a smaller whole number is too."
    return "the margin costs about twelve units of scale."


@exercise("how-large-s-circle", hint="Write the centre's posterior as a function of s; it rises, so halve an interval.")
def circle(min_scale) -> str:
    """A function (C, P, m) -> s at which an evenly spread centre on a circle reaches P."""
    min_scale = answers.function(min_scale)
    for C, P, m in (
        (3, 0.9, 0.0),
        (8, 0.99, 0.0),
        (8, 0.99, 0.2),
        (12, 0.6, 0.1),
        (20, 0.5, 0.0),
    ):  # at last more than two neighbours count
        s = answers.number(min_scale(C, P, m), low=0)
        cos = [math.cos(2 * math.pi * k / C) for k in range(C)]
        reached = truth.softmax(truth.lmcl_scores(cos, 0, s, m))[0]
        assert abs(reached - P) < 1e-4, (
            f"For C={C}, P={P}, m={m} you say s = {s:.3f}; with it a centre on the circle reaches {reached:.4f}."
        )
    return "on a circle the neighbours are near, and the scale must make up for it."
