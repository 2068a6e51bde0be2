"""Bounds on s and m: the figures of the paper, and optimisation, which must come close and never do better."""

import math

import pytest
import torch

from cosface_edu.geometry import max_margin, min_scale, simplex, start_loss, welch_bound
from cosface_edu.losses import CosFace


def spread(C, K, measure, steps=400, seed=0):
    """Least largest `measure` of the cosines between C unit vectors in K dimensions; the best of 8 descents."""
    generator = torch.Generator().manual_seed(seed)
    v = torch.randn(8, C, K, dtype=torch.float64, generator=generator).requires_grad_()
    optimiser = torch.optim.Adam([v], lr=0.1)
    off = ~torch.eye(C, dtype=torch.bool)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 0.1 * (1 - step / steps) + 1e-4
        u = v / v.norm(dim=2, keepdim=True)
        cos = (u @ u.transpose(1, 2))[:, off]  # (8, C(C-1))
        # a soft maximum that hardens
        beta = 5 * 400 ** (step / steps)
        loss = (torch.logsumexp(beta * measure(cos), dim=1) / beta).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    u = (v / v.norm(dim=2, keepdim=True)).detach()
    return measure((u @ u.transpose(1, 2))[:, off]).amax(dim=1).min().item()


@pytest.mark.parametrize(
    ("C", "P", "m", "s"),
    [
        (10_575, 0.9, 0, 11.46),
        (10_575, 0.9, 0.35, 17.63),
        (10_575, 0.99, 0, 13.86),
        (10_575, 0.99, 0.35, 21.32),
        (10_575, 0.999, 0.35, 24.88),
        (10_575, 0.9999, 0, 18.47),
        (10_575, 0.9999, 0.35, 28.42),
        (8, 0.99, 0, 5.72),
        (8, 0.99, 0.35, 8.25),
        (90_000, 0.99, 0, 16.00),
        (90_000, 0.99, 0.35, 24.62),
    ],
)
def test_min_scale_table(C, P, m, s):
    assert min_scale(C, P, m) == pytest.approx(s, abs=0.005)


@pytest.mark.parametrize("m", [0.0, 0.3])
def test_min_scale_against_training(m):
    """At the bound no arrangement of centres gives them a higher posterior than P; training them reaches P."""
    C, P = 6, 0.95
    head = CosFace(C - 1, C, s=min_scale(C, P, m), m=m).double()
    labels = torch.arange(C)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.05)
    for step in range(200):
        optimiser.param_groups[0]["lr"] = 0.05 * (1 - step / 200) + 1e-5
        loss = head(head.weight, labels)  # the embeddings are the class centres themselves
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    posterior = head.logits(head.weight, labels).softmax(1).diagonal().detach()
    assert posterior.mean() <= P + 1e-9
    assert posterior.mean() == pytest.approx(P, abs=1e-4)


def test_min_scale_refuses():
    for C, P, m, name in [(1, 0.9, 0, "C"), (5, 1.0, 0, "P"), (5, 0.2, 0, "P"), (5, 0.9, 1.25, "m")]:
        with pytest.raises(ValueError, match=f"^{name} must"):
            min_scale(C, P, m)


@pytest.mark.parametrize(("s", "m", "loss"), [(30, 0.35, 19.77), (30, 0.40, 21.27), (64, 0.35, 31.67)])
def test_start_loss_table(s, m, loss):
    assert start_loss(10_572, s, m) == pytest.approx(loss, abs=0.005)


def test_start_loss_of_a_large_scale_does_not_overflow():
    assert start_loss(3, 2000.0, 0.5) == pytest.approx(1000 + math.log(2))
    assert start_loss(3, 2000.0, -0.5) == 0


def test_start_loss_is_the_heads_own():
    """An embedding orthogonal to every centre has all cosines equal."""
    head = CosFace(6, 50, s=30.0, m=0.4).double()
    with torch.no_grad():
        head.weight[:, 5] = 0.0
    x = torch.eye(6, dtype=torch.float64)[5:]
    assert head(x, torch.tensor([3])).item() == pytest.approx(start_loss(50, 30.0, 0.4), rel=1e-12)


@pytest.mark.parametrize(
    ("C", "m"), [(2, 2), (3, 1.5), (4, 1), (5, 0.691), (6, 0.5), (7, 0.3765), (8, 0.2929), (10, 0.191)]
)
def test_max_margin_on_the_circle(C, m):
    assert max_margin(C, 2) == pytest.approx(m, abs=5e-4)


@pytest.mark.parametrize(("C", "K"), [(3, 2), (5, 2), (8, 2), (4, 3), (5, 3), (6, 3), (3, 5), (8, 5), (10, 5)])
def test_max_margin_is_reached_by_optimisation(C, K):
    """The exact cases: circle, simplex, and orthogonal centres with their opposites."""
    best = 1 - spread(C, K, lambda cos: cos)
    assert best <= max_margin(C, K) + 1e-9
    assert best == pytest.approx(max_margin(C, K), abs=0.01)


@pytest.mark.parametrize(("C", "K"), [(7, 3), (9, 3), (12, 3), (20, 4), (16, 5), (40, 8)])
def test_max_margin_is_not_exceeded_by_optimisation(C, K):
    best = 1 - spread(C, K, lambda cos: cos)
    assert best <= max_margin(C, K) + 1e-9


@pytest.mark.parametrize(("C", "K", "cos"), [(16, 5, 1 / 5), (162, 21, 1 / 7)])
def test_max_margin_of_perfect_arrangements(C, K, cos):
    """Spherical codes known to meet Levenshtein's bound of degree 3 (Clebsch graph; 162 points in 21 dimensions)."""
    assert max_margin(C, K) == pytest.approx(1 - cos, abs=1e-12)


def test_max_margin_does_not_explain_the_failure_above_45_hundredths():
    """CASIA-WebFace in 512 dimensions: geometry leaves room for almost the whole margin of orthogonal classes."""
    assert 0.97 < max_margin(10_575, 512) < 1
    assert max_margin(10_575, 512) > max_margin(90_000, 512) > 0.9


def test_max_margin_edges():
    assert max_margin(2, 1) == 2
    assert max_margin(3, 1) == 0
    assert max_margin(1025, 1024) == pytest.approx(1025 / 1024)
    assert max_margin(2048, 1024) == 1
    with pytest.raises(ValueError, match="C must"):
        max_margin(1, 2)
    with pytest.raises(ValueError, match="K must"):
        max_margin(3, 0)


def test_simplex_is_one():
    for C in (2, 3, 9):
        v = simplex(C)
        assert v.shape == (C, C - 1)
        expected = torch.full((C, C), -1 / (C - 1), dtype=torch.float64).fill_diagonal_(1)
        torch.testing.assert_close(v @ v.T, expected)
    with pytest.raises(ValueError, match="C must"):
        simplex(1)


def test_welch_value():
    assert welch_bound(10_575, 512) == pytest.approx(0.043, abs=5e-4)
    assert math.isclose(welch_bound(4, 8), 0)


@pytest.mark.parametrize(("C", "K", "reached"), [(3, 2, True), (6, 3, True), (5, 3, False), (10, 4, False)])
def test_welch_bound_against_optimisation(C, K, reached):
    """Lines through the origin: three in the plane and six in space meet the bound, the others stay above it."""
    best = spread(C, K, torch.abs, steps=600)
    assert best >= welch_bound(C, K) - 1e-9
    assert (best < welch_bound(C, K) + 0.01) == reached
