"""Check of the chapter on the rehearsal."""

from cosface_edu.exercises import answers, exercise

# Made-up accuracies with different optima; only their arithmetic is checked.
_TRIALS = [
    ({(8, 0.0): 0.90, (16, 0.0): 0.95, (16, 0.2): 0.93, (30, 0.0): 0.92, (30, 0.2): 0.97}, 0.02),
    ({(8, 0.0): 0.96, (16, 0.0): 0.90, (8, 0.1): 0.94, (16, 0.1): 0.95}, -0.01),
    ({(12, 0.0): 0.96, (16, 0.0): 0.91, (16, 0.2): 0.94, (30, 0.2): 0.95}, -0.01),  # at its best scale NSL is alone
]


@exercise("rehearsal-gain", hint="Two maxima: over the settings with m > 0, and over those with m = 0.")
def _gain(answer) -> str:
    answer = answers.function(answer)
    for accuracy, truth in _TRIALS:
        given = answers.number(answer({(float(s), m): v for (s, m), v in accuracy.items()}))
        wanted, yours = answers.told(truth, given, "+.2f")
        assert answers.close(given, truth), (
            f"best with a margin minus best without, each at its own scale, is {wanted} here; you say {yours}"
        )
    return "each loss at its own best scale; a gain may be negative."
