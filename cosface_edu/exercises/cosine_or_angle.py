"""Checks of the chapter on margins in cosine and in angle."""

import math

import numpy as np

from cosface_edu import geometry
from cosface_edu.exercises import answers, exercise
from cosface_edu.losses.margins import AdditiveAngle, AdditiveCosine


@exercise("cosine-or-angle-edge")
def edge(answer) -> str:
    """A function (phi, m) -> LMCL's edge on the arc, NaN where infeasible."""
    answers.function(answer)
    for m in (0.1, 0.35, 0.7):
        for degrees in (20, 40, 60, 90, 120, 180):
            phi = math.radians(degrees)
            right = float(geometry.edge_on_arc(AdditiveCosine(m), phi))
            got = answer(phi, m)
            assert got is not None, "The function returned None."
            if math.isnan(right):
                assert np.isnan(got), (
                    f"At φ = {degrees}° and m = {m} no sample satisfies the margin; you say {got:.3f}."
                )
            else:
                assert abs(got - right) < 1e-6, (
                    f"At φ = {degrees}° and m = {m}: {got:.4f} instead of {right:.4f} radians."
                )
    return "the closed form agrees with root finding on all arcs."


@exercise("cosine-or-angle-translate")
def translate(m: float) -> str:
    """CosFace's m with ArcFace's gap at m = 0.3 rad, for centres at 90°."""
    m = answers.number(m, 0, 1)
    got = float(geometry.gap_on_arc(AdditiveCosine(m), math.pi / 2))
    wanted = float(geometry.gap_on_arc(AdditiveAngle(0.3), math.pi / 2))
    assert abs(got - wanted) < 1e-3, (
        f"m = {m:.4f} leaves {math.degrees(got):.2f}°; ArcFace leaves {math.degrees(wanted):.2f}°."
    )
    return "the same demand in two units."


@exercise("cosine-or-angle-closest")
def closest(degrees: float) -> str:
    """Smallest angle between centres at which m = 0.35 is feasible."""
    degrees = answers.number(degrees, 1, 179)
    inside, outside = (
        float(geometry.edge_on_arc(AdditiveCosine(0.35), math.radians(degrees + d))) for d in (0.1, -0.1)
    )
    assert not math.isnan(inside), f"At {degrees:.2f}° not even the centres satisfy the margin."
    assert math.isnan(outside), f"{degrees:.2f}° is feasible, but so is a smaller angle."
    return "closer than this, two people cannot both be served."
