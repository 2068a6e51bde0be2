"""Checks of the chapter on what came after CosFace."""

import torch

from cosface_edu import losses
from cosface_edu.exercises import answers, exercise


@exercise("beyond-subcenter")
def subcenter(cosines) -> str:
    """(x, weight, K) -> cosine to the nearest sub-centre of each class."""
    answers.function(cosines)
    for K, C in ((3, 5), (1, 4), (4, 2)):
        head = losses.SubCenterArcFace(6, C, s=1.0, m=0.2, sub_centers=K)
        x = torch.randn(7, 6)
        got = answers.tensor(cosines(x, head.weight.detach().clone(), K), 7, C)
        right = head.logits(x).detach()
        assert torch.allclose(got, right, atol=1e-5), (
            f"With K = {K} it differs from the head by {(got - right).abs().max():.2f}."
        )
    return "a class is as near as its nearest centre."


@exercise("beyond-partial")
def partial(sample) -> str:
    """(labels, C, n) -> n classes, all positives among them."""
    answers.function(sample)
    draws = []
    for _ in range(20):
        labels = torch.randint(1000, (16,))
        kept = answers.tensor(sample(labels, 1000, 100), 100)
        assert len(kept.unique()) == 100, "A class is there twice."
        assert ((kept >= 0) & (kept < 1000)).all(), "There is no such class."
        assert (kept.diff() > 0).all(), "Return the classes in rising order."
        missing = int((~torch.isin(labels, kept)).sum())
        assert missing == 0, f"{missing} of 16 samples have lost their own class."
        draws.append(kept)
    seen = torch.cat(draws).unique()
    assert len(seen) > 700, f"In 20 draws only {len(seen)} of 1,000 classes ever took part."
    return "every positive always, every negative sometimes."
