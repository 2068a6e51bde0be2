"""Checks of the chapter that compares the boundaries."""

import numpy as np

from cosface_edu import geometry
from cosface_edu.exercises import exercise
from cosface_edu.losses import margins


@exercise("boundaries-cross")
def _cross(answer) -> str:
    m = float(answer)
    near, far = np.radians([60, 150])
    rule, lmcl = margins.AdditiveAngle(m), margins.AdditiveCosine(0.2)

    def gap(which: margins.Rule, phi: float) -> float:
        return float(np.degrees(geometry.gap_on_arc(which, phi)))

    assert gap(rule, near) < gap(lmcl, near), (
        f"at 60° ArcFace leaves {gap(rule, near):.1f}° and LMCL {gap(lmcl, near):.1f}°: it should leave less"
    )
    assert gap(rule, far) > gap(lmcl, far), (
        f"at 150° ArcFace leaves {gap(rule, far):.1f}° and LMCL {gap(lmcl, far):.1f}°: it should leave more"
    )
    return "the two curves cross between 60° and 150°."


@exercise("boundaries-width")
def _width(answer) -> str:
    for m in (0.1, 0.2, 0.35):
        # Two points of the boundary of class 1; class 2's is its mirror image in the diagonal.
        first, second = (np.array([float(geometry.boundary(margins.AdditiveCosine(m), c)), c]) for c in (0.0, 0.3))
        along = (second - first) / np.linalg.norm(second - first)
        across = first - first[::-1]
        truth = float(np.linalg.norm(across - (across @ along) * along))
        given = float(answer(m))
        assert abs(given - truth) < 1e-6, f"for m = {m} the lines are {truth:.4f} apart, you say {given:.4f}"
    return "that is the paper's number, measured straight across."
