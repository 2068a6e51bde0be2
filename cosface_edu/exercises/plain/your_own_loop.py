"""A check of the chapter on other people's loops."""

import random

from cosface_edu.exercises import answers, exercise


@exercise("your-own-loop-threshold", hint="Sort the scores, the highest first: how many of them may pass?")
def _threshold(answer) -> str:
    answer = answers.function(answer)
    dice = random.Random(0)
    scores = [round(dice.gauss(0, 0.2) * 2**20) / 2**20 for _ in range(2000)]  # float32 holds them exactly
    for far in (0.1, 0.01, 0.001):
        threshold = answers.number(answer(list(scores), far))
        allowed = round(far * len(scores))
        accepted = sum(score >= threshold for score in scores)
        assert accepted == allowed, (
            f"for a rate of {far:g}, {allowed} of {len(scores):,} impostor pairs may be accepted,"
            f" and yours accepts {accepted}"
        )
        largest = sorted(scores)[-allowed]
        wanted, yours = answers.told(largest, threshold, ".4f")
        assert threshold == largest, (
            f"for a rate of {far:g} your threshold {yours} accepts as many as are allowed, but so does {wanted}:"
            " the largest is asked for"
        )
    return "as many strangers pass as you allowed."
