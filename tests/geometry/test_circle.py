"""Centres on a circle: the loss is the head's own, even spacing is a valley at every margin, and the curves cross."""

import math

import numpy as np
import pytest
import torch

from cosface_edu import geometry
from cosface_edu.losses import CosFace
from cosface_edu.losses.margins import AdditiveCosine, NoMargin

pytestmark = pytest.mark.filterwarnings("ignore:m = .* cannot be met")


@pytest.mark.parametrize("m", [0.0, 0.2])
def test_loss_is_the_head_s(m: float) -> None:
    angles = torch.linspace(0.1, 5.9, 6, dtype=torch.float64) ** 1.05
    head = CosFace(2, 6, s=12.0, m=m).double()
    centres = torch.stack([angles.cos(), angles.sin()], dim=1)
    with torch.no_grad():
        head.weight.copy_(centres)
    expected = head(centres, torch.arange(6))
    got = geometry.circle_loss(AdditiveCosine(m), 12.0, angles.expand(3, 6))
    assert torch.allclose(got, expected.expand(3), atol=1e-12)


@pytest.mark.parametrize("m", [0.1, 0.29, 0.35, 0.45, 0.6])
def test_even_spacing_is_a_valley_at_every_margin(m: float) -> None:
    rule, even = AdditiveCosine(m), 2 * math.pi * torch.arange(8, dtype=torch.float64) / 8
    bend = geometry.even_curvature(rule, 30.0, 8)
    assert bend > 0
    here = geometry.circle_loss(rule, 30.0, even)
    generator = torch.Generator().manual_seed(0)
    moved = even + 1e-3 * torch.randn(200, 8, dtype=torch.float64, generator=generator)
    assert (geometry.circle_loss(rule, 30.0, moved) > here).all()


def test_curvature_is_the_second_derivative() -> None:
    """Of two centres the only move is apart: L = log(1 + e^{s(cos φ - 1 + m)}), bent at φ = π by s·p, ½ for each."""
    s, m = 2.0, 0.3
    p = 1 / (1 + math.exp(s * (2 - m)))
    # φ = a1 - a2: the second derivative by φ is s·p, so that the matrix is s·p·[[1, -1], [-1, 1]], eigenvalue 2·s·p
    assert geometry.even_curvature(AdditiveCosine(m), s, 2) == pytest.approx(2 * s * p, rel=1e-6)


def test_settle_finds_the_even_circle_and_beats_random_places() -> None:
    settled = geometry.settle(NoMargin(), 10.0, (1,) * 5)
    gaps = np.diff(np.sort(settled.angles % (2 * np.pi)))
    assert np.allclose(gaps, 2 * np.pi / 5, atol=1e-3)
    assert geometry.settle(NoMargin(), 10.0, (2, 1, 1, 1)).loss > settled.loss


def test_settle_puts_as_many_classes_in_each_place_as_it_is_told() -> None:
    settled = geometry.settle(AdditiveCosine(0.2), 5.0, (3, 1, 2, 1))
    places = torch.from_numpy(settled.angles)[torch.tensor([0, 0, 0, 1, 2, 2, 3])]
    assert geometry.circle_loss(AdditiveCosine(0.2), 5.0, places).item() == pytest.approx(settled.loss)


@pytest.mark.parametrize(("m", "cheapest"), [(0.2, 1), (0.35, 1), (0.45, 1), (0.5, 3), (0.6, 3)])
def test_sharing_pays_only_well_past_the_bound(m: float, cheapest: int) -> None:
    """At s = 30: up to m of about .47 eight even centres cost least, although the bound is .29."""
    losses = {k: geometry.settle(AdditiveCosine(m), 30.0, (k, *(1,) * (8 - k))).loss for k in (1, 3)}
    assert min(losses, key=losses.get) == cheapest


def test_random_starts_share_places_past_the_bound_only() -> None:
    below = geometry.places_from_random_starts(AdditiveCosine(0.2), 30.0, 8, starts=20, steps=400)
    beyond = geometry.places_from_random_starts(AdditiveCosine(0.6), 30.0, 8, starts=20, steps=400)
    assert (below == 8).all()
    assert (beyond < 8).mean() > 0.5


def test_places_are_counted_from_two_degrees_on_and_follow_the_seed() -> None:
    """Without a step the centres stand where they began."""
    generator = torch.Generator().manual_seed(7)
    degrees = (360 * torch.rand(30, 12, dtype=torch.float64, generator=generator)).sort(dim=1).values
    gaps = torch.cat([degrees, degrees[:, :1] + 360], dim=1).diff(dim=1)
    found = geometry.places_from_random_starts(NoMargin(), 10.0, 12, starts=30, steps=0, seed=7)
    assert found.tolist() == (gaps > 2).sum(dim=1).tolist()
