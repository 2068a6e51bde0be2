"""Check of the chapter on verification."""

import random

from cosface_edu.exercises import answers, exercise, truth


@exercise(
    "verification-tar", hint="Sort the impostor scores: how many of them may pass? The next one is the threshold."
)
def _tar(answer) -> str:
    answer = answers.function(answer)
    dice = random.Random(0)
    for far, digits in ((0.5, 9), (0.1, 2), (0.01, 2), (0.001, 9), (0.0001, 9)):  # with two digits there are ties
        genuine = [round(dice.gauss(0.5, 0.2), digits) for _ in range(500)]
        impostor = [round(dice.gauss(0.0, 0.15), digits) for _ in range(2000)]
        right = truth.tar_at_far(genuine, impostor, far)
        given = answers.number(answer(list(genuine), list(impostor), far))
        wanted, yours = answers.told(right, given, ".3f")
        ties = " (some pairs have the same score)" if digits < 9 else ""
        assert answers.close(given, right), f"at FAR = {far:g} the rate is {wanted}, you say {yours}{ties}"
    return "equal to the package's on five rates."
