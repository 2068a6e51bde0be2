"""Check of the chapter on evaluation."""

import numpy as np

from cosface_edu.exercises import exercise


def _bounds(scores: np.ndarray, same: np.ndarray, fold: np.ndarray) -> tuple[float, float]:
    """Least and greatest ten-fold accuracy over all thresholds that are best on the other folds."""
    low, high = [], []
    for k in np.unique(fold):
        others = fold != k
        tried = np.append(scores[others], scores.max() + 1)
        found = np.array([((scores[others] >= t) == same[others]).mean() for t in tried])
        best = np.sort(tried[found == found.max()])
        # Between a best threshold and the next score below it every threshold is equally good on the others.
        below = scores[others][scores[others] < best[0]].max(initial=-np.inf)
        candidates = np.concatenate([best, scores[(scores > below) & (scores <= best[-1])]])
        tested = [((scores >= t) == same)[~others].mean() for t in candidates]
        low.append(min(tested))
        high.append(max(tested))
    return float(np.mean(low)), float(np.mean(high))


@exercise("evaluating-folds")
def _folds(answer) -> str:
    generator = np.random.default_rng(3)
    for _ in range(3):
        same = np.arange(120) % 2 == 0
        fold = np.arange(120) // 12
        scores = generator.normal(size=120) + 1.2 * same
        low, high = _bounds(scores, same, fold)
        given = float(answer(scores, same, fold))
        assert low - 1e-9 <= given <= high + 1e-9, (
            f"with thresholds from nine folds the accuracy is {high:.3f}, you get {given:.3f}: "
            f"does a threshold see its own fold?"
        )
    return "no threshold has seen the fold that it is tested on."
