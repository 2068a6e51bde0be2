"""A check of the chapter on other people's loops."""

import random

from cosface_edu.exercises import answers, exercise


@exercise(
    "your-own-loop-threshold",
    hint="Sort the scores, the highest first: how many whole ones may pass? If none may, index -1 is the lowest score.",
)
def _threshold(answer) -> str:
    answer = answers.function(answer)
    dice = random.Random(0)
    scores = [round(dice.gauss(0, 0.2) * 2**20) / 2**20 for _ in range(2000)]  # float32 holds them exactly
    for far in (0.1, 0.01, 0.001, 0.0018):
        threshold = answers.number(answer(list(scores), far))
        allowed = int(far * len(scores) + 1e-9)
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
    try:
        threshold = answers.number(answer(scores[:435], 0.001))
    except ValueError:
        return "as many strangers pass as you allowed."
    accepted = sum(score >= threshold for score in scores[:435])
    raise AssertionError(
        f"a rate of 0.001 allows not one of 435 pairs, and yours accepts {accepted}: raise ValueError there"
    )
