"""BLUFR: all 13,233 images of LFW, verification at FAR 0.1 % and open-set identification at FAR 1 %.

Liao et al., "A Benchmark Study of Large-scale Unconstrained Face Recognition", IJCB 2014. Ten trials; a figure is
reported as their mean minus their standard deviation.
"""

import os
from dataclasses import dataclass

import numpy as np
import scipy.io
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from cosface_edu.checks import check_count
from cosface_edu.data.pairs import check_rows
from cosface_edu.files import lies_in_place_of

from .arrays import as_tensor
from .identification import HighestScores, identify, unit_rows
from .labels import check_one_each, numbered

ROWS = 1024  # of the score matrix at a time


@dataclass(frozen=True, eq=False)
class Trial:
    """One trial's images, by their numbers: test is gallery and probes together, gallery one image of each enrolled.

    Attributes:
        test: (G + P,) numbers of the images verified among each other.
        gallery: (G,) numbers of those enrolled.
        probes: (P,) numbers of those looked for.

    Example:
        >>> import torch
        >>> from cosface_edu.evaluation import blufr, draw_trials
        >>> _ = torch.manual_seed(0)
        >>> labels = torch.arange(60) // 3  # twenty people, three images of each
        >>> features = torch.eye(20)[labels] + 0.1 * torch.randn(60, 20)
        >>> trials = draw_trials(labels, trials=2)
        >>> trial = trials[0]
        >>> sorted([*trial.gallery, *trial.probes]) == sorted(trial.test)
        True
    """

    test: NDArray[np.int64]
    gallery: NDArray[np.int64]
    probes: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BLUFR:
    """What `blufr` found, one value a trial.

    Attributes:
        verification: (t,) TAR at the verification FAR.
        detection: (t,) rank-1 detection and identification rate at the open-set FAR.

    Example:
        >>> import numpy as np
        >>> from cosface_edu.evaluation import BLUFR
        >>> found = BLUFR(verification=np.array([0.9, 0.8]), detection=np.array([0.7, 0.6]))
        >>> round(float(found.verification.mean()), 3)
        0.85
    """

    verification: NDArray[np.float64]
    detection: NDArray[np.float64]

    @property
    def figures(self) -> dict[str, float]:
        """Mean minus standard deviation over the trials, as the benchmark ranks them."""
        return {
            "verification": float(self.verification.mean() - self.verification.std(ddof=1)),
            "detection": float(self.detection.mean() - self.detection.std(ddof=1)),
        }


def read_blufr(path: str | os.PathLike[str]) -> tuple[list[str], NDArray[np.int64], list[Trial]]:
    """Read the benchmark's own lists, blufr_lfw_config.mat.

    Args:
        path: the benchmark's file.

    Returns:
        Names of the N images in the order that the features must have, their labels (N,), and the ten trials.

    Raises:
        ValueError: if the file lacks one of its variables.

    Example:
        >>> from scipy.io import savemat
        >>> from cosface_edu.evaluation import read_blufr
        >>> savemat("config.mat", {"labels": [1, 2]})  # not what the benchmark's file holds
        >>> read_blufr("config.mat")
        Traceback (most recent call last):
            ...
        ValueError: config.mat: lacks galIndex, imageList, probIndex, testIndex; expected blufr_lfw_config.mat
    """
    if (other := lies_in_place_of(path)) is not None:
        raise ValueError(f"{path}: {other}")
    mat = scipy.io.loadmat(path)
    if missing := {"imageList", "labels", "testIndex", "galIndex", "probIndex"} - mat.keys():
        raise ValueError(f"{path}: lacks {', '.join(sorted(missing))}; expected blufr_lfw_config.mat")
    names = [str(cell.item()) for cell in mat["imageList"].ravel()]
    columns = [
        [cell.ravel().astype(np.int64) - 1 for cell in mat[key].ravel()]
        for key in ("testIndex", "galIndex", "probIndex")
    ]
    return names, mat["labels"].ravel().astype(np.int64), [Trial(*row) for row in zip(*columns, strict=True)]


def draw_trials(labels: ArrayLike, trials: int = 10, seed: int = 0) -> list[Trial]:
    """Draw trials of BLUFR's proportions for any set of faces.

    Of LFW's 5,749 people BLUFR keeps 1,500 for training and tests on 4,249; 1,000 of those with two images or more
    are enrolled with one image, their other images and all others' are the probes.

    Args:
        labels: (N,) whose the images are.
        trials: how many to draw.
        seed: of the draws.

    Returns:
        The trials.

    Raises:
        ValueError: if there are too few people, none with two images, or no trials are asked for.

    Example:
        >>> import torch
        >>> from cosface_edu.evaluation import blufr, draw_trials
        >>> _ = torch.manual_seed(0)
        >>> labels = torch.arange(60) // 3  # twenty people, three images of each
        >>> features = torch.eye(20)[labels] + 0.1 * torch.randn(60, 20)
        >>> trials = draw_trials(labels, trials=2)
        >>> [(len(trial.test), len(trial.gallery)) for trial in trials]
        [(45, 4), (45, 4)]
    """
    labels = np.asarray(labels)
    people, counts = np.unique(labels, return_counts=True)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(check_count("trials", trials, 1)):
        tested = rng.permutation(len(people))[round(len(people) * 1500 / 5749) :]
        several = people[tested[counts[tested] > 1]]
        enrolled = several[: max(1, round(len(tested) * 1000 / 4249))]
        if len(enrolled) in (0, len(tested)):
            raise ValueError(f"{len(people)} people are too few to enrol some with two images and keep others unknown")
        test = np.flatnonzero(np.isin(labels, people[tested]))
        gallery = np.sort([rng.choice(np.flatnonzero(labels == person)) for person in enrolled])
        drawn.append(Trial(test, gallery, np.setdiff1d(test, gallery)))
    return drawn


