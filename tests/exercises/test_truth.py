"""The plain formulas that answers are compared with are the package's own."""

import math

import pytest

from cosface_edu import geometry
from cosface_edu.exercises import truth
from cosface_edu.losses.margins import AdditiveAngle, AdditiveCosine

ARCS = [math.radians(degrees) for degrees in (15, 30, 45, 60, 90, 120, 150, 179)]


@pytest.mark.parametrize("phi", ARCS)
@pytest.mark.parametrize("m", [0.05, 0.2, 0.35, 0.7])
def test_edges_and_gaps_on_an_arc(phi: float, m: float) -> None:
    def same(given: float, right: float) -> None:
        assert given == pytest.approx(float(right), abs=1e-6, nan_ok=True)

    same(truth.lmcl_edge(phi, m), geometry.edge_on_arc(AdditiveCosine(m), phi))
    same(truth.lmcl_gap(phi, m), geometry.gap_on_arc(AdditiveCosine(m), phi))
    same(truth.arcface_gap(phi, m), geometry.gap_on_arc(AdditiveAngle(m), phi))


def test_the_band_on_the_plane_of_cosines() -> None:
    for m in (0.1, 0.35):
        first, second = ((float(geometry.boundary(AdditiveCosine(m), c)), c) for c in (0.0, 0.3))
        # class 2's boundary is the mirror image in the diagonal; both rise at 45°
        assert second[0] - first[0] == pytest.approx(0.3)
        assert truth.band_width(m) == pytest.approx(abs(first[0] - first[1]) * math.sqrt(2))
