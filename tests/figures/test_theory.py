"""Each figure of the theory chapters shows what is known without it: closed forms, limits, counts."""

import io
import math
import re

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

mpl.use("agg")

from cosface_edu import geometry
from cosface_edu.experiments import numerical
from cosface_edu.figures import kin, style, theory
from cosface_edu.losses.margins import AdditiveCosine


def curve(figure: Figure, label: str, panel: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The points of the line with a label; the figure is drawn once on the way, which must not fail."""
    figure.savefig(io.BytesIO(), dpi=30)
    (line,) = [line for line in figure.axes[panel].lines if line.get_label() == label]
    return np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)


def height(figure: Figure, label: str, x: float, panel: int = 0) -> float:
    """Of a labelled line at one place."""
    return float(np.interp(x, *curve(figure, label, panel)))


def test_ceilings_reach_099_at_the_bound() -> None:
    figure = theory.ceilings()
    for C in (8, 10_575):
        assert height(figure, f"C = {C:,}", geometry.min_scale(C, 0.99)) == pytest.approx(0.99, abs=1e-3)
    bound = geometry.min_scale(10_575, 0.99, 0.35)
    assert height(figure, "C = 10,575, m = 0.35", bound) == pytest.approx(0.99, abs=1e-3)
    dots = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert bound == pytest.approx(max(dots))


def test_centres_that_settle_in_many_dimensions_lie_on_the_closed_form_and_on_a_circle_below() -> None:
    figure = theory.settled_posteriors(scales=(2, 8))
    s, found = curve(figure, "arranged by gradient descent, 16 dimensions")
    assert found == pytest.approx([height(figure, "simplex, closed form", scale) for scale in s], abs=0.01)
    assert (curve(figure, "arranged by gradient descent, 2 dimensions")[1] < found).all()


def test_wedges_close_as_the_margin_grows_and_vanish_past_the_bound() -> None:
    titles = [axes.get_title() for axes in theory.circle_demands((0.0, 0.15, 0.29, 0.4)).axes]
    assert "wedges 45° wide" in titles[0]
    widths = [int(title.split("wedges ")[1].split("°")[0]) for title in titles[:3]]
    assert widths == sorted(widths, reverse=True)
    assert "no place satisfies it" in titles[3]


def test_no_packing_beats_the_bound() -> None:
    figure = theory.packing({2: (3, 5)})
    bound, found = (curve(figure, f"{what}, D = 2")[1] for what in ("bound", "found"))
    assert bound == pytest.approx([1 - math.cos(2 * math.pi / C) for C in (3, 4, 5)])
    assert (found <= bound[[0, 2]] + 1e-6).all()
    assert found == pytest.approx(bound[[0, 2]], abs=0.02)


def test_every_random_centre_is_counted() -> None:
    nearest = numerical.largest_cosines(torch.randn(200, 64))
    axes = theory.random_neighbours(nearest, margins=(0.35,)).axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == 200
    assert [line.get_xdata()[0] for line in axes.lines] == [0.65]


def test_centres_are_even_below_the_bound_and_crowd_past_it() -> None:
    said = [axes.get_title() for axes in theory.collapse(margins=(0.2, 0.45, 0.6)).axes]
    assert said[0] == "m = 0.2\nall gaps 45°"
    assert re.fullmatch(r"m = 0.45\ngaps of \d+° to 61°", said[1])
    assert said[2].startswith("m = 0.6\n8 classes in 7 places")


def test_a_sample_is_drawn_off_its_centre_where_it_leans_away() -> None:
    axes = theory.collapse(margins=(0.2, 0.45)).axes
    even, crowded = (np.concatenate([line.get_xdata() for line in ax.lines if line.get_marker() == "o"]) for ax in axes)
    assert len(even) == len(crowded) == 8
    found = geometry.settle(AdditiveCosine(0.45), 30.0, (1,) * 8)
    assert np.sort(crowded) == pytest.approx(np.sort(np.cos(found.samples)))


def test_sharing_a_place_costs_at_first() -> None:
    figure = theory.crossing(margins=(0.2, 0.5))
    even, best, two, three = (line.get_ydata() for line in figure.axes[1].lines[:4])
    assert even == pytest.approx([0, 0])
    assert best[0] == pytest.approx(0, abs=1e-6)
    assert 0 < two[0] < three[0]
    assert best[1] == pytest.approx(two[1], abs=1e-3)
    assert two[1] < three[1] < 0


def test_the_pull_far_from_the_centre_is_the_sine_of_the_angle() -> None:
    figure = theory.pulls()
    assert height(figure, "CosFace, s = 64, m = 0.35", 85) == pytest.approx(math.sin(math.radians(85)), abs=1e-3)
    assert height(figure, "NSL, s = 64", 20) == pytest.approx(0, abs=1e-3)  # long since sure
    assert height(figure, "NSL, s = 8", 20) > 0.8 * math.sin(math.radians(20))  # never sure


def test_a_hinge_has_slope_one_and_the_margin_moves_its_foot() -> None:
    figure = theory.hinges()
    offset = math.log(10_574) / 64
    for lead in (-0.4, 0.0):
        assert height(figure, "CosFace, s = 64, m = 0.35", lead) == pytest.approx(0.35 - lead + offset, abs=1e-3)
        assert height(figure, "NSL, s = 64", lead) == pytest.approx(offset - lead, abs=2e-3)


def test_arcs_say_the_gaps_of_the_rules() -> None:
    said = [text.get_text() for axes in theory.arcs(angles=(30, 90)).axes for text in axes.texts if text.get_text()]
    assert said.count("gap 0°") == 2  # NSL, at both angles
    assert "gap 18°" in said  # A-Softmax at 30°
    assert said.count("gap 29°") + said.count("gap 28°") >= 1  # ArcFace


def test_prices() -> None:
    figure = theory.prices()
    assert curve(figure, "CosFace, m = 0.35")[1] == pytest.approx(0.35)
    price = math.cos(math.radians(60)) - math.cos(math.radians(60) + 0.5)
    assert height(figure, "ArcFace, m = 0.5", 60) == pytest.approx(price, abs=1e-3)
    assert height(figure, "NSL", 100) == 0


def test_past_pi_the_exact_target_rises_again_and_the_monotone_one_does_not() -> None:
    figure = theory.beyond_pi(0.5)
    past = curve(figure, "exact")[0] > 180 - math.degrees(0.5) + 1
    assert (np.diff(curve(figure, "exact")[1][past]) > 0).all()
    assert (np.diff(curve(figure, "monotone")[1]) < 0).all()
    assert (curve(figure, "exact", panel=1)[1][past] < 0).all()
    assert style.loss("cosface") not in {line.get_color() for line in figure.axes[0].lines}  # all are ArcFace


def test_the_unified_margin_holds_its_members() -> None:
    figure = theory.unified()
    degrees, arcface = curve(figure, "ArcFace (1, 0.5, 0)")
    inside = degrees < 180 - math.degrees(0.5)
    assert arcface[inside] == pytest.approx(np.cos(np.radians(degrees[inside]) + 0.5), abs=1e-5)
    cosface = curve(figure, "CosFace (1, 0, 0.35)")[1]
    assert cosface == pytest.approx(np.cos(np.radians(degrees)) - 0.35, abs=1e-5)
    assert not [line for line in figure.axes[0].lines if line.get_label().startswith("_")]  # none without a name


def test_without_the_angle_s_gradient_the_slope_is_s_times_a_constant() -> None:
    figure = theory.straight_through(0.5, s=64.0)
    degrees, true = curve(figure, "true gradient")
    theta = np.radians(degrees)
    assert true == pytest.approx(64 * np.sin(theta + 0.5) / np.sin(theta), rel=1e-3)
    assert curve(figure, "angle without gradient")[1] == pytest.approx(64, rel=1e-3)


def test_peeking_counts_every_test_set_and_says_the_mean() -> None:
    gains = {n: numerical.peeking_gains(n, sets=10) for n in (60, 200)}
    panels = theory.peeking(gains).axes
    for axes, (pairs, gain) in zip(panels, gains.items(), strict=True):
        assert sum(bar.get_height() for bar in axes.patches) == 10
        assert axes.get_title() == f"{pairs:,} pairs: mean {gain.mean():.2f}"
    above, below = ([bar.get_x() for bar in axes.patches] for axes in panels)
    assert above == below  # or heights could not be compared
    assert panels[0].get_xlim() == panels[1].get_xlim()


def test_a_class_scores_by_its_nearest_sub_centre() -> None:
    figure = kin.sub_centres((90.0, 230.0))
    for degrees in (90, 230):
        assert height(figure, "score of the class", degrees) == pytest.approx(1, abs=1e-4)
    assert height(figure, "score of the class", 160) == pytest.approx(math.cos(math.radians(70)), abs=1e-3)
    *parts, whole = figure.axes[0].lines
    assert whole.get_color() not in {part.get_color() for part in parts}
    assert figure.axes[0].get_ylim() == (-1.05, 1.05)


def test_later_losses_keep_their_colours() -> None:
    for figure, panel, label, name in (
        (kin.quality(), 0, "MagFace: margin m(‖x‖)", "magface"),
        (kin.quality(), 1, "average, z = 0", "adaface"),
        (kin.pull_by_quality(), 0, "average, z = 0", "adaface"),
        (kin.curriculum(), 0, "t = 0.4", "curricularface"),
        (kin.spherefaces(), 1, "if it is not: g + m", "sphereface2"),
    ):
        (line,) = [line for line in figure.axes[panel].lines if line.get_label() == label]
        assert line.get_color() == style.loss(name), label


def test_hard_classes_are_raised_as_training_goes_on() -> None:
    figure = kin.curriculum(target=0.6, m=0.5)
    assert height(figure, "t = 0.8", 0.9) == pytest.approx(0.9 * (0.8 + 0.9), abs=1e-3)  # cos·(t + cos)
    for t in (0, 0.4, 0.8):
        assert height(figure, f"t = {t:g}", 0.1) == pytest.approx(0.1, abs=1e-3)  # easy ones stay


def test_quality_moves_the_margin() -> None:
    figure = kin.quality(0.4)
    length, margin = curve(figure, "MagFace: margin m(‖x‖)")
    assert (np.diff(margin) >= 0).all()
    assert margin[length <= 10] == pytest.approx(margin[0])  # flat up to the shortest length
    average = height(figure, "average, z = 0", 60, panel=1)
    assert average == pytest.approx(math.cos(math.radians(60)) - 0.4, abs=1e-3)  # CosFace's
    low = height(figure, "low quality, z = −1", 60, panel=1)
    assert low == pytest.approx(math.cos(math.radians(60) + 0.4), abs=1e-3)  # ArcFace's


def test_the_pull_on_an_average_image_is_cosface_s() -> None:
    figure = kin.pull_by_quality()
    assert height(figure, "average, z = 0", 85) == pytest.approx(math.sin(math.radians(85)), abs=1e-3)


def test_elastic_margins_lie_around_cosface_s() -> None:
    figure = kin.elastic(m=0.35, std=0.05, draws=40)
    mean = np.mean([line.get_ydata() for line in figure.axes[0].lines[:40]], axis=0)
    assert mean == pytest.approx(curve(figure, "CosFace, m = 0.35")[1], abs=0.03)


def test_spherefaces() -> None:
    figure = kin.spherefaces(1.5)
    assert height(figure, "v1: target cos(min(mθ, π))", 60) == pytest.approx(0, abs=1e-3)  # 1.5 · 60° = 90°
    assert height(figure, "v1: target cos(min(mθ, π))", 150) == pytest.approx(-1, abs=1e-3)
    assert height(figure, "v2: others cos(θ/m)", 90) == pytest.approx(0.5, abs=1e-3)  # 90° / 1.5 = 60°
    apart = [curve(figure, f"if it {what}", panel=1)[1] for what in ("is not: g + m", "is this person: g − m")]
    assert apart[0] - apart[1] == pytest.approx(0.8, abs=1e-5)  # 2m


def test_a_share_of_the_negatives_makes_a_smaller_loss() -> None:
    axes = kin.partial_losses(rates=(0.5, 0.1), C=100, batches=5).axes[0]
    (line,) = [line for line in axes.lines if line.get_label() == "all classes"]
    assert all(bar.get_x() < line.get_xdata()[0] for bar in axes.patches if bar.get_height())
    assert sum(bar.get_height() for bar in axes.patches) == 10
