"""Checks of the eight-identities chapter."""

import math
import random

from cosface_edu.exercises import answers, exercise, truth


@exercise("eight-met", hint="Which of the others is the nearest? By how much does the cosine to its own centre lead?")
def _met(answer) -> str:
    share = answers.function(answer)
    draw = random.Random(8)
    # in no order on the circle: the nearest of the others need not be the next in the list
    even, uneven = (
        [45.0 * c for c in (0, 3, 6, 1, 4, 7, 2, 5)],
        [45.0 * c for c in (0, 3, 6, 1, 4)] + [298.0, 90.0, 225.0],
    )
    classes = [c for c in range(8) for _ in range(50)]
    around = {0: "every picture exactly on its class centre", 6: "pictures spread around their class centres"}
    for m in (0.0, 0.1, 0.2, 0.25, 0.35):
        for centres, they_stand in ((even, "evenly"), (uneven, "with one moved by 17°")):
            for spread, where in around.items():
                pictures = [centres[c] + draw.gauss(0, spread) for c in classes]
                right = truth.margin_met(pictures, classes, centres, m)
                given = answers.number(share(list(pictures), list(classes), list(centres), m))
                wanted, yours = answers.told(right, given, ".1%")
                assert answers.close(given, right), (
                    f"m = {m}, eight centres {they_stand}, {where}: {wanted} meet the margin, you say {yours}"
                )
    return "past the bound, at 0.35, not one picture of even centres meets it, even those that sit on their centre."


@exercise("eight-gap", hint="LMCL's gap on an arc is 2 arcsin(m / (2 sin(φ/2))); here φ is 45°.")
def _gap(answer) -> str:
    given = answers.number(answer)
    gap = truth.lmcl_gap(2 * math.pi / 8, 0.2)
    right = math.degrees(gap)
    assert abs(given - gap) > 0.01, f"{given:g} is the gap in radians; give it in degrees"
    assert abs(given - right / 2) > 0.1, f"{given:g}° is half the gap, from the middle of the arc to one boundary"
    assert abs(given - right) <= 0.1, (
        f"the boundaries of two neighbours leave another gap than {given:g}°; give it to within 0.1°"
    )
    return "that is what the loss asks for."
