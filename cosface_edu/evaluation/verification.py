"""Verification: are two faces of the same person? Ten folds, exact thresholds, ROC, TAR@FAR.

The protocol is that of Labeled Faces in the Wild (Huang et al., 2007): the threshold is chosen on nine folds and
tested on the tenth, ten times over; the figure is the mean of ten accuracies with its standard error. A threshold
chosen on the pairs that it is then tested on flatters.
"""

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from cosface_edu.data.truth import truths

BY_MORE_THAN_CHANCE = 4  # standard errors
ALIKE = 1e-5  # relative: what rounding leaves between the scores of equal features


class ROC(NamedTuple):
    """Every threshold that tells pairs apart, strictest first: accepted are scores >= threshold.

    Attributes:
        far: (t,) false-accept rate at each threshold, rising from 0 to 1.
        tar: (t,) true-accept rate at each threshold, rising.
        thresholds: (t,) falling; the first accepts nothing.

    Example:
        >>> import numpy as np
        >>> from cosface_edu.evaluation import verify
        >>> scores = np.array([0.8, 0.7, 0.2, 0.1] * 5)
        >>> same = np.array([True, True, False, False] * 5)
        >>> roc = verify(scores, same, folds=5).roc
        >>> roc.far, roc.tar
        (array([0. , 0. , 0. , 0.5, 1. ]), array([0. , 0.5, 1. , 1. , 1. ]))
    """

    far: NDArray[np.float64]  # accepted share of the impostor pairs, rising from 0 to 1
    tar: NDArray[np.float64]  # accepted share of the genuine pairs, rising from 0 to 1
    thresholds: NDArray[np.float64]


def verify(
    scores: ArrayLike | torch.Tensor, same: ArrayLike | torch.Tensor, folds: int | ArrayLike = 10
) -> "Verification":
    """Accuracy by k folds, each with the best threshold of the others.

    Thresholds are exact: between any two neighbouring scores of the other folds one is tried, by sorting once and
    counting along the order. A number of folds splits genuine and impostor pairs each into so many runs of equal
    length in the order given; for LFW's own order these are exactly the official folds.

    Args:
        scores: (n,) similarities, higher for more alike; what looks like distances is warned of.
        same: (n,) whether a pair is genuine: booleans, 1 and 0, or 1 and −1.
        folds: how many, or the (n,) numbers of the pairs' folds.

    Returns:
        Scores, accuracies, thresholds; everything else is computed from these.

    Raises:
        ValueError: if a score is not finite, a label is something else, the lengths differ, or a fold leaves nothing
            to choose a threshold on.

    Example:
        >>> import numpy as np
        >>> from cosface_edu.evaluation import verify
        >>> scores = np.array([0.8, 0.7, 0.2, 0.1] * 5)
        >>> same = np.array([True, True, False, False] * 5)
        >>> found = verify(scores, same, folds=5)
        >>> found.accuracy, found.std, round(float(found.thresholds[0]), 2)
        (1.0, 0.0, 0.45)
    """
    found = by_folds(scores, same, folds)
    scores, same = found.scores, found.same
    if scores[same].mean() < scores[~same].mean() and found.auc < 0.5 - BY_MORE_THAN_CHANCE * _auc_error(same):
        warnings.warn(
            f"genuine pairs score lower than impostors (AUC {found.auc:.3f}): pass similarities, not distances",
            stacklevel=2,
        )
    elif np.ptp(scores) <= ALIKE * np.abs(scores).max():
        warnings.warn(
            f"all {len(scores)} pairs have the score {scores[0]:.4g}: every picture gets the same feature, as from a "
            "network that has collapsed in training",
            stacklevel=2,
        )
    return found


def by_folds(
    scores: ArrayLike | torch.Tensor, same: ArrayLike | torch.Tensor, folds: int | ArrayLike
) -> "Verification":
    """What `verify` finds, with no word on what the scores look like: for pairs drawn from those of a `verify`."""
    scores, same = _checked(scores, same)
    numbers, count = _folds(folds, same)
    thresholds = _best_thresholds(scores, same, numbers, count)
    right = (scores >= thresholds[numbers]) == same
    accuracies = np.bincount(numbers, right, count) / np.bincount(numbers, minlength=count)
    return Verification(scores, same, numbers, accuracies, thresholds)


