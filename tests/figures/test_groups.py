"""Errors by group are drawn as recorded."""

import numpy as np
import pytest

from cosface_edu.experiments import groups
from cosface_edu.faces import FaceWorld
from cosface_edu.figures import groups as draw
from cosface_edu.figures import style

RUNS = [
    {
        "crowd": crowd,
        "seed": seed,
        "groups": {g: {"false_accepts": rate, "false_rejects": 0.3 * (1 + seed)} for g in FaceWorld.groups},
    }
    for crowd, rate in zip(groups.CROWDS, (0.01, 0.02), strict=True)
    for seed in (0, 1)
]


def test_bars_are_means_in_percent() -> None:
    accepts, rejects = draw.errors(RUNS).axes
    assert {round(bar.get_height(), 6) for bar in accepts.patches} == {1.0, 2.0}
    assert {round(bar.get_height(), 6) for bar in rejects.patches} == {45.0}


def test_seeds_stand_out_from_pale_bars() -> None:
    for axes in draw.errors(RUNS).axes:
        assert {line.get_color() for line in axes.lines} == set(style.CYCLE[:2])
        assert all(bar.get_alpha() < 0.5 for bar in axes.patches)


def test_relative_rates_stand_over_their_group() -> None:
    accepts, rejects = draw.relative(RUNS).axes
    dots = [line for line in accepts.lines if line.get_marker() == "o"]
    assert len(dots) == len(FaceWorld.groups)
    assert all(np.allclose(line.get_ydata(), 2) for line in dots)
    assert [line.get_ydata()[0] for line in rejects.lines if line.get_marker() == "o"] == pytest.approx([1] * 6)
