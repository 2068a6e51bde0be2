"""Checks of the chapter on gradients and silence."""

import math
import random

from cosface_edu.exercises import answers, exercise, truth


def _agree(said: list[float], right: list[float]) -> bool:
    return all(answers.close(a, b) for a, b in zip(said, right, strict=True))


@exercise("gradients-by-hand", hint="The posterior is the one with the margin, and s·cosθ brings a factor s.")
def by_hand(gradient) -> str:
    """A function (cos, labels, s, m) -> dL/dcos."""
    gradient = answers.function(gradient)
    dice = random.Random(0)
    cos = [[dice.uniform(-1, 1) for _ in range(9)] for _ in range(6)]
    labels = [dice.randrange(9) for _ in cos]
    for s, m, hint in (
        (1.0, 0.0, "Even without margin and scale it differs: p - 1 on the target, p elsewhere."),
        (5.0, 0.0, "With s = 5 it differs: the chain rule through s·cosθ brings a factor."),
        (5.0, 0.35, "With m = 0.35 it differs: p must be the posterior with the margin."),
    ):
        got = answers.table(gradient([list(row) for row in cos], list(labels), s, m), 6, 9)
        for row, said, y in zip(cos, got, labels, strict=True):
            right = truth.cosine_gradient(row, y, s, m)
            assert not _agree(said, [g / len(cos) for g in right]), (
                "L is the sum of the losses: yours is of their mean."
            )
            assert not _agree(said, [-g for g in right]), "The sign is turned: p - 1 on the target is negative."
            worst = max(range(9), key=lambda j: abs(said[j] - right[j]))
            wanted, yours = answers.told(right[worst], said[worst], ".4f")
            assert _agree(said, right), f"{hint} (Your largest error: {yours} instead of {wanted}.)"
    return "equal to autograd, without autograd."


@exercise(
    "gradients-equal-silence", hint="Both fall silent where s(cosθ - m) = ln(C - 1) + ln 99; the cosine is the same."
)
def equal_silence(s: float) -> str:
    """The margin-free scale that is silent at the angle of CosFace with s = 64, m = 0.35."""
    s = answers.number(s, low=1e-6)
    wanted = truth.quiet_angle(64.0, 0.35, 10_575)
    got = truth.quiet_angle(s, 0.0, 10_575)
    assert not math.isnan(got), f"With s = {s:g} no sample ever reaches 0.99: it is below the bound on s."
    right = (math.log(10_574) + math.log(99)) / math.cos(wanted)
    theirs, yours = answers.told(math.degrees(wanted), math.degrees(got), ".1f")
    assert abs(s - right) <= 0.2, f"With s = {s:g} NSL falls silent at {yours}°, CosFace at {theirs}°."
    return "a small scale has a margin of this size built in, as long as C stays the same."
