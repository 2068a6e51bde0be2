"""Check of the chapter on consent and bias."""

import random

from cosface_edu.exercises import answers, exercise


@exercise("consent-rates", hint="A false accept is an impostor pair that is accepted: leave the genuine pairs out.")
def _rates(answer) -> str:
    answers.function(answer)
    dice = random.Random(0)
    group = [dice.choice("ABC") for _ in range(3000)]
    same = [dice.random() < 0.4 for _ in group]
    scores = [dice.gauss(0, 1) + 2 * s + 0.5 * (g == "B") for s, g in zip(same, group, strict=True)]
    given = answer(list(scores), list(same), list(group), 1.0)
    assert isinstance(given, dict), "return a dictionary from group to rate"
    assert set(given) == set("ABC"), f"there are three groups, A, B and C; you have {sorted(map(str, given))}"
    for name, rate in given.items():
        impostors = [s for s, genuine, g in zip(scores, same, group, strict=True) if g == name and not genuine]
        right = sum(s > 1.0 for s in impostors) / len(impostors)
        wanted, yours = answers.told(right, answers.number(rate), ".3f")
        assert abs(rate - right) < 1e-9, f"of the impostor pairs of group {name} {wanted} are accepted, you say {yours}"
    return "counted over impostor pairs only, group by group."