@dataclass(frozen=True, eq=False, repr=False)
class Verification:
    """What `verify` found.

    Attributes:
        scores: (n,) similarities.
        same: (n,) whether a pair is genuine.
        folds: (n,) the number of each pair's fold, from 0.
        accuracies: (k,) accuracy on each fold.
        thresholds: (k,) the threshold that each fold was tested with.

    Example:
        >>> import numpy as np
        >>> from cosface_edu.evaluation import verify
        >>> draw = np.random.default_rng(0)
        >>> same = np.arange(200) % 2 == 0
        >>> scores = draw.normal(np.where(same, 0.5, 0.1), 0.2)  # not all told apart
        >>> found = verify(scores, same)
        >>> round(found.accuracy, 3), round(found.eer, 3), round(found.auc, 3)
        (0.81, 0.18, 0.91)
        >>> round(found.tar_at_far(0.01), 2)
        0.51
    """

    scores: NDArray[np.float64]
    same: NDArray[np.bool_]
    folds: NDArray[np.int64]
    accuracies: NDArray[np.float64]
    thresholds: NDArray[np.float64]

    def __repr__(self) -> str:
        return (
            f"Verification({100 * self.accuracy:.2f} ± {100 * self.standard_error:.2f} %, "
            f"{len(self.same)} pairs, {len(self.accuracies)} folds)"
        )

    @property
    def accuracy(self) -> float:
        """Mean accuracy over the folds."""
        return float(self.accuracies.mean())

    @property
    def std(self) -> float:
        """Standard deviation over the folds, with k - 1 in the denominator as LFW's rules have it."""
        return float(self.accuracies.std(ddof=1))

    @property
    def standard_error(self) -> float:
        """Of the mean: std / √k."""
        return self.std / np.sqrt(len(self.accuracies))

    @cached_property
    def accepted(self) -> NDArray[np.bool_]:
        """(n,) whether each pair passes its own fold's threshold."""
        return self.scores >= self.thresholds[self.folds]

    @cached_property
    def roc(self) -> ROC:
        """Over all pairs, every threshold that changes anything."""
        order = np.argsort(-self.scores, kind="stable")
        scores, genuine, impostors = _count_down(self.scores[order], self.same[order])
        # the first cut accepts nobody; its threshold lies just above the highest score
        thresholds = np.concatenate([[np.nextafter(scores[0], np.inf)], scores])
        return ROC(impostors / impostors[-1], genuine / genuine[-1], thresholds)

    def tar_at_far(self, far: float) -> float:
        """Highest share of genuine pairs accepted by a threshold that accepts at most a share `far` of the impostors.

        Raises:
            ValueError: if there are fewer than 1/far impostor pairs: such a rate cannot be seen in them.
        """
        return float(self.roc.tar[self._cut(far)])

    def threshold_at_far(self, far: float) -> float:
        """The threshold behind `tar_at_far`."""
        return float(self.roc.thresholds[self._cut(far)])

    def _cut(self, far: float) -> int:
        impostors = int(np.count_nonzero(~self.same))
        if not 1 / impostors <= far <= 1:
            raise ValueError(
                f"FAR {far:g} cannot be measured on {impostors} impostor pairs: the smallest is {1 / impostors:.2g}"
            )
        return int(np.searchsorted(self.roc.far, far, side="right")) - 1

    @cached_property
    def eer(self) -> float:
        """Equal error rate: where as many genuine pairs are rejected as impostors accepted, interpolated linearly."""
        far, frr, _ = self.roc
        gap = far - (1 - frr)  # rises from -1 to 1
        after = int(np.argmax(gap >= 0))
        before = after - 1
        share = -gap[before] / (gap[after] - gap[before])
        return float(far[before] + share * (far[after] - far[before]))

    @cached_property
    def auc(self) -> float:
        """Area under the ROC curve: the chance that a genuine pair scores above an impostor pair."""
        return float(np.trapezoid(self.roc.tar, self.roc.far))

    def worst(self, n: int = 8) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Indices of the n impostor pairs that look most alike and of the n genuine pairs that look least alike."""
        order = np.argsort(self.scores, kind="stable")
        impostors, genuine = order[~self.same[order]], order[self.same[order]]
        return impostors[::-1][:n], genuine[:n]


def _auc_error(same: NDArray[np.bool_]) -> float:
    """Standard error of the AUC of scores that tell nothing (Mann and Whitney, 1947): √((g + i + 1) / (12 g i))."""
    genuine, impostors = np.count_nonzero(same), np.count_nonzero(~same)
    return float(np.sqrt((genuine + impostors + 1) / (12 * genuine * impostors)))


def _checked(scores: ArrayLike | torch.Tensor, same: ArrayLike | torch.Tensor) -> tuple[NDArray, NDArray]:
    # NumPy has no bfloat16
    scores = np.asarray(scores.detach().cpu().double() if isinstance(scores, torch.Tensor) else scores, np.float64)
    same = truths(same)
    if scores.ndim != 1 or scores.shape != same.shape:
        raise ValueError(f"one score and one answer for each pair, got shapes {scores.shape} and {same.shape}")
    if not np.isfinite(scores).all():
        first = int(np.argmin(np.isfinite(scores)))
        raise ValueError(f"pair {first} has score {scores[first]}: the network's features are not finite")
    if same.all() or not same.any():
        raise ValueError(f"both genuine and impostor pairs are needed, got {same.sum()} genuine of {len(same)}")
    return scores, same


def _folds(folds: int | ArrayLike, same: NDArray[np.bool_]) -> tuple[NDArray[np.int64], int]:
    """(n,) fold numbers from 0 and how many; a count is dealt to genuine and impostor pairs separately, in order."""
    if not isinstance(folds, int | np.integer):
        given = np.asarray(folds)
        if given.shape != same.shape:
            raise ValueError(f"one fold number for each of {len(same)} pairs, got shape {given.shape}")
        names, numbers = np.unique(given, return_inverse=True)
        if len(names) < 2:
            raise ValueError("at least two folds are needed: a threshold must not be tested where it was chosen")
        return numbers, len(names)
    fewest = int(min(same.sum(), (~same).sum()))
    if fewest < 2:
        raise ValueError(
            f"two genuine and two impostor pairs at least are needed, one to choose a threshold on and one to test, "
            f"got {same.sum()} genuine of {len(same)}"
        )
    if not 2 <= folds <= fewest:
        raise ValueError(
            f"2 to {fewest} folds can be dealt from {same.sum()} genuine of {len(same)} pairs, not {folds}"
        )
    numbers = np.empty(len(same), dtype=np.int64)
    for kind in (same, ~same):
        count = int(kind.sum())
        numbers[kind] = np.arange(count) * folds // count
    return numbers, int(folds)


def _count_down(scores: NDArray, same: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Count accepted pairs as the threshold falls.

    Args:
        scores: (n,) falling.
        same: (n,) in the same order.

    Returns:
        The c distinct scores, and the numbers of genuine and of impostor pairs accepted before the first of them
        and at each, (c + 1,).
    """
    last = np.append(np.flatnonzero(scores[:-1] != scores[1:]), len(scores) - 1)  # of each run of equal scores
    genuine = np.concatenate([[0], np.cumsum(same)[last]])
    accepted = np.concatenate([[0], last + 1])
    return scores[last], genuine, accepted - genuine


