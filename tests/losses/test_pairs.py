"""Pair losses against plain loops, with gradcheck and the degenerate batches."""

import math

import pytest
import torch

from cosface_edu import losses

LABELS = torch.tensor([0, 0, 0, 1, 1, 2, 3, 3])


def unit_distance(x):
    u = [xi / xi.norm() for xi in x]
    return [[float((a - b).norm()) for b in u] for a in u]


def embeddings():
    return torch.randn(8, 4, dtype=torch.float64)


def test_contrastive_loop():
    x = embeddings()
    d = unit_distance(x)
    terms = []
    for i in range(8):
        for j in range(i + 1, 8):
            same = LABELS[i] == LABELS[j]
            terms.append(0.5 * d[i][j] ** 2 if same else 0.5 * max(0, 1.2 - d[i][j]) ** 2)
    assert losses.Contrastive(1.2)(x, LABELS).item() == pytest.approx(sum(terms) / len(terms))


def test_triplet_batch_hard_loop():
    x = embeddings()
    d = unit_distance(x)
    terms = []
    for a in range(8):
        positives = [d[a][p] ** 2 for p in range(8) if p != a and LABELS[p] == LABELS[a]]
        negatives = [d[a][n] ** 2 for n in range(8) if LABELS[n] != LABELS[a]]
        if positives:
            terms.append(max(0, max(positives) - min(negatives) + 0.3))
    assert len(terms) == 7  # one identity has a single sample
    assert losses.Triplet(0.3)(x, LABELS).item() == pytest.approx(sum(terms) / 7)


def test_triplet_semi_hard_loop():
    x = embeddings()
    d = unit_distance(x)
    terms, fallbacks = [], 0
    for a in range(8):
        for p in range(8):
            if p == a or LABELS[p] != LABELS[a]:
                continue
            negatives = [d[a][n] ** 2 for n in range(8) if LABELS[n] != LABELS[a]]
            farther = [v for v in negatives if v > d[a][p] ** 2]
            fallbacks += not farther
            chosen = min(farther) if farther else max(negatives)
            terms.append(max(0, d[a][p] ** 2 - chosen + 0.3))
    assert fallbacks > 0
    assert losses.Triplet(0.3, "semi-hard")(x, LABELS).item() == pytest.approx(sum(terms) / len(terms))


def test_center_loop():
    loss = losses.Center(4, 5, alpha=0.5).double()
    x = embeddings()
    loss.centers.copy_(torch.randn(5, 4))
    before = loss.centers.clone()
    value = loss(x, LABELS).item()
    expected = sum(0.5 * float((x[i] - before[LABELS[i]]).square().sum()) for i in range(8)) / 8
    assert value == pytest.approx(expected)
    for j in range(5):
        members = [i for i in range(8) if LABELS[i] == j]
        delta = sum((before[j] - x[i] for i in members), torch.zeros(4, dtype=torch.float64)) / (1 + len(members))
        torch.testing.assert_close(loss.centers[j], before[j] - 0.5 * delta)
    loss.eval()
    after = loss.centers.clone()
    loss(x, LABELS)
    torch.testing.assert_close(loss.centers, after)


def test_table_2_combinations():
    x = embeddings()
    softmax = losses.Softmax(4, 5).double()
    contrastive = losses.SoftmaxContrastive(4, 5, weight_pairs=0.3, margin=0.9).double()
    center = losses.SoftmaxCenter(4, 5, weight_center=0.2).double()
    for head in (contrastive, center):
        with torch.no_grad():
            head.weight.copy_(softmax.weight)
    base = softmax(x, LABELS)
    torch.testing.assert_close(contrastive(x, LABELS), base + 0.3 * losses.Contrastive(0.9)(x, LABELS))
    torch.testing.assert_close(center(x, LABELS), base + 0.2 * 0.5 * x.square().sum(1).mean())
    torch.testing.assert_close(contrastive.logits(x), softmax.logits(x))


@pytest.mark.parametrize(
    "loss",
    [
        losses.Contrastive(1.2),
        losses.Triplet(0.3),
        losses.Triplet(0.3, "semi-hard"),
        losses.Center(4, 5).eval(),
        losses.SoftmaxContrastive(4, 5),
        losses.SoftmaxCenter(4, 5, weight_center=0.5).eval(),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_gradcheck_and_hostile_batches(loss):
    loss = loss.double()
    x = embeddings().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, LABELS), (x,))
    loss = loss.float()
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        for kind in ("one sample", "all equal", "zero", "one identity", "all differ"):
            x, labels = torch.randn(8, 4), LABELS
            if kind == "one sample":
                x, labels = x[:1], labels[:1]
            elif kind == "all equal":
                x = x[:1].repeat(8, 1)
            elif kind == "zero":
                x = torch.zeros(8, 4)
            elif kind == "one identity":
                labels = torch.zeros(8, dtype=torch.int64)
            else:
                labels = torch.tensor([0, 1, 2, 3, 4])
                x = x[:5]
            x = x.to(dtype).requires_grad_()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype is not torch.float32):
                value = loss(x, labels)
            value.backward()
            assert value.isfinite(), (dtype, kind)
            assert x.grad.isfinite().all(), (dtype, kind)


def test_perfect_arrangement_costs_nothing():
    angle = 2 * math.pi / 4 * LABELS.double()
    x = 3 * torch.stack([angle.cos(), angle.sin()], 1)
    assert losses.Contrastive(1.0)(x, LABELS).item() == pytest.approx(0, abs=1e-12)
    assert losses.Triplet(0.5)(x, LABELS).item() == pytest.approx(0, abs=1e-12)


def test_bad_arguments():
    with pytest.raises(ValueError, match="mining"):
        losses.Triplet(mining="hardest")
    with pytest.raises(ValueError, match="margin"):
        losses.Contrastive(margin=3)
    with pytest.raises(ValueError, match="alpha"):
        losses.Center(4, 5, alpha=2)
