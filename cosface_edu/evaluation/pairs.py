"""Pairs to verify, drawn from any labelled faces in the shape of LFW's test."""

import numpy as np
import torch

from cosface_edu.checks import check_count
from cosface_edu.data import Faces, Pairs
from cosface_edu.faces import FaceWorldDataset


def draw_pairs(dataset: Faces, count: int = 3000, folds: int = 10, seed: int = 0) -> Pairs:
    """Draw as many genuine as impostor pairs, in folds that share no person, as LFW's do.

    Within a fold no genuine pair comes twice; impostor pairs are of two people drawn first and one image of each
    then, so that people with many images do not crowd out the others.

    Args:
        dataset: faces with `labels`.
        count: genuine pairs in all, and as many impostor pairs; each fold has an equal share, the first ones one more
            where it does not come out even.
        folds: number of folds, at least 1.
        seed: of the draws.

    Returns:
        Pairs over the whole data set.

    Raises:
        ValueError: if the people or their images are too few for so many pairs, or there are no folds or pairs.

    Example:
        >>> from cosface_edu.evaluation import draw_pairs
        >>> from cosface_edu.faces import FaceWorldDataset
        >>> faces = FaceWorldDataset(identities=8, per_identity=3, size=(56, 48))
        >>> pairs = draw_pairs(faces, count=8, folds=2)
        >>> int(pairs.same.sum()), len(pairs.same), pairs.fold.unique()
        (8, 16, tensor([0, 1]))
    """
    count, folds = check_count("count", count, 1), check_count("folds", folds, 1)
    labels = np.asarray(dataset.labels)
    rng = np.random.default_rng(seed)
    people = rng.permutation(np.unique(labels))
    if len(people) < 2 * folds or count < folds:
        raise ValueError(f"{folds} folds need {2 * folds} people and {folds} pairs; got {len(people)} and {count}")
    pairs, same, fold_of = [], [], []
    for fold, group in enumerate(np.array_split(people, folds)):
        share = count // folds + (fold < count % folds)
        images = {person: np.flatnonzero(labels == person) for person in group}
        genuine = np.concatenate([_all_pairs(own) for own in images.values()])
        if len(genuine) < share:
            raise ValueError(
                f"the {len(group)} people of fold {fold} have {len(genuine)} genuine pairs, {share} are wanted: "
                f"ask for at most {folds * len(genuine)} pairs, or more images of each person"
            )
        pairs.append(genuine[rng.choice(len(genuine), share, replace=False)])
        two = np.stack([rng.choice(group, 2, replace=False) for _ in range(share)])  # (share, 2) people
        pairs.append(np.array([[rng.choice(images[person]) for person in row] for row in two]))
        same.append(np.repeat([True, False], share))
        fold_of.append(np.full(2 * share, fold))
    first, second = torch.from_numpy(np.concatenate(pairs)).unbind(1)
    kinds, numbers = (torch.from_numpy(np.concatenate(parts)) for parts in (same, fold_of))
    return Pairs(dataset, first, second, kinds, numbers)


def _all_pairs(images: np.ndarray) -> np.ndarray:
    first, second = np.triu_indices(len(images), 1)
    return np.stack([images[first], images[second]], axis=1)  # (n (n - 1) / 2, 2)


def faceworld_pairs(
    identities: int = 100,
    per_identity: int = 16,
    count: int = 3000,
    size: tuple[int, int] = (112, 96),
    first: int = 100_000,
    seed: int = 0,
) -> Pairs:
    """The embedded default: a test of LFW's shape among FaceWorld's people.

    Args:
        identities: how many people.
        per_identity: images of each.
        count: genuine pairs, and as many impostor pairs.
        size: (height, width) of the images.
        first: number of the first person; far from 0, where training sets begin.
        seed: of the world and of the draws.

    Returns:
        Pairs in ten folds.

    Raises:
        ValueError: as for `draw_pairs`; ten folds need twenty people.

    Example:
        >>> from cosface_edu.evaluation import faceworld_pairs
        >>> pairs = faceworld_pairs(identities=40, per_identity=3, count=20, size=(56, 48))
        >>> len(pairs.images), len(pairs.same), int(pairs.same.sum())
        (120, 40, 20)
    """
    return draw_pairs(FaceWorldDataset(identities, per_identity, size, seed, first), count, seed=seed)
