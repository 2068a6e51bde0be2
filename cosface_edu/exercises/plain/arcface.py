"""A check of the chapter on ArcFace and the unified margin."""

import math

from cosface_edu.exercises import answers, exercise, truth


@exercise("arcface-two-margins", hint="The edge solves cos(θ + m2) - m3 = cos(φ - θ), and the gap is φ - 2θ.")
def two_margins(m2: float) -> str:
    """m2 that with m3 = 0.2 leaves the gap of CosFace 0.35 at 90°."""
    m2 = answers.number(m2, 0, 3)
    wanted = truth.lmcl_gap(math.pi / 2, 0.35)
    got = truth.combined_gap(math.pi / 2, m2, 0.2)
    assert not math.isnan(got), "At 90° nothing between the two meets this margin."
    shown, yours = answers.told(math.degrees(wanted), math.degrees(got), ".2f")
    assert abs(got - wanted) < 0.005, f"Yours leaves {yours}°, CosFace {shown}°."
    return "margins of different units add up to one gap."
