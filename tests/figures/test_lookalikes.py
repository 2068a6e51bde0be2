"""The pair that the chapters follow: who they are, and what is measured of them."""

import numpy as np
import pytest
import torch

from cosface_edu.experiments import lookalikes, toy
from cosface_edu.figures import lookalikes as two


def test_the_pair_is_the_nearest_two_of_the_toy() -> None:
    faces = toy.faces_of(toy.ToyConfig(train=40, test=1))
    assert lookalikes.nearest(faces.train_images, faces.train_labels) == lookalikes.PAIR


def test_the_likest_come_first() -> None:
    shade = torch.tensor([0.0, 0.5, 0.9, 0.61, 0.5])  # of five people: 1 and 4 are alike, then 3 with either
    images, labels = shade.repeat_interleave(2)[:, None, None, None].expand(-1, 3, 2, 2), torch.arange(10) // 2
    pairs = lookalikes.likest(images, labels, count=3).tolist()
    assert pairs[0] == [1, 4]
    assert sorted(pairs[1:]) == [[1, 3], [3, 4]]


def made_up(b: float, h: float, width: float) -> toy.ToyRun:
    """A toy whose people point where they are told: B at b degrees, H at h, all within ± width of their centre."""
    centres = np.radians([90.0, b, 120, 150, 180, 210, 240, h])
    labels = np.repeat(np.arange(8), 21)
    angles = centres[labels] + np.radians(np.tile(np.linspace(-width, width, 21), 8))
    features = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    features = np.stack([features, features])  # the start, and after one epoch, when the margin is in force
    weights = np.stack([np.cos(centres), np.sin(centres)], axis=1).astype(np.float32)
    weights = np.stack([weights, weights])
    one = np.ones(1, dtype=np.float32)
    return toy.ToyRun(
        toy.ToyConfig(m=0.1, epochs=1), features, labels, features, labels, weights, one, one, one, one, ("",) * 8, 0.0
    )


@pytest.mark.parametrize(("b", "h"), [(10.0, 50.0), (50.0, 10.0), (-20.0, 20.0), (340.0, 20.0)])
def test_gaps_do_not_depend_on_who_comes_first(b: float, h: float) -> None:
    pair = lookalikes.measure(made_up(b, h, width=10.0))
    assert pair.apart == pytest.approx(40, abs=1e-3)
    assert pair.gap == pytest.approx(40 - 2 * 9, abs=1e-3)  # the middle 90 % of ±10°
    assert pair.mistaken == 0
    assert pair.overlap == 0
    left, right = lookalikes.placed(made_up(b, h, width=10.0))
    assert left.mean() == pytest.approx(-20, abs=1e-3)
    assert right.mean() == pytest.approx(20, abs=1e-3)


def test_clouds_that_reach_over_each_other_overlap() -> None:
    pair = lookalikes.measure(made_up(0.0, 20.0, width=15.0))
    assert pair.gap < 0
    assert pair.mistaken > 0
    assert pair.overlap > 0
    assert pair.pictures == 42


def test_a_margin_that_nothing_between_meets_is_said_to_be_so() -> None:
    run = made_up(0.0, 20.0, width=5.0)  # 1 - cos 20° is less than 0.1
    (row,) = two.table([run])
    assert row["gap asked for"] == "nowhere between"
    figure = two.arcs([run])
    assert [len(axes.patches) > 0 for axes in figure.axes] == [True]


def test_a_line_of_the_two_for_each_margin() -> None:
    axes = two.against_margin([made_up(0.0, 45.0, width=5.0), made_up(0.0, 20.0, width=5.0)]).axes[0]
    drawn = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
    assert drawn["centres of B and H"] == pytest.approx([45, 20], abs=1e-3)
    assert drawn["clouds of B and H"] == pytest.approx([36, 11], abs=1e-3)
    assert np.isnan(drawn["asked of B and H"]).tolist() == [False, True]
    assert axes.get_ylim()[1] > 50
    both = [line for line in axes.get_lines() if line.get_label().endswith("B and H")]
    assert not {line.get_color() for line in axes.get_lines()} & set(two.COLOURS)  # a curve of both is nobody's
    assert len({line.get_linestyle() for line in both}) == 3


def test_the_band_that_is_asked_for_has_edges_and_the_legend_stands_outside() -> None:
    figure = two.arcs([made_up(0.0, 45.0, width=5.0)])
    (axes,) = figure.axes
    asked = lookalikes.measure(made_up(0.0, 45.0, width=5.0)).asked
    dashed = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert dashed == pytest.approx([-asked / 2, asked / 2])
    figure.draw_without_rendering()
    assert axes.get_legend().get_window_extent().y0 > axes.get_window_extent().y1 - 3


def test_the_rule_in_force_is_asked() -> None:
    wide = lookalikes.measure(made_up(0.0, 45.0, width=5.0))
    assert wide.asked == pytest.approx(np.degrees(2 * np.arcsin(0.1 / (2 * np.sin(np.radians(22.5))))), abs=1e-3)


def test_the_record_has_a_row_for_each_setting() -> None:
    row = {"apart": 45.0, "gap": 20.0, "mean_gap": 30.0, "least_gap": 20.0, "overlap": 0.02}
    rows = [
        {"loss": loss, "m": m, "seed": seed, **row, "gap": 20.0 + seed}
        for loss, m in (("softmax", None), ("cosface", 0.0), ("cosface", 0.2), ("asoftmax", 4.0))
        for seed in (0, 1)
    ]
    lines = two.over_seeds(rows).replace("\N{NO-BREAK SPACE}", " ").splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == ["| Softmax", "| NSL", "| LMCL, m = 0.2", "| A-Softmax, λ = 5"]
    assert all("20.5 ± 0.7° | 20 … 21°" in line and "1 of 2" in line for line in lines)
