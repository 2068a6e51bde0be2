"""Bootstrapped confidence intervals: how far the figure would move with other pairs, or other people."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cosface_edu.checks import check_count, check_number

from .verification import Verification, by_folds


class Interval(NamedTuple):
    """A percentile interval.

    Attributes:
        low: lower end.
        high: upper end.
        level: share of the resamplings between them.

    Example:
        >>> from cosface_edu.evaluation import Interval
        >>> found = Interval(0.97, 0.99, level=0.95)
        >>> round(found.high - found.low, 2)
        0.02
    """

    low: float
    high: float
    level: float


def bootstrap(
    result: Verification,
    statistic: Callable[[Verification], float] = lambda result: result.accuracy,
    *,
    people: ArrayLike | None = None,
    samples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Confidence interval of any figure of a verification, by repeating the whole procedure on resampled pairs.

    Pairs are drawn with replacement among those of the same fold and kind. Pairs that share a person are not
    independent, so the interval is of these people: too narrow for others, where people recur. Given `people`, these
    are drawn instead and a pair comes as often as both of its people do (once for a genuine pair's one person). Such a
    resample has more pairs than the test or fewer, so a figure that needs all of the test's, such as TAR at FAR
    1/impostors, has no such interval: that of the resamples which happen to show it would be of other tests.

    Args:
        result: of `verify`.
        statistic: the figure.
        people: (n, 2) who the pairs show, any labels.
        samples: resamplings.
        level: of confidence, a share such as 0.95.
        seed: of the draws.

    Returns:
        The interval.

    Raises:
        ValueError: if there are no resamplings, the level is no share, or the figure cannot be computed on one of them.

    Example:
        >>> import numpy as np
        >>> from cosface_edu.evaluation import bootstrap, verify
        >>> draw = np.random.default_rng(0)
        >>> same = np.arange(200) % 2 == 0
        >>> scores = draw.normal(np.where(same, 0.5, 0.1), 0.2)  # not all told apart
        >>> found = bootstrap(verify(scores, same), samples=100)
        >>> found.low < verify(scores, same).accuracy < found.high
        True
    """
    return _interval(statistic, [result], people, samples, level, seed)


def bootstrap_difference(
    result: Verification,
    other: Verification,
    statistic: Callable[[Verification], float] = lambda result: result.accuracy,
    *,
    people: ArrayLike | None = None,
    samples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Confidence interval of `result`'s figure minus `other`'s, on the same pairs in the same order.

    Both are computed on the same resampled pairs each time. Easy and hard pairs are so for both, which two separate
    intervals do not know: those may overlap where the difference is plain. Thresholds are chosen anew on each, which
    makes the interval of an accuracy's difference a cautious one.

    Args:
        result: of `verify`.
        other: of `verify` on the same pairs.
        statistic: the figure.
        people: (n, 2) who the pairs show, as for `bootstrap`.
        samples: resamplings.
        level: of confidence, a share such as 0.95.
        seed: of the draws.

    Returns:
        The interval; 0 outside it is a difference that the choice of pairs does not explain.

    Raises:
        ValueError: if the two are not about the same pairs, and as for `bootstrap`.

    Example:
        >>> import numpy as np
        >>> from cosface_edu.evaluation import bootstrap_difference, verify
        >>> draw = np.random.default_rng(0)
        >>> same = np.arange(200) % 2 == 0
        >>> scores = draw.normal(np.where(same, 0.5, 0.1), 0.2)  # not all told apart
        >>> better = verify(scores + 0.2 * same, same)
        >>> bootstrap_difference(better, verify(scores, same), samples=100).low > 0
        True
    """
    if not (np.array_equal(result.same, other.same) and np.array_equal(result.folds, other.folds)):
        raise ValueError("the two results are not of the same pairs in the same folds")
    return _interval(statistic, [result, other], people, samples, level, seed)


def _interval(
    statistic: Callable[[Verification], float],
    results: list[Verification],
    people: ArrayLike | None,
    samples: int,
    level: float,
    seed: int,
) -> Interval:
    """Of the first result's figure, less the second's if there is one."""
    first, samples = results[0], check_count("samples", samples, 1)
    level = check_number("level", level, 1e-9, 1, allowed="a share in (0, 1], such as 0.95")
    rng = np.random.default_rng(seed)
    draw = _draw_pairs(first) if people is None else _draw_people(first, np.asarray(people))
    values = []
    for number in range(1, samples + 1):
        rows = draw(rng)
        folds = first.folds[rows]
        if people is not None:  # they leave some folds all but empty, so folds are dealt anew
            folds = min(len(first.accuracies), *np.bincount(first.same[rows]))
        drawn = [by_folds(result.scores[rows], result.same[rows], folds) for result in results]
        try:
            figures = [statistic(result) for result in drawn]
        except ValueError as error:
            if people is None:  # as many pairs of each kind as the test: it is not for want of pairs
                raise
            raise ValueError(
                f"the figure cannot be computed on resample {number} of {samples}, with {len(rows):,} pairs for the "
                f"test's {len(first.same):,}: {error}; take one that needs fewer pairs, such as a higher FAR"
            ) from error
        values.append(figures[0] - sum(figures[1:]))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)


def _draw_pairs(result: Verification) -> Callable[[np.random.Generator], np.ndarray]:
    _, kind = np.unique(np.stack([result.folds, result.same]), axis=1, return_inverse=True)
    kind = kind.ravel()
    rows = np.argsort(kind, kind="stable")
    counts = np.bincount(kind)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    lengths = np.repeat(counts, counts)
    return lambda rng: rows[starts + (rng.random(len(rows)) * lengths).astype(np.int64)]


def _draw_people(result: Verification, people: np.ndarray) -> Callable[[np.random.Generator], np.ndarray]:
    if people.shape != (len(result.same), 2):
        raise ValueError(f"two people for each of {len(result.same)} pairs, got shape {people.shape}")
    names, numbers = np.unique(people, return_inverse=True)
    first, second = numbers.reshape(people.shape).T

    def draw(rng: np.random.Generator) -> np.ndarray:
        times = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
        weight = np.where(result.same, times[first], times[first] * times[second])
        if min(weight[result.same].sum(), weight[~result.same].sum()) < 2:  # of a handful of people: nothing to fold
            return draw(rng)
        return np.repeat(np.arange(len(weight)), weight)

    return draw
