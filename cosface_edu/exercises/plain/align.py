"""Check of the chapter on alignment."""

import cmath
import random

from cosface_edu.exercises import answers, exercise, truth


@exercise("align-fit", hint="Take the means away from both; z is Σ p̄·q over Σ |p|², with p̄ the conjugate.")
def _fit(answer) -> str:
    answers.function(answer)
    dice = random.Random(0)
    for trial in range(5):
        p, q = ([complex(dice.gauss(60, 40), dice.gauss(60, 40)) for _ in range(5)] for _ in range(2))
        if trial == 0:  # an exact similarity first: it is the easiest to get right
            q = [0.5 * cmath.exp(0.7j) * point + 3 - 2j for point in p]
        given = answer(list(p), list(q))
        assert given is not None, "return z and t"
        for name, right, got in zip("zt", truth.similarity(p, q), given, strict=True):
            assert abs(complex(got) - right) < 1e-6, f"{name} should be {right:.4f}, you say {complex(got):.4f}"
    return "your transform is the package's, on exact and on noisy points."
