"""Checks of the A-Softmax chapter."""

import math

from cosface_edu.exercises import answers, exercise, truth


@exercise(
    "a-softmax-psi", hint="Cut [0, π] into m equal parts; on each, turn the cosine so that it falls, and lower it."
)
def _psi(answer) -> str:
    answer = answers.function(answer)
    theta = [math.pi * i / 720 for i in range(721)]
    for m in (1, 2, 3, 4):
        given = [answers.number(answer(angle, m)) for angle in theta]
        rises = [angle for angle, a, b in zip(theta, given, given[1:], strict=False) if b - a > 1e-5]
        assert not rises, f"for m = {m} your ψ rises again after {math.degrees(rises[0]):.0f}°"
        for angle, said in zip(theta, given, strict=True):
            right = truth.a_softmax_psi(angle, m)
            wanted, yours = answers.told(right, said, ".4f")
            assert answers.close(said, right), (
                f"for m = {m} at {math.degrees(angle):.0f}° the loss uses {wanted}, you say {yours}"
            )
    return "equal to the rule that the loss uses, for m = 1 to 4."


@exercise("a-softmax-need", hint="Where mθ = φ - θ a class ends; compare twice that angle with what is left of φ.")
def _need(answer) -> str:
    m, phi = answers.number(answer), 1.0
    assert m >= 1, f"a factor below 1 is no margin, you say {m}"
    within = 2 * truth.a_softmax_edge(phi, m)
    between = phi - within
    away, spans = answers.told(math.degrees(between), math.degrees(within), ".1f")
    assert within <= between + 1e-6, (
        f"with m = {m:g} a class of the toy spans {spans}° on an arc of {math.degrees(phi):.1f}°, "
        f"and the next class is only {away}° away"
    )
    assert m < 3.01, f"m = {m:g} is enough, but a smaller one is, too"
    return "at this m the widest class is just as wide as the narrowest gap."
