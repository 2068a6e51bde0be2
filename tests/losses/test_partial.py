"""Partial FC: which classes are kept, and that the loss is the head's own over those."""

import pytest
import torch

from cosface_edu import losses
from cosface_edu.losses import PartialFC, sample_classes


def test_all_positives_and_random_others():
    labels = torch.tensor([7, 3, 7, 90])
    index, local = sample_classes(labels, 100, 0.2)
    assert len(index) == len(index.unique()) == 20
    assert index.tolist() == sorted(index.tolist())
    torch.testing.assert_close(index[local], labels)
    other, _ = sample_classes(labels, 100, 0.2)
    assert index.tolist() != other.tolist()


def test_more_positives_than_the_rate_allows():
    index, _ = sample_classes(torch.arange(50), 100, 0.1)
    torch.testing.assert_close(index, torch.arange(50))


def test_negatives_are_uniform():
    counts = torch.zeros(20)
    for _ in range(2000):
        index, _ = sample_classes(torch.tensor([0]), 20, 0.25)
        counts[index] += 1
    assert counts[0] == 2000
    assert (counts[1:] / 2000 - 4 / 19).abs().max() < 0.05


def test_shard_without_some_samples():
    """In a sharded head a sample's class may live elsewhere: label -1."""
    index, local = sample_classes(torch.tensor([-1, 4, -1]), 10, 0.3)
    assert local[0] == local[2] == -1
    assert index[local[1]] == 4
    index, _ = sample_classes(torch.tensor([-1, -1]), 10, 0.3)
    assert len(index) == 3


def test_same_generator_same_classes():
    draws = [sample_classes(torch.tensor([1]), 50, 0.2, torch.Generator().manual_seed(4))[0].tolist() for _ in range(2)]
    assert draws[0] == draws[1]


def test_loss_and_gradient_are_the_heads_own(make):
    full = make(5, 40).double().eval()
    partial = PartialFC(full, rate=0.3)
    partial.train()
    full.eval()
    x, labels = torch.randn(6, 5, dtype=torch.float64), torch.randint(40, (6,))
    torch.manual_seed(2)
    loss = partial(x, labels)
    (grad,) = torch.autograd.grad(loss, full.weight)
    torch.manual_seed(2)
    index, local = sample_classes(labels, 40, 0.3)
    K = full.sub_centers
    rows = torch.cat([torch.arange(K) + K * j for j in index.tolist()])
    small = make(5, len(index)).double().eval()
    with torch.no_grad():
        small.weight.copy_(full.weight[rows])
        if hasattr(full, "bias"):
            small.bias.copy_(full.bias)
    expected = small(x, local)
    torch.testing.assert_close(loss, expected)
    (small_grad,) = torch.autograd.grad(expected, small.weight)
    torch.testing.assert_close(grad[rows], small_grad)
    untouched = torch.ones(len(grad), dtype=torch.bool)
    untouched[rows] = False
    assert (grad[untouched] == 0).all()


def test_evaluation_and_logits_use_all_classes():
    head = losses.create("cosface", in_features=5, num_classes=40, sample_rate=0.3)
    assert isinstance(head, PartialFC)
    x, labels = torch.randn(6, 5), torch.randint(40, (6,))
    assert head.logits(x).shape == (6, 40)
    assert head.weight is head.head.weight
    head.eval()
    torch.testing.assert_close(head(x, labels), head.head(x, labels))


def test_bad_rate():
    with pytest.raises(ValueError, match="rate"):
        losses.create("cosface", in_features=5, num_classes=40, sample_rate=0.0)
    with pytest.raises(ValueError, match="sample_rate"):
        losses.create("triplet", in_features=5, num_classes=40, sample_rate=0.5)
