"""Checks of the Margin Lab chapter."""

import math

from cosface_edu import geometry
from cosface_edu.exercises import answers, exercise
from cosface_edu.losses import margins


@exercise("margin-lab-people")
def _people(answer) -> str:
    most = answers.function(answer)
    for m in (0.1, 0.2, 0.35, 0.6, 1.2):
        truth = max(people for people in range(2, 200) if geometry.max_margin(people, 2) >= m)
        given = answers.number(most(m))
        assert given == truth, (
            f"for m = {m} you say {given:g} people. On a circle {truth} have room up to "
            f"m = {geometry.max_margin(truth, 2):.3f}, {truth + 1} up to {geometry.max_margin(truth + 1, 2):.3f}"
        )
    return "set that many people in the lab, then one more: the crosses appear where you said."


@exercise("margin-lab-same-gap")
def _same_gap(answer) -> str:
    match = answers.function(answer)
    for people, m in ((8, 0.1), (8, 0.2), (5, 0.3), (3, 0.5)):
        phi = 2 * math.pi / people
        wanted = float(geometry.gap_on_arc(margins.AdditiveCosine(m), phi))
        angle = answers.number(match(people, m))
        given = float(geometry.gap_on_arc(margins.AdditiveAngle(angle), phi))
        assert abs(given - wanted) < 1e-6, (
            f"{people} people, CosFace with m = {m}: its gap is {math.degrees(wanted):.2f}°, and ArcFace with your "
            f"m = {angle:.4f} has {math.degrees(given):.2f}°"
        )
    return "the two losses draw the same regions for even centres. Try both in the lab: does it train alike?"