def _best_thresholds(scores: NDArray, same: NDArray, numbers: NDArray, count: int) -> NDArray[np.float64]:
    """For each of k folds, the threshold of highest accuracy on the other folds; of several, the middle one.

    As the threshold falls past a pair, one more is right if the pair is genuine and one less if it is not, so a
    running sum of +1 and -1 along the falling scores is the accuracy at every threshold at once. The fold's own
    pairs count 0, and no threshold is placed by where they lie.
    """
    kinds = np.bincount(2 * numbers + same, minlength=2 * count).reshape(
        count, 2
    )  # impostor and genuine pairs per fold
    for fold, (impostors, genuine) in enumerate(kinds.sum(0) - kinds):
        if not (impostors and genuine):
            raise ValueError(f"outside fold {fold} there are only {'genuine' if genuine else 'impostor'} pairs")

    order = np.argsort(scores)[::-1]
    falling, numbers = scores[order], numbers[order]
    change = np.where(same[order], 1, -1).astype(np.int32)  # half the memory to go through in each fold
    ends = np.append(np.flatnonzero(falling[:-1] != falling[1:]), len(falling) - 1)  # of each run of equal scores
    ties = len(ends) < len(falling)
    falling = falling[ends]  # (c,) distinct

    thresholds = np.empty(count)
    for fold in range(count):  # a fold at a time: arrays of one fold's length stay in the processor's cache
        others = numbers != fold
        right = np.cumsum(change * others, dtype=np.int32)  # more than if nobody were accepted
        if ties:  # equal scores pass or fail together: (n,) -> (c,)
            right, passed = right[ends], np.cumsum(others, dtype=np.int32)[ends]
            others = np.diff(passed, prepend=0) > 0
        best = max(0, right.max())
        cuts = np.flatnonzero((right == best) & others)  # each the last score accepted
        if best == 0:
            cuts = np.append(-1, cuts)  # accept nobody
        cut = cuts[len(cuts) // 2]
        if not others[cut + 1 :].any():  # everybody accepted
            thresholds[fold] = falling[cut]
            continue
        rejected = falling[cut + 1 + np.argmax(others[cut + 1 :])]
        if cut < 0:
            thresholds[fold] = np.nextafter(rejected, np.inf)
        else:
            middle = (falling[cut] + rejected) / 2
            thresholds[fold] = middle if middle > rejected else falling[cut]  # neighbouring floats have no middle
    return thresholds
