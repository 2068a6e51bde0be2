"""Check of the chapter on consent and bias."""

import random

from cosface_edu.exercises import answers, exercise


@exercise("consent-rates", hint="A false accept is an impostor pair that is accepted: leave the genuine pairs out.")
def _rates(answer) -> str:
    answer = answers.function(answer)
    dice = random.Random(0)
    group = [dice.choice("ABC") for _ in range(3000)]
    same = [dice.random() < 0.4 for _ in group]
    drawn = [dice.gauss(0, 1) + 2 * s + 0.5 * (g == "B") for s, g in zip(same, group, strict=True)]
    scores = [round(score, 1) for score in drawn]  # some lie at the threshold itself, and are accepted
    given = answer(list(scores), list(same), list(group), 1.0)
    assert isinstance(given, dict), "return a dictionary from group to rate"
    assert set(given) == set("ABC"), f"there are three groups, A, B and C; you have {sorted(map(str, given))}"
    for name, said in given.items():
        rate = answers.number(said)
        impostors = [s for s, genuine, g in zip(scores, same, group, strict=True) if g == name and not genuine]
        right = sum(s >= 1.0 for s in impostors) / len(impostors)
        wanted, yours = answers.told(right, rate, ".3f")
        assert answers.close(rate, right), (
            f"of the impostor pairs of group {name} {wanted} score at least the threshold, you say {yours}"
        )
    return "counted over impostor pairs only, group by group."
