"""Contrastive loss: all pairs of a batch."""

import pytest
import torch

from cosface_edu import losses

CASES = {"": {"margin": 1.2}}


def loop(loss, x, labels):
    u = [xi / xi.norm() for xi in x]
    terms = []
    for i in range(len(x)):
        for j in range(i + 1, len(x)):
            d = (u[i] - u[j]).norm()
            terms.append(0.5 * (d if labels[i] == labels[j] else (loss.margin - d).clamp_min(0)) ** 2)
    return sum(terms) / len(terms)


def test_bad_margin():
    with pytest.raises(ValueError, match="margin"):
        losses.Contrastive(margin=3)


def test_a_margin_that_is_set_later_is_checked():
    loss = losses.Contrastive()
    with pytest.raises(ValueError, match="margin must be a number between 0 and 2, got -1"):
        loss.margin = -1
    assert loss.margin == 1


def test_a_batch_of_one_costs_nothing():
    assert losses.Contrastive()(torch.randn(1, 4), torch.tensor([0])) == 0
