"""Check of the chapter on evaluation."""

import random

from cosface_edu.exercises import answers, exercise


def _right(scores: list[float], same: list[bool], threshold: float) -> float:
    return sum((score >= threshold) == genuine for score, genuine in zip(scores, same, strict=True)) / len(scores)


def _bounds(scores: list[float], same: list[bool], fold: list[int]) -> tuple[float, float]:
    """Least and greatest ten-fold accuracy over all thresholds that are best on the other folds."""
    low, high = [], []
    for k in sorted(set(fold)):
        seen = [(s, g) for s, g, f in zip(scores, same, fold, strict=True) if f != k]
        others, truths = [s for s, _ in seen], [g for _, g in seen]
        tried = [*others, max(scores) + 1]
        found = [_right(others, truths, t) for t in tried]
        best = sorted(t for t, share in zip(tried, found, strict=True) if share == max(found))
        # Between a best threshold and the next score below it every threshold is equally good on the others.
        below = max((s for s in others if s < best[0]), default=-float("inf"))
        candidates = best + [s for s in scores if below < s <= best[-1]]
        test = [(s, g) for s, g, f in zip(scores, same, fold, strict=True) if f == k]
        tested = [_right([s for s, _ in test], [g for _, g in test], t) for t in candidates]
        low.append(min(tested))
        high.append(max(tested))
    return sum(low) / len(low), sum(high) / len(high)


@exercise(
    "evaluating-folds", hint="For each fold, look for the best threshold among the scores of the other folds only."
)
def _folds(answer) -> str:
    answers.function(answer)
    dice = random.Random(3)
    for _ in range(6):
        same = [i % 2 == 0 for i in range(120)]
        fold = [i // 12 for i in range(120)]
        scores = [dice.gauss(0, 1) + 1.2 * genuine for genuine in same]
        low, high = _bounds(scores, same, fold)
        given = answers.number(answer(list(scores), list(same), list(fold)))
        assert low - 1e-9 <= given <= high + 1e-9, (
            f"with thresholds from nine folds the accuracy is {high:.3f}, you get {given:.3f}: "
            f"does a threshold see its own fold?"
        )
    return "no threshold has seen the fold that it is tested on."
