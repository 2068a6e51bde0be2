"""Directions, gaps and clouds in the plane against plain loops."""

import numpy as np
import pytest

from cosface_edu.geometry import plane


def ring(angles: list[float]) -> np.ndarray:
    return np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], axis=1).astype(np.float32)


def test_centre_gaps_go_around_the_circle() -> None:
    centres = 3 * ring([170, -170, 0, 90])  # not in order, and across ±180°
    order = plane.around_the_circle(centres)
    assert order.tolist() == [1, 2, 3, 0]
    np.testing.assert_allclose(np.degrees(plane.centre_gaps(centres)), [170, 90, 80, 20], atol=1e-4)


def test_cloud_gaps_against_a_plain_loop() -> None:
    generator = np.random.default_rng(0)
    centres = ring([10, 130, -110])
    labels = np.repeat([0, 1, 2], 400)
    offsets = generator.normal(0, [8, 15, 4], size=(400, 3)).T.ravel()  # degrees
    angles = np.array([10, 130, -110])[labels] + offsets
    expected = []
    for own, after, between in ((2, 0, 120), (0, 1, 120), (1, 2, 120)):  # from -180° upwards
        upper = np.quantile(offsets[labels == own], 0.95)
        lower = np.quantile(offsets[labels == after], 0.05)
        expected.append(between - upper + lower)
    features = ring(list(angles)) * generator.uniform(1, 5, (1200, 1))  # the length must not matter
    found = np.degrees(plane.cloud_gaps(features, labels, centres))
    np.testing.assert_allclose(found, expected, atol=1e-3)
    within = plane.cloud_gaps(features, labels, centres, edge=0.25)  # the middle half leaves more between
    assert (np.degrees(within) > found + 5).all()
    widths = [np.diff(np.quantile(offsets[labels == c], [0.05, 0.95])).item() for c in range(3)]
    assert found.mean() == pytest.approx(120 - np.mean(widths), abs=1e-3)
