"""Check of the chapter on evaluation."""

import random

from cosface_edu.exercises import answers, exercise, truth


@exercise("evaluating-rank", hint="Of the first n strangers only the one with the greatest score matters.")
def _rank(answer) -> str:
    rank_one = answers.function(answer)
    dice = random.Random(3)
    for probes in (1, 40):
        genuine = [round(dice.gauss(0.5, 0.2), 1) for _ in range(probes)]  # rounded: there are ties
        strangers = [[round(dice.gauss(0.0, 0.2), 1) for _ in range(200)] for _ in range(probes)]
        sizes = [1, 10, 100, 200]
        given = answers.numbers(rank_one(list(genuine), [list(row) for row in strangers], list(sizes)), len(sizes))
        for n, share in zip(sizes, given, strict=True):
            right = truth.rank_one(genuine, strangers, n)
            wanted, yours = answers.told(right, share, ".3f")
            assert answers.close(share, right), (
                f"among the first {n} strangers the share of probes that come first is {wanted}; you say {yours}"
            )
    return "and it only falls as strangers come in."
