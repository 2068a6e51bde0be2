"""Checks of the LMCL chapter."""

import math
import random

from cosface_edu.exercises import answers, exercise, truth


@exercise("lmcl-loss", hint="Take m from the target's cosine alone, then multiply all by s.")
def _loss(answer) -> str:
    answer = answers.function(answer)
    dice = random.Random(0)
    for s, m in [(8.0, 0.35), (30.0, 0.2), (64.0, 0.0)]:
        cosines = [[dice.uniform(-1, 1) for _ in range(10)] for _ in range(32)]
        labels = [dice.randrange(10) for _ in cosines]
        posteriors = (truth.softmax(truth.lmcl_scores(row, y, s, m))[y] for row, y in zip(cosines, labels, strict=True))
        right = sum(-math.log(p) for p in posteriors) / len(labels)
        given = answers.number(answer([list(row) for row in cosines], list(labels), s, m))
        wanted, yours = answers.told(right, given, ".6f")
        assert answers.close(given, right), f"for s = {s:g}, m = {m:g} the package's loss is {wanted}, yours is {yours}"
    return "equal to CosFace in the package, margin or none."


@exercise("lmcl-edge", hint="cosθ - cos(φ - θ) = 2 sin(φ/2) sin(φ/2 - θ); set it equal to m.")
def _edge(answer) -> str:
    answer = answers.function(answer)
    for degrees, m in [(60, 0.2), (45, 0.2), (90, 0.35), (150, 0.5), (20, 0.05), (30, 0.35)]:
        phi = math.radians(degrees)
        right, given = truth.lmcl_edge(phi, m), answers.number(answer(phi, m), may_be_nan=True)
        if math.isnan(right):
            assert math.isnan(given), f"at φ = {degrees}° nothing on the arc meets m = {m}: return nan, not {given:.4f}"
        else:
            wanted, yours = answers.told(math.degrees(right), math.degrees(given), ".3f")
            assert answers.close(given, right), f"at φ = {degrees}°, m = {m} the root is {wanted}°, you say {yours}°"
    return "agrees with the root that geometry finds from the loss's own rule."
