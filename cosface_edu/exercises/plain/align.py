"""Check of the chapter on alignment."""

import cmath
import random

from cosface_edu.exercises import answers, exercise, truth


@exercise("align-fit", hint="Take the means away from both; z is Σ p̄·q over Σ |p|², with p̄ the conjugate.")
def _fit(answer) -> str:
    answer = answers.function(answer)
    dice = random.Random(0)
    for trial in range(5):
        p, q = ([complex(dice.gauss(60, 40), dice.gauss(60, 40)) for _ in range(5)] for _ in range(2))
        if trial == 0:  # an exact similarity first: it is the easiest to get right
            q = [0.5 * cmath.exp(0.7j) * point + 3 - 2j for point in p]
        given = answers.parts(answer(list(p), list(q)), 2, "numbers, z and t")
        for name, right, said in zip("zt", truth.similarity(p, q), given, strict=True):
            got = answers.complex_number(said)
            wanted, yours = answers.told(right, got, ".4f")
            # points lie some hundred away from 0: complex64 holds t no better than this
            assert abs(got - right) < 1e-4, f"{name} should be {wanted}, you say {yours}"
    return "your transform is the package's, on exact and on noisy points."
