"""Centres and samples on a circle: the loss is the head's own, and past the bound even spacing becomes a saddle."""

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
    samples = angles + torch.linspace(-0.3, 0.4, 6, dtype=torch.float64)
    x = torch.stack([samples.cos(), samples.sin()], dim=1)
    got = geometry.circle_loss(AdditiveCosine(m), 12.0, angles, samples)
    assert torch.allclose(got, head(x, torch.arange(6)), atol=1e-12)


EVEN = 2 * math.pi * torch.arange(8, dtype=torch.float64) / 8


@pytest.mark.parametrize("m", [0.1, 0.29, 0.35])
def test_even_spacing_is_a_valley_until_well_past_the_bound(m: float) -> None:
    rule = AdditiveCosine(m)
    assert geometry.even_curvature(rule, 30.0, 8) > 0
    generator = torch.Generator().manual_seed(0)
    moves = 1e-3 * torch.randn(2, 200, 8, dtype=torch.float64, generator=generator)
    assert (geometry.circle_loss(rule, 30.0, *(EVEN + moves)) > geometry.circle_loss(rule, 30.0, EVEN)).all()


@pytest.mark.parametrize("m", [0.4, 0.6])
def test_further_on_it_is_a_saddle_which_samples_on_their_centres_never_show(m: float) -> None:
    rule = AdditiveCosine(m)
    here = geometry.circle_loss(rule, 30.0, EVEN)
    assert geometry.even_curvature(rule, 30.0, 8) < 0
    both = torch.cat([EVEN, EVEN])
    both = both + 1e-3 * torch.randn(16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    held = both[:8].expand(200, 8) + 1e-3 * torch.randn(200, 8, dtype=torch.float64)
    assert (geometry.circle_loss(rule, 30.0, held) > here).all()
    both.requires_grad_()
    for _ in range(3000):
        (slope,) = torch.autograd.grad(geometry.circle_loss(rule, 30.0, both[:8], both[8:]), both)
        both.data -= 1e-2 * slope
    assert geometry.circle_loss(rule, 30.0, both[:8], both[8:]) < here - 0.01


def test_curvature_is_the_second_derivative() -> None:
    """Two classes, centres and samples at 0 and π: the loss is the mean of log(1 + e^{s(cos v - cos u + m)}), u and v a
    sample's angles from its own centre and from the other. The exponent is bent by s(du² + dv²) and has no slope, so
    that with p = the other's posterior the second derivative is s·p/2 times the Laplacian of the square
    w1-x1-w2-x2, whose eigenvalues are 0, 2, 2 and 4.
    """
    s, m = 2.0, 0.3
    p = 1 / (1 + math.exp(s * (2 - m)))
    assert geometry.even_curvature(AdditiveCosine(m), s, 2) == pytest.approx(s * p, rel=1e-6)


def test_settle_finds_the_even_circle_and_beats_random_places() -> None:
    settled = geometry.settle(NoMargin(), 10.0, (1,) * 5)
    gaps = np.diff(np.sort(settled.angles % (2 * np.pi)))
    assert np.allclose(gaps, 2 * np.pi / 5, atol=1e-3)
    assert geometry.settle(NoMargin(), 10.0, (2, 1, 1, 1)).loss > settled.loss


def test_settle_puts_as_many_classes_in_each_place_as_it_is_told() -> None:
    settled = geometry.settle(AdditiveCosine(0.2), 5.0, (3, 1, 2, 1))
    places = torch.from_numpy(settled.angles)[torch.tensor([0, 0, 0, 1, 2, 2, 3])]
    samples = torch.from_numpy(settled.samples)
    assert geometry.circle_loss(AdditiveCosine(0.2), 5.0, places, samples).item() == pytest.approx(settled.loss)


def test_past_the_bound_classes_crowd_and_then_share() -> None:
    """At s = 30, eight classes, bound .29: even up to .37, narrower by and by from .38 on, one place for two at .5."""
    rule = {m: AdditiveCosine(m) for m in (0.37, 0.4, 0.45, 0.5)}
    apart, two = ({m: geometry.settle(rule[m], 30.0, kind) for m in rule} for kind in ((1,) * 8, (2, *(1,) * 6)))
    even = {m: geometry.circle_loss(rule[m], 30.0, EVEN).item() for m in rule}
    assert [round(np.degrees(found.gaps.min())) for found in apart.values()] == [45, 31, 9, 0]
    assert apart[0.37].loss == pytest.approx(even[0.37], abs=1e-6)
    assert apart[0.4].loss < even[0.4] < two[0.4].loss
    assert apart[0.45].loss < two[0.45].loss < even[0.45]
    assert apart[0.5].loss == pytest.approx(two[0.5].loss, abs=1e-3)


def test_from_random_starts_places_are_shared_where_that_costs_least() -> None:
    for m, places in ((0.2, 8), (0.35, 8), (0.6, 7)):
        found = geometry.places_from_random_starts(AdditiveCosine(m), 30.0, 8, starts=20)
        assert (found == places).all()


def test_places_are_counted_from_two_degrees_on_and_follow_the_seed() -> None:
    """Without a step the centres stand where they began."""
    generator = torch.Generator().manual_seed(7)
    degrees = (360 * torch.rand(30, 12, dtype=torch.float64, generator=generator)).sort(dim=1).values
    gaps = torch.cat([degrees, degrees[:, :1] + 360], dim=1).diff(dim=1)
    found = geometry.places_from_random_starts(NoMargin(), 10.0, 12, starts=30, steps=0, seed=7)
    assert found.tolist() == (gaps > 2).sum(dim=1).tolist()
