"""Check of the NSL chapter."""

from cosface_edu.exercises import answers, exercise, truth


@exercise("nsl-posterior", hint="One score is s, the other C - 1 are s·c; write the softmax of the first.")
def _posterior(answer) -> str:
    answer = answers.function(answer)
    for s, classes, cosine in [(1.0, 8, 0.0), (5.0, 8, -1 / 7), (16.0, 100, 0.3), (2.0, 2, -1.0)]:
        right = truth.softmax([s] + [s * cosine] * (classes - 1))[0]
        given = answers.number(answer(s, classes, cosine))
        wanted, yours = answers.told(right, given, ".6f")
        assert answers.close(given, right), (
            f"s = {s:g}, C = {classes}, c = {cosine:.3f}: the loss itself gives {wanted}, you say {yours}"
        )
    return "the loss in the package gives the same posterior."
