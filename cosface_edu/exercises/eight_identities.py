"""Checks of the eight-identities chapter."""

import numpy as np

from cosface_edu import geometry
from cosface_edu.exercises import exercise
from cosface_edu.losses import margins


@exercise("eight-bound")
def _bound(answer) -> str:
    for classes in (2, 3, 4, 5, 6, 8, 10):
        truth, given = geometry.max_margin(classes, 2), float(answer(classes))
        assert abs(given - truth) < 1e-9, f"for C = {classes} the bound is {truth:.4f}, you say {given:.4f}"
    return "right for 2 to 10 identities."


@exercise("eight-gap")
def _gap(answer) -> str:
    truth = float(np.degrees(geometry.gap_on_arc(margins.AdditiveCosine(0.2), 2 * np.pi / 8)))
    given = float(answer)
    assert abs(given - truth) < 0.1, (
        f"the boundaries of two neighbours leave another gap than {given:.1f}° (in degrees)"
    )
    return "that is what the loss asks for."
