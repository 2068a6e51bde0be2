"""Checks of the chapter that compares the boundaries."""

import math

from cosface_edu.exercises import answers, exercise, truth


@exercise("boundaries-cross", hint="ArcFace's gap is its m, whatever the arc; choose it between LMCL's two.")
def _cross(answer) -> str:
    m = answers.number(answer, 0, math.pi)
    for degrees, less in ((60, True), (150, False)):
        phi = math.radians(degrees)
        arcface, lmcl = (math.degrees(gap) for gap in (truth.arcface_gap(phi, m), truth.lmcl_gap(phi, 0.2)))
        theirs, yours = answers.told(lmcl, arcface, ".1f")
        assert arcface < lmcl if less else arcface > lmcl, (
            f"at {degrees}° ArcFace leaves {yours}° and LMCL {theirs}°: it should leave {'less' if less else 'more'}"
        )
    return "the two curves cross between 60° and 150°."


@exercise("boundaries-width", hint="The two lines run at 45° to the axes: across them is not along an axis.")
def _width(answer) -> str:
    answer = answers.function(answer)
    for m in (0.1, 0.2, 0.35):
        right, given = truth.band_width(m), answers.number(answer(m))
        wanted, yours = answers.told(right, given, ".4f")
        assert answers.close(given, right), f"for m = {m} the lines are {wanted} apart, you say {yours}"
    return "that is the paper's number, measured straight across."
