"""Checks of the Margin Lab chapter."""

import math

from cosface_edu.exercises import answers, exercise, truth


@exercise("margin-lab-people", hint="Neighbours stand 2π/C apart, and m must not exceed 1 - cos of that.")
def _people(answer) -> str:
    most = answers.function(answer)
    for m in (0.1, 0.2, 0.35, 0.6, 1.2):
        right = max(people for people in range(2, 200) if truth.circle_margin(people) >= m)
        given = answers.number(most(m))
        assert given == right, (
            f"for m = {m} you say {given:g} people. On a circle {right} have room up to "
            f"m = {truth.circle_margin(right):.3f}, {right + 1} up to {truth.circle_margin(right + 1):.3f}"
        )
    return "set that many people in the lab, then one more: the crosses appear where you said."


@exercise("margin-lab-same-gap", hint="ArcFace's gap is its m in radians: return CosFace's gap.")
def _same_gap(answer) -> str:
    match = answers.function(answer)
    for people, m in ((8, 0.1), (8, 0.2), (5, 0.3), (3, 0.5)):
        phi = 2 * math.pi / people
        wanted = truth.lmcl_gap(phi, m)
        angle = answers.number(match(people, m))
        given = truth.arcface_gap(phi, angle)
        assert abs(given - wanted) < 1e-6, (
            f"{people} people, CosFace with m = {m}: its gap is {math.degrees(wanted):.2f}°, and ArcFace with your "
            f"m = {angle:.4f} has {math.degrees(given):.2f}°"
        )
    return "the two losses draw the same regions for even centres. Try both in the lab: does it train alike?"
