"""Checks of the two chapters on what came after CosFace."""

import math

import torch

from cosface_edu import losses
from cosface_edu.exercises import answers, exercise
from cosface_edu.exercises.seeded import seeded
from cosface_edu.losses.adaface import AdaptiveMargin

DRAWS = 200  # of Partial FC: every class should take part about twenty times


@exercise("beyond-subcenter")
@seeded()
def subcenter(cosines) -> str:
    """(x, weight, n) -> cosine to the nearest sub-centre of each class."""
    cosines = answers.function(cosines)
    for K, C in ((3, 5), (1, 4), (4, 2)):
        head = losses.SubCenterArcFace(6, C, s=1.0, m=0.2, sub_centers=K)
        x = torch.randn(7, 6)
        got = answers.tensor(cosines(x.clone(), head.weight.detach().clone(), K), 7, C)
        right = head.logits(x).detach()
        worst = int((got - right).abs().argmax())
        wanted, yours = answers.told(right.flatten()[worst].item(), got.flatten()[worst].item(), ".2f")
        assert torch.allclose(got, right, atol=1e-5), (
            f"With n = {K} the head has a cosine of {wanted} where you have {yours}."
        )
    return "a class is as near as its nearest centre."


@exercise("beyond-partial")
@seeded()
def partial(sample) -> str:
    """(labels, C, n) -> n classes, all positives among them."""
    sample = answers.function(sample)
    draws, beside = [], 0
    for _ in range(DRAWS):
        labels = torch.randint(1000, (16,))
        labels[:4] = labels[4]  # a person is there more than once
        kept = answers.tensor(sample(labels.clone(), 1000, 100), 100)
        assert len(kept.unique()) == 100, "A class is there twice."
        assert ((kept >= 0) & (kept < 1000)).all(), "There is no such class."
        assert (kept.diff() > 0).all(), "Return the classes in rising order."
        missing = int((~torch.isin(labels, kept)).sum())
        assert missing == 0, f"{missing} of 16 samples have lost their own class."
        draws.append((labels, kept))
        beside += int((kept.diff() == 1).sum())  # of 100 in 1,000 some ten have their neighbour with them
    times, chi_squared = _negatives(draws, 1000)
    seen = int((times > 0).sum())
    assert seen > 700, f"In {DRAWS} draws only {seen} of 1,000 classes ever took part as negatives."
    assert beside < DRAWS * 15, "Classes come in runs: neighbours are always drawn together."
    often, seldom = int(times.argmax()), int(times.argmin())
    assert chi_squared < 1000 + 8 * math.sqrt(2 * 1000), (  # of a fair draw 1,000, give or take 45
        f"Some negatives are drawn more readily than others: in {DRAWS} draws class {often} came "
        f"{times[often]:.0f} times, class {seldom} {times[seldom]:.0f} times."
    )
    return "every positive always, every negative sometimes."


def _negatives(draws: list[tuple[torch.Tensor, torch.Tensor]], C: int) -> tuple[torch.Tensor, float]:
    """How often each class was drawn as a negative, and χ² against equal chances.

    Args:
        draws: labels and kept classes of each.
        C: number of classes.
    """
    times, expected, variance = (torch.zeros(C) for _ in range(3))
    for labels, kept in draws:
        negative = torch.ones(C).index_fill(0, labels, 0)
        drawn = negative * torch.zeros(C).index_fill(0, kept, 1)
        chance = drawn.sum() / negative.sum()
        times += drawn
        expected += chance * negative
        variance += chance * (1 - chance) * negative
    return times, ((times - expected) ** 2 / variance).sum().item()


@exercise("beyond-adaface")
def adaface(target) -> str:
    """(theta, z, m) -> AdaFace's target."""
    target = answers.function(target)
    theta = torch.linspace(0, math.pi, 41, dtype=torch.float64)
    for m in (0.4, 0.2):
        for grade in (0.0, -1.0, 1.0, 0.3):
            z = torch.full_like(theta, grade)
            got = answers.tensor(target(theta.clone(), z.clone(), m), len(theta))
            right = AdaptiveMargin(m, z).target(theta.cos())
            worst = int((got - right).abs().argmax())
            wanted, yours = answers.told(right[worst].item(), got[worst].item(), ".2f")
            assert answers.close(got[worst].item(), right[worst].item()), (
                f"For an image of grade {grade:g} at {math.degrees(theta[worst]):.0f}° and m = {m} it is {wanted}; "
                f"you have {yours}."
            )
    return "good images are stressed where they are hard, poor ones where there is hope."
