"""Check of the chapter on the paper's tables."""

from cosface_edu.exercises import answers, exercise


@exercise("tables-pairs", hint="A percentage point is a hundredth of all pairs.")
def _pairs(answer) -> str:
    answer = answers.function(answer)
    for points, n, right in [(0.09, 6000, 5.4), (1.0, 6000, 60.0), (0.4, 500, 2.0)]:
        given = answers.number(answer(points, n))
        wanted, yours = answers.told(right, given, ".6g")
        assert answers.close(given, right), f"{points} points of {n} pairs are {wanted} pairs, not {yours}"
    return "so 0.09 points on LFW are about five pairs."
