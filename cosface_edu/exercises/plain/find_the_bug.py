"""A check of "Find the bug: in the loss" that needs no tensors."""

import math

from cosface_edu.exercises import answers, exercise


@exercise(
    "find-the-bug-dropped-margin", hint="Try m1 = 1, m2 = 0.3 and m3 = 0.2 on paper: which of them does the code use?"
)
def dropped_margin(target) -> str:
    """(theta, m1, m2, m3) -> the unified target."""
    target = answers.function(target)
    for m1, m2, m3 in (
        (1.0, 0.0, 0.35),
        (1.0, 0.5, 0.0),
        (1.35, 0.0, 0.0),
        (1.0, 0.3, 0.2),
        (0.9, 0.4, 0.15),
        (1.2, 0.0, 0.3),
    ):
        for theta in (0.05 + 0.04 * i for i in range(50)):
            got, right = answers.number(target(theta, m1, m2, m3)), math.cos(m1 * theta + m2) - m3
            wanted, yours = answers.told(right, got, ".3f")
            assert answers.close(got, right), (
                f"With (m1, m2, m3) = ({m1}, {m2}, {m3}) it is {yours} at {theta:.2f} radians; it should be {wanted}."
            )
    return "all three margins count, alone and together."
