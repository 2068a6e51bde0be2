"""Partial FC: which classes are kept. (That the loss is the head's own over those: test_contract.)"""

import copy
import pickle

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


def test_a_share_is_rounded_up():
    assert len(sample_classes(torch.tensor([0]), 11, 0.2)[0]) == 3


def test_negatives_are_uniform():
    counts = torch.zeros(20)
    for _ in range(2000):
        index, _ = sample_classes(torch.tensor([0]), 20, 0.25)
        counts[index] += 1
    assert counts[0] == 2000
    assert (counts[1:] / 2000 - 4 / 19).abs().max() < 0.05


def test_shard_without_some_samples():
    """In a sharded head (training.distributed) a sample's class may live elsewhere: label -1."""
    index, local = sample_classes(torch.tensor([-1, 4, -1]), 10, 0.3)
    assert local[0] == local[2] == -1
    assert index[local[1]] == 4
    index, _ = sample_classes(torch.tensor([-1, -1]), 10, 0.3)
    assert len(index) == 3


def test_same_generator_same_classes():
    draws = [sample_classes(torch.tensor([1]), 50, 0.2, torch.Generator().manual_seed(4))[0].tolist() for _ in range(2)]
    assert draws[0] == draws[1]


def test_evaluation_and_logits_use_all_classes():
    head = losses.create("cosface", in_features=5, num_classes=40, sample_rate=0.3)
    assert isinstance(head, PartialFC)
    x, labels = torch.randn(6, 5), torch.randint(40, (6,))
    assert head.logits(x).shape == (6, 40)
    assert head.weight is head.head.weight
    head.eval()
    torch.testing.assert_close(head(x, labels), head.head(x, labels))


def test_a_rate_that_is_set_later_is_checked():
    part, whole = losses.PartialFC(losses.CosFace(5, 40)), losses.PartialFC(losses.AdaCos(5, 40), rate=1)
    with pytest.raises(ValueError, match=r"rate must be a share in \(0, 1\], got 10"):
        part.rate = 10
    with pytest.raises(ValueError, match="AdaCos looks at all classes in every step"):
        whole.rate = 0.5
    assert (part.rate, whole.rate) == (0.1, 1)


def test_a_setting_is_set_on_the_head_within():
    part = losses.create("magface", in_features=5, num_classes=40, sample_rate=0.3)
    with pytest.raises(AttributeError, match=r"s is a setting of the head within: read \.head\.s"):
        _ = part.s
    with pytest.raises(AttributeError, match="no attribute 'scale_of_all'"):
        _ = part.scale_of_all
    with pytest.raises(AttributeError, match=r"s is a setting of the head within: set \.head\.s"):
        part.s = 10.0
    part.head.s = 10.0
    part.rate = 0.5
    assert (part.num_classes, part.in_features, part.schedules()) == (40, 5, [])
    x, labels = torch.randn(6, 5), torch.randint(40, (6,))
    own = part.criterion(part.logits(x, labels), labels) + part.extra(x, labels)
    torch.testing.assert_close(own, part.head(x, labels))
    for other in (copy.deepcopy(part), pickle.loads(pickle.dumps(part))):
        assert other.head.s == 10.0


def test_a_bad_batch_is_refused_where_classes_are_sampled():
    part = PartialFC(losses.CosFace(3, 5), rate=0.5)
    with pytest.raises(ValueError, match="labels must lie between 0 and 4, got 5"):
        part(torch.randn(2, 3), torch.tensor([0, 5]))
    with pytest.raises(ValueError, match=r"features must have shape \(B, 3\)"):
        part(torch.randn(2, 4), torch.tensor([0, 1]))


def test_bad_rate():
    with pytest.raises(ValueError, match="rate"):
        losses.create("cosface", in_features=5, num_classes=40, sample_rate=0.0)
    with pytest.raises(ValueError, match="sample_rate"):
        losses.create("triplet", in_features=5, num_classes=40, sample_rate=0.5)


def test_a_head_that_looks_at_all_classes_is_refused():
    kind = type("Looks", (losses.NSL,), {"samples": False})
    PartialFC(kind(5, 40), rate=1.0)
    with pytest.raises(ValueError, match="Looks looks at all classes"):
        PartialFC(kind(5, 40), rate=0.5)
