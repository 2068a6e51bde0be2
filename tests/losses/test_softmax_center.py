"""Softmax + center loss."""

import test_center
import torch
from test_softmax import scores  # noqa: F401

from cosface_edu import losses
from cosface_edu.training.distributed import Centres

CASES = {"": {"weight_center": 0.2}}


def prepare(head):
    test_center.prepare(head.center)


def extra(head, x, labels):
    return head.weight_center * test_center.loop(head.center, x, labels)


def test_the_term_is_not_lost_where_classes_are_sampled():
    """It once was: with weight 100, 307.92 for the head and 2.54, the softmax alone, for its sample."""
    head = losses.SoftmaxCenter(6, 11, weight_center=100.0).eval()
    x, labels = torch.randn(8, 6), torch.randint(11, (8,))
    softmax = torch.nn.functional.cross_entropy(head.logits(x), labels)
    assert head(x, labels) > 10 * softmax
    for sampled in (losses.PartialFC(head, rate=0.999)(x, labels), Centres(head, rate=0.999)(x, labels, step=0)):
        torch.testing.assert_close(sampled, head(x, labels))


def test_checkpoint():
    assert set(losses.SoftmaxCenter(4, 5).state_dict()) == {"weight", "center.centers"}
