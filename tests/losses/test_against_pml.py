"""Equal to pytorch-metric-learning where it is right; where the two differ, the difference is stated here."""

import math

import pytest
import torch

from cosface_edu import losses

pml = pytest.importorskip("pytorch_metric_learning")
from pytorch_metric_learning import distances, miners, reducers  # noqa: E402
from pytorch_metric_learning import losses as theirs  # noqa: E402

B, D, C = 32, 8, 12

PAIRS = [
    ("nsl", {"s": 20.0}, theirs.NormalizedSoftmaxLoss, {"temperature": 1 / 20}),
    ("cosface", {"s": 64.0, "m": 0.35}, theirs.CosFaceLoss, {"margin": 0.35, "scale": 64}),
    ("arcface", {"s": 64.0, "m": 0.5}, theirs.ArcFaceLoss, {"margin": math.degrees(0.5), "scale": 64}),
    *(("asoftmax", {"m": m}, theirs.SphereFaceLoss, {"margin": m}) for m in (1, 2, 3, 4)),
    *(("lsoftmax", {"m": m}, theirs.LargeMarginSoftmaxLoss, {"margin": m}) for m in (1, 2, 3, 4)),
    (
        "subcenter_arcface",
        {"s": 64.0, "m": 0.5, "sub_centers": 3},
        theirs.SubCenterArcFaceLoss,
        {"margin": math.degrees(0.5), "scale": 64, "sub_centers": 3},
    ),
]


def couple(name, options, kind, their_options, dtype=torch.float64):
    """Our head and theirs, with the same centres."""
    ours = losses.create(name, in_features=D, num_classes=C, **options).to(dtype)
    other = kind(num_classes=C, embedding_size=D, **their_options).to(dtype)
    with torch.no_grad():
        other.W.copy_(ours.weight.T)
    return ours, other


def near_centres(head, degrees=60.0):
    """Embeddings `degrees` away from their class centres: no angle beyond π - m, where the two differ."""
    labels = torch.randint(C, (B,))
    centre = head.weight.detach()[:: head.sub_centers][labels]
    centre = centre / centre.norm(dim=1, keepdim=True)
    across = torch.randn_like(centre)
    across -= (across * centre).sum(1, keepdim=True) * centre
    across /= across.norm(dim=1, keepdim=True)
    theta = torch.full((B, 1), math.radians(degrees), dtype=centre.dtype)
    return 1.5 * (theta.cos() * centre + theta.sin() * across), labels


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: f"{p[0]} {p[1]}")
def test_same_values_and_gradients(pair):
    ours, other = couple(*pair)
    x, labels = near_centres(ours)
    x.requires_grad_()
    a, b = ours(x, labels), other(x, labels)
    torch.testing.assert_close(a, b)
    grad_x, grad_w = torch.autograd.grad(a, (x, ours.weight))
    their_x, their_w = torch.autograd.grad(b, (x, other.W))
    torch.testing.assert_close(grad_x, their_x)
    torch.testing.assert_close(grad_w, their_w.T)


def test_same_batch_hard_triplets():
    x, labels = torch.randn(B, D, dtype=torch.float64), torch.randint(6, (B,))
    squared = distances.LpDistance(power=2)
    other = theirs.TripletMarginLoss(margin=0.2, distance=squared, reducer=reducers.MeanReducer())
    mined = miners.BatchHardMiner(distance=distances.LpDistance())(x, labels)
    torch.testing.assert_close(losses.Triplet(0.2)(x, labels), other(x, labels, mined))


def test_difference_margin_in_degrees():
    """Theirs takes ArcFace's margin in degrees; ours in radians, as the paper does."""
    assert theirs.ArcFaceLoss(num_classes=C, embedding_size=D, margin=28.6).margin == pytest.approx(0.5, abs=1e-3)


def test_difference_arcface_beyond_pi_jumps():
    """Past θ = π - m theirs continues with cosθ - m·sin m, which jumps by .117 (m = .5); ours is continuous."""
    m = 0.5
    other = theirs.ArcFaceLoss(num_classes=C, embedding_size=D, margin=math.degrees(m))
    cos = torch.cos(torch.tensor([math.pi - m - 1e-9, math.pi - m + 1e-9], dtype=torch.float64))
    before, after = other.modify_cosine_of_target_classes(cos)
    assert (before - after).item() == pytest.approx(m * math.sin(m) + math.cos(m) - 1, abs=1e-6)
    before, after = losses.AdditiveAngle(m).target(cos)
    assert (before - after).item() == pytest.approx(0, abs=1e-6)


def test_same_on_the_class_centre():
    """A sample on its class centre: both are finite and leave the target's kink without a gradient."""
    ours, other = couple("arcface", {"s": 8.0, "m": 0.5}, theirs.ArcFaceLoss, {"margin": math.degrees(0.5), "scale": 8})
    with torch.no_grad():
        ours.weight[0] = torch.eye(D, dtype=torch.float64)[0]
        other.W.copy_(ours.weight.T)
    x = (2 * torch.eye(D, dtype=torch.float64)[:1]).requires_grad_()
    label = torch.tensor([0])
    a, b = ours(x, label), other(x, label)
    torch.testing.assert_close(a, b)
    (mine,), (other_s,) = torch.autograd.grad(a, x), torch.autograd.grad(b, x)
    assert mine.isfinite().all()
    if other_s.isnan().all():
        pytest.skip(f"with torch {torch.__version__} theirs is not a number there")
    torch.testing.assert_close(mine, other_s)


def test_difference_half_precision_batch():
    """A half-precision batch casts their class centres for good; ours stay as they are."""
    ours, other = couple("cosface", {}, theirs.CosFaceLoss, {}, dtype=torch.float32)
    x, labels = torch.randn(B, D).bfloat16(), torch.randint(C, (B,))
    ours(x, labels)
    other(x, labels)
    assert other.W.dtype == torch.bfloat16
    assert ours.weight.dtype == torch.float32


def test_difference_zero_embedding():
    """A zero embedding: theirs divides its gradient by 1e-12; ours counts its length as 1."""
    ours, other = couple("cosface", {}, theirs.CosFaceLoss, {})
    x, labels = torch.zeros(1, D, dtype=torch.float64, requires_grad=True), torch.tensor([3])
    (their_grad,) = torch.autograd.grad(other(x, labels), x)
    (grad,) = torch.autograd.grad(ours(x, labels), x)
    assert their_grad.norm() > 1e10
    assert grad.norm() < 128


def test_difference_of_the_pair_losses():
    """Theirs by default average over the pairs or triplets that still cost something, and do not square distances."""
    x, labels = torch.randn(B, D, dtype=torch.float64), torch.randint(6, (B,))
    assert theirs.TripletMarginLoss(margin=0.2)(x, labels) > losses.Triplet(0.2, "semi-hard")(x, labels)
    assert theirs.ContrastiveLoss()(x, labels) != losses.Contrastive()(x, labels)
