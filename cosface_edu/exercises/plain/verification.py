"""Check of the chapter on verification."""

import random

from cosface_edu.exercises import answers, exercise, truth


@exercise(
    "verification-tar", hint="Sort the impostor scores: how many of them may pass? The next one is the threshold."
)
def _tar(answer) -> str:
    answers.function(answer)
    dice = random.Random(0)
    for far in (0.5, 0.1, 0.01, 0.001):
        genuine = [dice.gauss(0.5, 0.2) for _ in range(500)]
        impostor = [dice.gauss(0.0, 0.15) for _ in range(2000)]
        right = truth.tar_at_far(genuine, impostor, far)
        given = answers.number(answer(list(genuine), list(impostor), far))
        wanted, yours = answers.told(right, given, ".3f")
        assert abs(given - right) < 1e-9, f"at FAR = {far:g} the rate is {wanted}, you say {yours}"
    return "equal to the package's on four rates."
