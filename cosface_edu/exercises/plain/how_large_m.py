"""Checks of the chapter "How large can m be?"."""

import math
import random

from cosface_edu.exercises import answers, exercise, truth


def _largest_cosine(centres: list[list[float]]) -> float:
    """Of any two centres."""
    lengths = [math.hypot(*w) for w in centres]
    cosines = [
        sum(a * b for a, b in zip(v, w, strict=True)) / (lengths[i] * lengths[j])
        for i, v in enumerate(centres)
        for j, w in enumerate(centres[:i])
    ]
    return max(cosines)


@exercise("how-large-m-largest", hint="Cosines need lengths of 1, and a centre's cosine to itself is no neighbour's.")
def largest(answer) -> str:
    """A function from a list of class centres to the largest feasible m."""
    answer = answers.function(answer)
    simplex = [[float(i == j) - 0.2 for j in range(5)] for i in range(5)]
    got = answers.number(answer([list(w) for w in simplex]))
    assert abs(got - 1.25) < 1e-4, f"For a simplex of five the answer is 5/4; the function says {got:.4f}."
    got = answers.number(answer([[7 * a for a in w] for w in simplex]))
    assert abs(got - 1.25) < 1e-4, f"Seven times longer centres have the same angles; now the function says {got:.4f}."
    got = answers.number(answer([[1.0, 0.0], [3.0, 0.0], [0.0, 1.0]]))
    assert abs(got) < 1e-4, f"Two centres in one direction leave room for no margin; the function says {got:.4f}."
    dice = random.Random(0)
    for C, D in ((6, 3), (20, 8)):
        centres = [[dice.gauss(0, 1) for _ in range(D)] for _ in range(C)]
        right, got = 1 - _largest_cosine(centres), answers.number(answer([list(w) for w in centres]))
        wanted, yours = answers.told(right, got, ".4f")
        assert abs(got - right) < 1e-4, f"For {C} random centres in {D} dimensions: {yours} instead of {wanted}."
    return "Eq. 7 of the paper, in a few lines."


@exercise("how-large-m-eight", hint="In four dimensions there are four axes, and each has two ends.")
def eight(centres) -> str:
    """Eight centres in four dimensions with no positive cosine."""
    rows = answers.table(centres, 8, 4)
    assert all(math.hypot(*w) > 0 for w in rows), "Every centre needs a direction."
    found = _largest_cosine(rows)
    assert found < 1e-4, f"Your largest cosine is {found:.3f}, so m can be {1 - found:.3f}. It should be 1."
    return "every two people at least 90° apart."


@exercise("how-large-m-whole", hint="At m = 1 no two centres may be closer than 90°; beyond it their sum has a length.")
def whole(answer) -> str:
    """A function from the dimension and m, 1 to 2, to the most classes that leave room for m."""
    most = answers.function(answer)
    corners = ((2, 1.0), (4, 1.0), (128, 1.0), (3, 1.2), (5, 1.2), (9, 1.2), (9, 1.5), (1, 2.0))
    for D, m in ((3, 1.3), (9, 1.3), (9, 1.45), (2, 1.9), *corners):
        right = truth.most_with_room(D, m)
        given = answers.number(most(D, m))
        wanted, yours = answers.told(right, given, ".0f")
        assert given == int(given), f"In {D} dimensions m = {m:g} leaves room for {wanted}; {yours} is no whole number."
        hint = " At this m a whole number is just reached, and floats fall short of it: add 1e-9 before rounding down."
        just = (D, m) in corners and given == right - 1
        assert given == right, (
            f"In {D} dimensions m = {m:g} leaves room for {wanted}; the function says {yours}.{hint * just}"
        )
    return "from 2D to D + 1 in one step; from m = (D + 1)/D on it no longer matters how many dimensions there are."
