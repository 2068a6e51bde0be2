"""The small computations behind the theory chapters against closed forms and the heads themselves."""

import math
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from cosface_edu import geometry, losses
from cosface_edu.experiments import numerical
from cosface_edu.losses.margins import AdditiveAngle, AdditiveCosine, NoMargin


@pytest.mark.parametrize("m", [0.0, 0.35])
def test_posterior_is_the_heads(m):
    head = losses.CosFace(7, 8, s=9.0, m=m).double()
    with torch.no_grad():
        head.weight.copy_(geometry.simplex(8))
    loss = head(head.weight, torch.arange(8)).item()
    assert numerical.simplex_posterior(AdditiveCosine(m), 9.0, 8) == pytest.approx(math.exp(-loss), rel=1e-9)


@pytest.mark.parametrize(("C", "P", "m"), [(8, 0.99, 0.0), (10_575, 0.9, 0.35)])
def test_the_bound_on_s_is_where_the_ceiling_reaches_P(C, P, m):
    s = geometry.min_scale(C, P, m)
    assert numerical.simplex_posterior(AdditiveCosine(m), s, C) == pytest.approx(P, rel=1e-9)


def test_centres_settle_on_the_simplex():
    centres = numerical.settle_centres(losses.NSL(8, 5, s=6.0).double(), steps=300)
    cos = centres @ centres.T
    assert cos[~torch.eye(5, dtype=torch.bool)].numpy() == pytest.approx(-0.25, abs=1e-3)


def test_a_margin_past_the_bound_sacrifices_classes():
    def places(m):
        torch.manual_seed(0)
        head = losses.CosFace(2, 8, s=30.0, m=0.2).double()
        head.m = m
        with pytest.warns(UserWarning, match="bound") if m > 0.2929 else nullcontext():
            centres = numerical.settle_centres(head, steps=400)
        return int((numerical.largest_cosines(centres) < 0.99).sum())

    assert places(0.2) == 8
    assert places(0.6) < 8


def test_nearest_neighbours_by_the_block_equal_all_at_once():
    centres = torch.randn(1500, 16, dtype=torch.float64)
    unit = torch.nn.functional.normalize(centres)
    cos = (unit @ unit.T).fill_diagonal_(-2)
    torch.testing.assert_close(numerical.largest_cosines(centres), cos.max(1).values)


@pytest.mark.parametrize(("C", "K", "expected"), [(5, 2, 1 - math.cos(2 * math.pi / 5)), (4, 3, 4 / 3), (6, 3, 1.0)])
def test_gradient_descent_finds_the_largest_margin(C, K, expected):
    found = numerical.best_margin_found(C, K, steps=400)
    assert found <= geometry.max_margin(C, K) + 1e-6
    assert found == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("rule", [NoMargin(), AdditiveCosine(0.35), AdditiveAngle(0.5)], ids=repr)
def test_pull_is_the_slope_of_minus_log_posterior(rule):
    theta, step = np.radians(np.arange(5, 120, 5)), 1e-6

    def loss(angle):
        return -np.log(numerical.posterior(rule, 20.0, np.cos(angle), 0.0, 100))

    slope = (loss(theta + step) - loss(theta - step)) / (2 * step)
    assert numerical.pull(rule, 20.0, theta, 100) == pytest.approx(slope, abs=1e-6)


def test_quiet_angle_is_where_the_posterior_is_reached():
    angle = numerical.quiet_angle(AdditiveCosine(0.35), 64.0, 10_575)
    assert numerical.posterior(AdditiveCosine(0.35), 64.0, math.cos(angle), 0.0, 10_575) == pytest.approx(
        0.99, abs=1e-3
    )
    assert math.isnan(numerical.quiet_angle(NoMargin(), 5.0, 10_575))


def test_a_large_scale_without_margin_freezes_first():
    def end(head):
        torch.manual_seed(0)
        return numerical.walk(head, per_class=3, steps=60).own[-1]

    assert end(losses.NSL(16, 40, s=64.0)) > end(losses.CosFace(16, 40, s=64.0, m=0.35)) + 5


def test_a_peek_at_the_answers_pays():
    gains = numerical.peeking_gains(600, sets=40)
    assert 0 < gains.mean() < 2
