"""AdaFace: a margin graded by the length, and its running statistics."""

import math

import pytest
import torch
from cases import with_target

from cosface_edu import losses

CASES = {"": {"s": 10.0}}
HELD = "z follows the length without a gradient"


def prepare(head):
    head.mean.fill_(2.0)
    head.std.fill_(0.5)


def scores(head, cos, y, a, b):
    z = (head.h * (a.detach() - head.mean) / (head.std + 1e-3)).clamp(-1, 1)
    psi = torch.cos((cos[y].acos() - head.m * z).clamp(0, math.pi)) - (head.m + head.m * z)
    return with_target([head.s * c for c in cos], y, head.s * psi)


def test_quality_ends_at_one():
    """However short, a picture is graded -1, which is ArcFace; however long 1, a negative angle and twice m."""
    head, arc = losses.AdaFace(5, 6, s=10.0).double().eval(), losses.ArcFace(5, 6, s=10.0, m=0.4).double()
    prepare(head)
    arc.load_state_dict({"weight": head.weight})
    x, labels = torch.nn.functional.normalize(torch.randn(7, 5, dtype=torch.float64)), torch.arange(7) % 6
    torch.testing.assert_close(head.logits(0.01 * x, labels), arc.logits(x, labels))
    own = arc.logits(x).gather(1, labels[:, None]) / 10
    wanted = torch.cos((own.acos() - 0.4).clamp_min(0)) - 0.8
    torch.testing.assert_close(head.logits(90 * x, labels).gather(1, labels[:, None]) / 10, wanted)


def test_statistics():
    head = losses.AdaFace(5, 6).double()
    x, labels = torch.randn(7, 5, dtype=torch.float64), torch.randint(6, (7,))
    head(x, labels)
    lengths = [float(xi.norm()) for xi in x]
    mean = sum(lengths) / 7
    std = math.sqrt(sum((v - mean) ** 2 for v in lengths) / 6)
    assert head.mean.item() == pytest.approx(0.99 * 20 + 0.01 * mean, rel=1e-12)
    assert head.std.item() == pytest.approx(0.99 * 100 + 0.01 * std, rel=1e-12)
    before = head.mean.clone(), head.std.clone()
    assert head(x[:1], labels[:1]).isfinite()  # one sample has no deviation
    assert (head.mean, head.std) == before
    assert set(head.state_dict()) == {"weight", "mean", "std"}


def test_statistics_follow_in_half_precision_too():
    """In bfloat16 a step of a hundredth of the way is soon less than half the spacing of the numbers, and lost."""
    x, labels = torch.nn.functional.normalize(torch.randn(8, 5)) * 4, torch.arange(8) % 6
    low = losses.AdaFace(5, 6).bfloat16()
    for _ in range(500):
        low.observe(losses.Batch(x, x.norm(dim=1, keepdim=True), low.weight.float(), labels, labels, 1))
    assert low.mean.item() == pytest.approx(4 + 16 * 0.99**500, rel=1e-4)


def test_lengths_count_from_a_thousandth_to_a_hundred():
    """Beyond them a sample is as good or as bad as there; statistics cannot be carried off by one."""
    head = losses.AdaFace(3, 4, momentum=1.0)
    direction = torch.nn.functional.normalize(torch.randn(2, 3))
    for length, counted in ((1e4, 100.0), (1e-6, 1e-3)):
        x = direction * torch.tensor([[length], [2.0]])
        head(x, torch.tensor([0, 1]))
        assert head.mean.item() == pytest.approx((counted + 2) / 2, rel=1e-5)
