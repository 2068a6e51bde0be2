"""Boundaries and arcs found from the rules, against the closed forms derived by hand."""

import numpy as np
import pytest

from cosface_edu.geometry import boundary, edge_on_arc, gap_on_arc
from cosface_edu.losses.margins import AdditiveAngle, AdditiveCosine, MultiplicativeAngle, NoMargin

PHI = np.array([0.7, 1.0, 1.6, 2.5, 3.1])


@pytest.mark.parametrize(
    ("rule", "edge"),
    [
        (NoMargin(), PHI / 2),
        (AdditiveCosine(0.2), PHI / 2 - np.arcsin(0.2 / (2 * np.sin(PHI / 2)))),
        (AdditiveAngle(0.5), (PHI - 0.5) / 2),
        (MultiplicativeAngle(2), PHI / 3),
        (MultiplicativeAngle(4), PHI / 5),
    ],
)
def test_edge_and_gap_match_closed_forms(rule, edge):
    np.testing.assert_allclose(edge_on_arc(rule, PHI), edge, atol=1e-12)
    np.testing.assert_allclose(gap_on_arc(rule, PHI), PHI - 2 * edge, atol=1e-12)


def test_edge_is_nan_where_the_margin_cannot_be_met():
    m = 0.35
    limit = np.arccos(1 - m)
    assert np.isnan(edge_on_arc(AdditiveCosine(m), limit - 1e-6))
    assert edge_on_arc(AdditiveCosine(m), limit + 1e-6) == pytest.approx(0, abs=1e-2)


def test_cosface_gap_grows_as_centres_come_closer_and_asoftmax_gap_vanishes():
    assert np.all(np.diff(gap_on_arc(AdditiveCosine(0.1), PHI)) < 0)
    assert np.all(np.diff(gap_on_arc(MultiplicativeAngle(4), PHI)) > 0)


def test_boundary_on_the_cosine_plane():
    cos2 = np.linspace(-1, 1, 9)
    expected = np.where(cos2 + 0.35 <= 1, cos2 + 0.35, np.nan)
    np.testing.assert_allclose(boundary(AdditiveCosine(0.35), cos2), expected, atol=1e-12)
    np.testing.assert_allclose(boundary(NoMargin(), cos2, ratio=0.5), cos2 / 2, atol=1e-12)
    theta2 = np.array([0.5, 1.2, 2.0])
    np.testing.assert_allclose(boundary(MultiplicativeAngle(4), np.cos(theta2)), np.cos(theta2 / 4), atol=1e-12)
