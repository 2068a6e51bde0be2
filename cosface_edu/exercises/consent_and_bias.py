"""Check of the chapter on consent and bias."""

import numpy as np

from cosface_edu.exercises import exercise


@exercise("consent-rates")
def _rates(answer) -> str:
    generator = np.random.default_rng(0)
    group = generator.choice(list("ABC"), 3000)
    same = generator.random(3000) < 0.4
    scores = generator.normal(size=3000) + 2 * same + 0.5 * (group == "B")
    given = answer(scores, same, group, 1.0)
    assert isinstance(given, dict), "return a dictionary from group to rate"
    assert {str(g) for g in given} == set("ABC"), (
        f"there are three groups, A, B and C; you have {sorted(map(str, given))}"
    )
    for name, rate in given.items():
        impostors = [s for s, genuine, g in zip(scores, same, group, strict=True) if g == name and not genuine]
        truth = sum(s > 1.0 for s in impostors) / len(impostors)
        assert abs(float(rate) - truth) < 1e-9, (
            f"of the impostor pairs of group {name} {truth:.3f} are accepted, you say {float(rate):.3f}"
        )
    return "counted over impostor pairs only, group by group."
