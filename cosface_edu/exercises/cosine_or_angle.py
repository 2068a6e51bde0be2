"""A check of the chapter on margins in cosine and in angle."""

import math

import numpy as np

from cosface_edu import geometry
from cosface_edu.exercises import answers, exercise
from cosface_edu.losses.margins import AdditiveCosine, Rule


@exercise("cosine-or-angle-design")
def design(rule) -> str:
    """A rule with at least LMCL's gap at 60°, m = 0.2, that accepts both centres at 30°."""
    assert isinstance(rule, Rule), (
        f"Answer with a rule of losses.margins, such as NoMargin(); got {type(rule).__name__}."
    )
    close, apart = (float(np.degrees(geometry.gap_on_arc(rule, math.radians(degrees)))) for degrees in (30, 60))
    wanted = float(np.degrees(geometry.gap_on_arc(AdditiveCosine(0.2), math.radians(60))))
    assert not math.isnan(close), "At 30° nothing between the two satisfies it, not even a class centre."
    assert not math.isnan(apart), "At 60° nothing between the two satisfies it, not even a class centre."
    lmcl, yours = answers.told(wanted, apart, ".1f")
    assert apart >= wanted, f"At 60° its gap is {yours}°, LMCL's is {lmcl}°."
    return f"gaps of {close:.1f}° at 30° and {apart:.1f}° at 60°."
