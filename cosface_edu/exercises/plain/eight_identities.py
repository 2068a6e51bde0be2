"""Checks of the eight-identities chapter."""

import math

from cosface_edu.exercises import answers, exercise, truth


@exercise("eight-bound", hint="Neighbours are 2π/C apart; a sample on its own centre has the largest lead there is.")
def _bound(answer) -> str:
    answers.function(answer)
    for classes in (2, 3, 4, 5, 6, 8, 10):
        right, given = truth.circle_margin(classes), float(answer(classes))
        assert abs(given - right) < 1e-9, f"for C = {classes} the bound is {right:.4f}, you say {given:.4f}"
    return "right for 2 to 10 identities."


@exercise("eight-gap", hint="LMCL's gap on an arc is 2 arcsin(m / (2 sin(φ/2))); here φ is 45°.")
def _gap(answer) -> str:
    given = answers.number(answer)
    right = math.degrees(truth.lmcl_gap(2 * math.pi / 8, 0.2))
    assert abs(given - right) < 0.1, (
        f"the boundaries of two neighbours leave another gap than {given:.1f}° (in degrees)"
    )
    return "that is what the loss asks for."
