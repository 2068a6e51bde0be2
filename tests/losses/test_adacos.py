"""AdaCos: where its scale starts, and how it follows the batch."""

import math

import pytest
import torch

from cosface_edu import losses

CASES = {"dynamic": {}, "fixed": {"dynamic": False}}


def scores(head, cos, y, a, b):
    return [head.running_s * c for c in cos]


def test_fixed_scale():
    """√2·ln(C-1), for CASIA-WebFace 13.1; training leaves it alone."""
    head = losses.AdaCos(4, 10_575, dynamic=False)
    assert head.s == pytest.approx(math.sqrt(2) * math.log(10_574))
    assert head.s == pytest.approx(13.1, abs=0.05)
    head(torch.randn(3, 4), torch.tensor([0, 1, 2]))
    assert head.s == pytest.approx(13.1, abs=0.05)
    with pytest.raises(ValueError, match="at least 3 for AdaCos"):
        losses.AdaCos(4, 2)


def test_dynamic_scale_follows_the_batch():
    head = losses.AdaCos(5, 6).double()
    x, labels = torch.randn(7, 5, dtype=torch.float64), torch.tensor([0, 3, 3, 5, 1, 0, 2])
    s, total, angles = head.s, 0.0, []
    for xi, y in zip(x, labels.tolist(), strict=True):
        cos = [float(xi @ w / (xi.norm() * w.norm())) for w in head.weight.detach()]
        total += sum(math.exp(s * c) for j, c in enumerate(cos) if j != y)
        angles.append(math.acos(cos[y]))
    median = sorted(angles)[3]
    expected = math.log(total / 7) / math.cos(min(math.pi / 4, median))
    value = head(x, labels)
    assert head.s == pytest.approx(expected, rel=1e-9)
    at_once = losses.NSL(5, 6, s=expected).double()  # the step that moves the scale has it already
    at_once.weight.data = head.weight.data
    torch.testing.assert_close(value, at_once(x, labels))
    head.eval()
    head(x, labels)
    assert head.s == pytest.approx(expected, rel=1e-9)
    assert set(head.state_dict()) == {"weight", "running_s"}


def test_scale_falls_as_the_angles_do():
    """Targets nearer than 45 degrees leave less to the scale."""
    head = losses.AdaCos(64, 20)
    labels = torch.arange(20)
    x = head.weight.detach() + 0.02 * torch.randn(20, 64)
    head(x, labels)
    assert head.s < math.sqrt(2) * math.log(19) - 0.5


def test_of_small_angles_the_median_counts():
    """One sample far from its centre changes nothing."""
    head = losses.AdaCos(2, 4).double()
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]))
    s, off = head.s, torch.tensor([0.1, 0.2, 1.2], dtype=torch.float64)
    head(torch.stack([off.cos(), off.sin()], dim=1), torch.tensor([0, 0, 0]))
    others = sum(math.exp(s * c) for t in off.tolist() for c in (math.sin(t), -math.cos(t), -math.sin(t)))
    assert head.s == pytest.approx(math.log(others / 3) / math.cos(0.2), rel=1e-6)


def test_a_fixed_scale_is_that_of_the_new_number_of_classes():
    for dynamic, classes in ((False, 9), (True, 3)):
        old, new = losses.AdaCos(4, 3, dynamic=dynamic), losses.AdaCos(4, 9, dynamic=dynamic)
        new.keep(old, [0, 1, 2, *[-1] * 6])
        assert new.s == pytest.approx(math.sqrt(2) * math.log(classes - 1))


def test_cosines_past_one_by_rounding_leave_a_scale():
    """Samples on their own centres: some of these cosines are 1.0000001, which no angle has."""
    head = losses.AdaCos(64, 300)
    x, labels = head.weight.detach().clone(), torch.arange(300)
    batch = losses.Batch(x, x.norm(dim=1, keepdim=True), head.weight, labels, labels, 1)
    assert batch.target_cosine().max() > 1
    head(x, labels)
    assert math.isfinite(head.s)


def test_two_forward_passes_before_one_backward():
    """Micro-batches may be summed before the backward pass: the scale of the first must not change under it."""
    head = losses.AdaCos(5, 6)
    x, labels = torch.randn(7, 5, requires_grad=True), torch.randint(6, (7,))
    (head(x, labels) + head(x + 1, labels)).backward()
    assert x.grad.isfinite().all()


def test_scale_is_held_to_one_at_least():
    """Targets on their centres and the other two opposite: ln B is below 0."""
    head = losses.AdaCos(2, 3)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.1], [-1.0, -0.1]]))
    head(torch.tensor([[5.0, 0.0]]), torch.tensor([0]))
    assert head.s == 1
