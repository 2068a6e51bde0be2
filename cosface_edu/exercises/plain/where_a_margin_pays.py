"""Check of the chapter on where a margin pays."""

from cosface_edu.exercises import answers, exercise


@exercise(
    "where-units", hint="A share times a hundred is points; the misses are what is left to 1; a multiple is a quotient."
)
def _units(answer) -> str:
    answer = answers.function(answer)
    for nsl, cosface in [(0.2, 0.3), (0.9, 0.93), (0.5, 0.4)]:
        rights = (100 * (cosface - nsl), (cosface - nsl) / (1 - nsl), cosface / nsl)
        names = ("the lead in points", "the share of NSL's misses", "the multiple of NSL's finds")
        for name, right, given in zip(names, rights, answers.numbers(answer(nsl, cosface), 3), strict=True):
            wanted, yours = answers.told(right, given, ".4g")
            assert answers.close(given, right), f"from {nsl:g} to {cosface:g} {name} is {wanted}, you say {yours}"
    return "three numbers for one lead: say which one you mean."
