"""Triplet loss, both ways to choose."""

import pytest
import torch

from cosface_edu import losses

CASES = {"batch-hard": {"margin": 0.3}, "semi-hard": {"margin": 0.3, "mining": "semi-hard"}}


def loop(loss, x, labels):
    u, y = [xi / xi.norm() for xi in x], labels.tolist()
    d = [[(a - b).square().sum() for b in u] for a in u]
    everybody = range(len(y))
    terms = []
    for a in everybody:
        positives = [d[a][p] for p in everybody if p != a and y[p] == y[a]]
        negatives = [d[a][n] for n in everybody if y[n] != y[a]]
        if not positives or not negatives:
            continue
        if loss.mining == "batch-hard":
            terms.append((max(positives) - min(negatives) + loss.margin).clamp_min(0))
            continue
        for positive in positives:
            farther = [v for v in negatives if v > positive]
            chosen = min(farther) if farther else max(negatives)
            terms.append((positive - chosen + loss.margin).clamp_min(0))
    return sum(terms) / len(terms)


def test_both_ways_out_of_semi_hard_mining_are_met():
    """Anchors with a negative farther than the positive, and anchors with none."""
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.1], [1.0, -0.2], [-1.0, 0.0]], dtype=torch.float64)
    labels = torch.tensor([0, 0, 1, 1, 2])
    loss = losses.Triplet(0.3, "semi-hard")
    torch.testing.assert_close(loss(x, labels), loop(loss, x, labels))
    without = x[:4], labels[:4]
    torch.testing.assert_close(loss(*without), loop(loss, *without))


@pytest.mark.parametrize("mining", ["batch-hard", "semi-hard"])
def test_a_batch_without_triplets_costs_nothing(mining):
    x = torch.randn(4, 3, requires_grad=True)
    for labels in (torch.zeros(4, dtype=torch.int64), torch.arange(4)):
        loss = losses.Triplet(0.3, mining)(x, labels)
        (grad,) = torch.autograd.grad(loss, x)
        assert loss == 0
        assert (grad == 0).all()


def test_bad_arguments():
    with pytest.raises(ValueError, match="mining"):
        losses.Triplet(mining="hardest")
    with pytest.raises(ValueError, match="margin"):
        losses.Triplet(margin=-1)


def test_what_is_set_later_is_checked():
    loss = losses.Triplet(mining="semi-hard")
    with pytest.raises(ValueError, match='mining must be "batch-hard" or "semi-hard", got \'nonsense\''):
        loss.mining = "nonsense"
    with pytest.raises(ValueError, match="margin must be a number between 0 and 4, got 5"):
        loss.margin = 5
    assert (loss.margin, loss.mining) == (0.2, "semi-hard")
