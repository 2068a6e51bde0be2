"""Checks of the chapter on margins in cosine and in angle."""

import math

import numpy as np

from cosface_edu import geometry
from cosface_edu.exercises import answers, exercise
from cosface_edu.losses.margins import AdditiveAngle, AdditiveCosine, Rule


@exercise("cosine-or-angle-design")
def design(rule) -> str:
    """A rule with at least LMCL's gap at 60°, m = 0.2, that can be met at 30°."""
    assert isinstance(rule, Rule), (
        f"Answer with a rule of losses.margins, such as NoMargin(); got {type(rule).__name__}."
    )
    close, apart = (float(np.degrees(geometry.gap_on_arc(rule, math.radians(degrees)))) for degrees in (30, 60))
    wanted = float(np.degrees(geometry.gap_on_arc(AdditiveCosine(0.2), math.radians(60))))
    assert not math.isnan(close), "At 30° no sample satisfies it, not even on a class centre."
    assert not math.isnan(apart), "At 60° no sample satisfies it, not even on a class centre."
    assert apart >= wanted, f"At 60° its gap is {apart:.1f}°, LMCL's is {wanted:.1f}°."
    return f"gaps of {close:.1f}° at 30° and {apart:.1f}° at 60°."


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
