"""A check of the chapter on pairs, triplets and centres."""

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
        wanted, yours = answers.told(right, got, ".6f")
        assert abs(got - right) < 1e-6, (
            f"{people} people, {pictures} pictures each, margin {margin}: the package says {wanted}, you {yours}. "
            "For every anchor: its farthest positive (not itself) and its nearest negative."
        )
    return "the package's triplet loss, to six digits."
