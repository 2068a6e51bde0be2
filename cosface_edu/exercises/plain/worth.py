"""Check of the chapter on what a margin is worth."""

from cosface_edu.exercises import answers, exercise


@exercise("worth-million", hint="A probe that beats one stranger with chance 1 − f beats n of them with what chance?")
def _million(rank_one) -> str:
    """A function (rates, n) -> expected share of probes that come first among n strangers."""
    rank_one = answers.function(rank_one)
    for rates, n in [([0.0, 0.25, 1.0], 1), ([0.1, 0.2], 2), ([1e-4, 1e-2], 10_000), ([2e-4], 10_000)]:
        right = sum((1 - f) ** n for f in rates) / len(rates)
        given = answers.number(rank_one(list(rates), n))
        wanted, yours = answers.told(right, given, ".1%")
        of_mean = (1 - sum(rates) / len(rates)) ** n
        close = abs(given - right) < 1e-3  # 1 − f to the n-th power in single precision
        assert close or abs(given - of_mean) > 1e-3, (
            f"With rates {rates} among {n:,} you say {yours}, as if every probe had the mean rate; it is {wanted}: "
            "each probe wins or loses by its own."
        )
        assert close, f"With rates {rates} among {n:,} it is {wanted}, you say {yours}."
    return "a million strangers ask for rates of less than one in a million, probe by probe."
