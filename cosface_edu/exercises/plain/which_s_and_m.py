"""Checks of the chapter "Which s and m for my data?"."""

import math

from cosface_edu.exercises import answers, exercise


@exercise("which-s-first-loss", hint="Every score but the true class's is 0, and that one is -s·m.")
def first_loss(answer) -> str:
    """A function (C, s, m) -> CosFace's loss while all cosines are 0."""
    answer = answers.function(answer)
    for C, s, m in ((2, 1.0, 0.0), (92, 30.0, 0.35), (10_575, 64.0, 0.35), (10_000, 64.0, 0.5)):
        said = answers.number(answer(C, s, m))
        right = math.log(1 + (C - 1) * math.exp(s * m))
        assert abs(said - math.log(1 + (C - 1) * math.exp(-s * m))) > 1e-6 or m == 0, (
            f"For C = {C}, s = {s:g}, m = {m:g} you say {said:.2f}: the margin is taken off the true class's score and "
            "makes the loss larger, not smaller."
        )
        wanted, yours = answers.told(right, said, ".4f")
        assert answers.close(said, right), f"For C = {C}, s = {s:g}, m = {m:g} you say {yours}; it is {wanted}."
    advice = "Right, but for s = 1000 and m = 1 the exponential overflows: take the exponent out."
    large = answers.large(answer, 10_000, 1000.0, 1.0, advice=advice)
    assert answers.close(large, 1000 + math.log(9999)), (
        f"For s = 1000, m = 1 you say {large:g}; it is {1000 + math.log(9999):.2f}."
    )
    return "so a log that begins elsewhere has other cosines, another s or another m than you think."


@exercise("which-s-off-centre", hint="Write P over 1 - P, take logarithms, and solve for s.")
def off_centre(answer) -> str:
    """A function (C, P, cos, m) -> s at which a picture with that cosine to its centre, others 0, has posterior P."""
    answer = answers.function(answer)
    for C, P, cos, m in ((10_575, 0.99, 0.7071, 0.2), (92, 0.5, 0.7071, 0.0), (200, 0.9, 0.5, 0.35)):
        s = answers.number(answer(C, P, cos, m))
        assert s > 0, f"For C = {C}, P = {P}, cosine {cos}, m = {m} you say s = {s:g}: a scale is positive."
        exponent = s * (cos - m) - math.log(C - 1)
        reached = 1 / (1 + math.exp(-exponent)) if exponent > -700 else 0.0
        assert abs(reached - P) < 1e-4, (
            f"For C = {C}, P = {P}, cosine {cos}, m = {m} you say s = {s:.3f}; with it the posterior is {reached:.4f}."
        )
    return "with P = 0.5, 45° and m = 0 it is AdaCos' fixed scale."
