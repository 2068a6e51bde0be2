"""Checks of the chapter on feature normalisation."""

import random

from cosface_edu.exercises import answers, exercise, truth


@exercise("feature-norm-length", hint="The posterior is that of the scores, which are the length times u.")
def length(gradient) -> str:
    """(u, y, length) -> dL/d‖x‖."""
    gradient = answers.function(gradient)
    dice = random.Random(0)
    for size in (1.0, 8.0, 30.0):
        u = [dice.uniform(-1, 1) for _ in range(6)]
        best = u.index(max(u))
        second = max((k for k in range(6) if k != best), key=u.__getitem__)  # above the average, and not the largest
        for y in (u.index(min(u)), second, best):
            right, got = truth.length_gradient(u, y, size), answers.number(gradient(list(u), y, size))
            wanted, yours = answers.told(right, got, "+.4f")
            assert answers.close(got, right), f"At length {size:g} the derivative is {wanted}; you say {yours}."
    return "negative where the target scores above the average of all, by their shares."


@exercise(
    "feature-norm-error", hint="The standard error of a share p of n trials is √(p(1 - p)/n); give it in per cent."
)
def error(points: float) -> str:
    """Standard error, in points, of an accuracy of 99.2 % on 6,000 independent pairs."""
    points = answers.number(points, low=0)
    right = 100 * (0.992 * 0.008 / 6000) ** 0.5
    assert abs(100 * points - right) > 0.02, "In points, that is per cent, not as a share."
    assert abs(points - right) < 0.02, "The standard error of a share p of n trials is √(p(1 - p)/n)."
    return "and the difference of two accuracies has 1.4 times that."
