"""Check of the chapter on the paper's tables."""

from cosface_edu.exercises import exercise


@exercise("tables-pairs")
def _pairs(answer) -> str:
    for points, n, truth in [(0.09, 6000, 5.4), (1.0, 6000, 60.0), (0.4, 500, 2.0)]:
        given = float(answer(points, n))
        assert abs(given - truth) < 1e-6, f"{points} points of {n} pairs are {truth:g} pairs, not {given:g}"
    return "so 0.09 points on LFW are about five pairs."