def blufr(
    features: ArrayLike | Tensor,
    labels: ArrayLike | Tensor,
    trials: list[Trial],
    far: float = 1e-3,
    open_set_far: float = 1e-2,
) -> BLUFR:
    """Run the benchmark.

    Args:
        features: (N, D) embeddings.
        labels: (N,) whose they are.
        trials: from `read_blufr` or `draw_trials`.
        far: false accepts among all impostor pairs of a trial's test set.
        open_set_far: false accepts among the probes that are nobody's.

    Returns:
        Rates, one for each trial.

    Raises:
        ValueError: if a trial has too few impostors for such a rate, or no genuine pair, or numbers of other images
            than there are; if there are no trials, labels are not one for each image, or features are not finite.

    Example:
        >>> import torch
        >>> from cosface_edu.evaluation import blufr, draw_trials
        >>> _ = torch.manual_seed(0)
        >>> labels = torch.arange(60) // 3  # twenty people, three images of each
        >>> features = torch.eye(20)[labels] + 0.1 * torch.randn(60, 20)
        >>> trials = draw_trials(labels, trials=2)
        >>> found = blufr(features, labels, trials, far=0.01, open_set_far=0.1)
        >>> bool(found.verification.min() > 0.9)
        True
    """
    if not trials:
        raise ValueError("there are no trials: read_blufr reads the benchmark's, draw_trials draws some")
    unit = unit_rows(features, "features")
    (labels,) = numbered(labels, device=unit.device)
    check_one_each(labels, unit, "features")
    verification, detection = [], []
    for number, trial in enumerate(trials):
        test, gallery, probes = (
            check_rows(f"trial {number}, {name}", as_tensor(rows), len(unit), "features").to(unit.device)
            for name, rows in vars(trial).items()
        )
        verification.append(tar_over_all_pairs(unit[test], labels[test], far))
        found = identify(unit[probes], labels[probes], unit[gallery], labels[gallery])
        detection.append(found.detection_rate(open_set_far))
    return BLUFR(np.array(verification), np.array(detection))


def tar_over_all_pairs(features: ArrayLike | Tensor, labels: ArrayLike | Tensor, far: float) -> float:
    """TAR at a FAR over all pairs of some images, a band of the score matrix at a time.

    A few thousand images have millions of impostor pairs: enough for a false-accept rate that no list of pairs in
    LFW's size can show.

    Args:
        features: (N, D) embeddings.
        labels: (N,) whose they are.
        far: share of the impostor pairs that may be accepted.

    Returns:
        Share of the genuine pairs that are accepted: those that score more than the best impostor pair kept out.

    Raises:
        ValueError: if there are fewer than 1/far impostor pairs or no genuine pair, labels are not one for each image,
            or features are not finite.

    Example:
        >>> import torch
        >>> from cosface_edu.evaluation import tar_over_all_pairs
        >>> labels = torch.arange(60) // 3
        >>> tar_over_all_pairs(torch.eye(20)[labels], labels, far=0.01)
        1.0
    """
    unit = unit_rows(features, "features")
    (labels,) = numbered(labels, device=unit.device)
    check_one_each(labels, unit, "features")
    n = len(labels)
    counts = torch.unique(labels, return_counts=True)[1]
    impostors = n * (n - 1) // 2 - int((counts * (counts - 1) // 2).sum())
    accepted = int(np.floor(far * impostors * (1 + 1e-12)))
    if accepted < 1:
        raise ValueError(f"FAR {far:g} cannot be measured on {impostors:,} impostor pairs")
    highest = HighestScores(ROWS, pool=min(accepted + 1, impostors), device=unit.device)
    genuine = []
    for start in range(0, n, ROWS):
        band = slice(start, start + ROWS)
        scores = (
            unit[band] @ unit[start:].T
        )  # (rows, n - start): of every pair one order only, the diagonal's rest below
        rows, columns = (torch.arange(side, device=unit.device) for side in scores.shape)
        rows = rows[:, None]
        same = labels[band, None] == labels[start:]
        genuine.append(scores[same & (columns > rows)])
        scores[same | (columns <= rows)] = -torch.inf
        highest.add(F.pad(scores, (0, 0, 0, ROWS - len(scores)), value=-torch.inf))
    scores = torch.cat(genuine)
    if not len(scores):
        raise ValueError(f"no genuine pair among {n:,} images: nobody has two, and there is nothing to accept")
    threshold = highest.of_all[accepted] if accepted < impostors else -torch.inf
    return (scores > threshold).sum().item() / len(scores)
