"""Checks of the softmax chapter."""

import math
import random

from cosface_edu.exercises import answers, exercise, truth


@exercise("softmax-edge", hint="Write cos(φ - θ) out, divide by cosθ, and a tangent is left.")
def _edge(answer) -> str:
    answer = answers.function(answer)
    for degrees, ratio in [(60, 1.0), (60, 0.7), (60, 1.3), (100, 0.9), (25, 1.05)]:
        phi = math.radians(degrees)
        right, given = truth.softmax_edge(phi, ratio), answers.number(answer(phi, ratio))
        wanted, yours = answers.told(math.degrees(right), math.degrees(given), ".2f")
        assert answers.close(given, right), (
            f"for φ = {degrees}° and a ratio of {ratio} you say {yours}°, solving the equation gives {wanted}°"
        )
    return "your formula agrees with the root for every angle and ratio tried."


@exercise("softmax-cheat", hint="What happens to all scores of an image if its feature grows longer?")
def _cheat(answer) -> str:
    answer = answers.function(answer)
    dice = random.Random(0)
    centres = [(math.cos(k * math.pi / 4), math.sin(k * math.pi / 4)) for k in range(8)]

    def scores(x: list[float]) -> list[float]:
        return [x[0] * w[0] + x[1] * w[1] for w in centres]

    def decided(x: list[float]) -> int:
        return max(range(8), key=scores(x).__getitem__)

    def loss(rows: list[list[float]]) -> float:
        return sum(-math.log(truth.softmax(scores(x))[y]) for x, y in zip(rows, labels, strict=True)) / len(rows)

    drawn = [(k, [2 * w + dice.gauss(0, 0.3) for w in centres[k]]) for k in range(8) for _ in range(20)]
    features = [x for k, x in drawn if decided(x) == k]
    labels = [decided(x) for x in features]
    changed = answers.table(answer([list(x) for x in features]), len(features), 2)
    kept = sum(decided(x) == y for x, y in zip(changed, labels, strict=True)) / len(labels)
    assert kept == 1, f"only {kept:.0%} of the decisions are as before"
    before, after = loss(features), loss(changed)
    assert after < before, f"the loss was {before:.4f} and is {after:.4f}: it did not fall"
    return f"the loss fell from {before:.3f} to {after:.3f}, and not one decision changed."
