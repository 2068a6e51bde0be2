"""Checks of the chapter on pairs, triplets and centres."""

import math

import torch

from cosface_edu.exercises import answers, exercise
from cosface_edu.losses import Triplet


@exercise("before-margins-triplet")
def triplet(answer) -> str:
    """A function from embeddings (B, D), labels (B,) and a margin to the batch-hard triplet loss."""
    answers.function(answer)
    generator = torch.Generator().manual_seed(0)
    for people, pictures, margin in ((4, 3, 0.2), (5, 4, 0.5)):
        x = torch.randn(people * pictures, 6, generator=generator, dtype=torch.float64)
        labels = torch.arange(people).repeat_interleave(pictures)
        got = answer(x.clone(), labels, margin)
        assert got is not None, "The function returned None."
        got, right = float(got), Triplet(margin)(x, labels).item()
        assert abs(got - right) < 1e-6, (
            f"{people} people, {pictures} pictures each, margin {margin}: the package says {right:.6f}, you {got:.6f}. "
            "For every anchor: its farthest positive (not itself) and its nearest negative."
        )
    return "the package's triplet loss, to six digits."


@exercise("before-margins-count")
def count(answer) -> str:
    """A function from people and pictures of each to the number of genuine pairs, impostor pairs and triplets."""
    answers.function(answer)
    for people, pictures in ((8, 5), (10_575, 46)):
        total = people * pictures
        genuine = people * math.comb(pictures, 2)
        right = (genuine, math.comb(total, 2) - genuine, total * (pictures - 1) * (total - pictures))
        got = answer(people, pictures)
        assert got is not None, "The function returned None."
        assert len(got) == 3, "Return three numbers: genuine pairs, impostor pairs, triplets."
        for name, mine, yours in zip(("genuine pairs", "impostor pairs", "triplets"), right, got, strict=True):
            assert mine == yours, (
                f"{people:,} people with {pictures} pictures each have {mine:,} {name}, not {yours:,}."
            )
    return "ten trillion triplets: this is why losses with class centres won."
