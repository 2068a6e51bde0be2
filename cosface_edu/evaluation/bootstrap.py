"""Bootstrapped confidence intervals: how far the figure would move with other pairs, or other people."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .verification import Verification, verify


class Interval(NamedTuple):
    """A percentile interval."""

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
    independent, so the interval is too narrow where people recur; given `people`, these are drawn instead and a pair
    comes as often as both of its people do (once for a genuine pair's one person).

    Args:
        result: Of `verify`.
        statistic: The figure.
        people: (n, 2) who the pairs show, any labels.
        samples: Resamplings.
        level: Of confidence.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    draw = _draw_pairs(result) if people is None else _draw_people(result, np.asarray(people))
    values = []
    for _ in range(samples):
        rows = draw(rng)
        values.append(statistic(verify(result.scores[rows], result.same[rows], result.folds[rows])))
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
        return np.repeat(np.arange(len(weight)), weight)

    return draw
