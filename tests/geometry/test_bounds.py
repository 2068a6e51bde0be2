"""Bounds on s and m: the figures of the paper, and numerical optimisation that must not do better."""

import math

import pytest
import torch

from cosface_edu.geometry import max_margin, min_scale, simplex, start_loss, welch_bound


@pytest.mark.parametrize(
    ("C", "P", "m", "s"),
    [
        (10_575, 0.9, 0, 11.46),
        (10_575, 0.9, 0.35, 17.63),
        (10_575, 0.99, 0, 13.86),
        (10_575, 0.9999, 0.35, 28.42),
        (8, 0.99, 0, 5.72),
        (90_000, 0.99, 0.35, 24.62),
    ],
)
def test_min_scale_table(C, P, m, s):
    assert min_scale(C, P, m) == pytest.approx(s, abs=0.005)


@pytest.mark.parametrize(("s", "m", "loss"), [(30, 0.35, 19.77), (30, 0.40, 21.27), (64, 0.35, 31.67)])
def test_start_loss_table(s, m, loss):
    assert start_loss(10_572, s, m) == pytest.approx(loss, abs=0.005)


@pytest.mark.parametrize(("C", "m"), [(2, 2), (3, 1.5), (4, 1), (5, 0.691), (6, 0.5), (8, 0.2929), (10, 0.191)])
def test_max_margin_on_the_circle(C, m):
    assert max_margin(C, 2) == pytest.approx(m, abs=5e-4)


def test_simplex_is_one():
    for C in (2, 3, 9):
        v = simplex(C)
        assert v.shape == (C, C - 1)
        expected = torch.full((C, C), -1 / (C - 1), dtype=torch.float64).fill_diagonal_(1)
        torch.testing.assert_close(v @ v.T, expected)


def test_welch_value():
    assert welch_bound(10_575, 512) == pytest.approx(0.043, abs=5e-4)
    assert welch_bound(3, 2) == pytest.approx(0.5)  # three lines 60 degrees apart
    assert math.isclose(welch_bound(4, 8), 0)
