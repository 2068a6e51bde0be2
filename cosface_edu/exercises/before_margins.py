"""A check of the chapter on pairs, triplets and centres."""

import torch

from cosface_edu.exercises import answers, exercise
from cosface_edu.losses import Triplet


@exercise("before-margins-triplet")
def triplet(answer) -> str:
    """A function from embeddings (B, D), labels (B,) and a margin to the batch-hard triplet loss."""
    answer = answers.function(answer)
    generator = torch.Generator().manual_seed(0)
    # In tight clusters some triplets, or all, ask for nothing more.
    for people, pictures, margin, spread in ((4, 3, 0.2, 1.0), (5, 4, 0.5, 1.0), (5, 4, 0.5, 0.3), (4, 3, 0.2, 0.05)):
        labels = torch.arange(people).repeat_interleave(pictures)
        labels = labels[torch.randperm(len(labels), generator=generator)]
        centres = torch.randn(people, 6, generator=generator, dtype=torch.float64)
        x = centres[labels] + spread * torch.randn(len(labels), 6, generator=generator, dtype=torch.float64)
        got, right = answers.number(answer(x.clone(), labels.clone(), margin)), Triplet(margin)(x, labels).item()
        wanted, yours = answers.told(right, got, ".6f")
        assert abs(got - right) < 1e-6, (
            f"{people} people, {pictures} pictures each, margin {margin}: the package says {wanted}, you {yours}. "
            "For every anchor: its farthest positive (not itself) and its nearest negative, and never less than 0."
        )
    return "the package's triplet loss, to six digits."
