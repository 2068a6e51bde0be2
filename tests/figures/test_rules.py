"""Figures of the rules: what is drawn is what the rules say."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from cosface_edu.figures import rules, style
from cosface_edu.losses.margins import AdditiveAngle, AdditiveCosine, MultiplicativeAngle, NoMargin

FAMILY = {"NSL": NoMargin(), "LMCL": AdditiveCosine(0.35), "ArcFace": AdditiveAngle(0.5)}


def curves(fig: Figure) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {line.get_label(): line.get_data() for line in fig.axes[0].get_lines()}


def test_target_logits_are_the_closed_forms() -> None:
    drawn = curves(rules.target_logits(FAMILY, dotted={"A": MultiplicativeAngle(2)}))
    degrees, cosface = drawn["LMCL"]
    np.testing.assert_allclose(cosface, np.cos(np.radians(degrees)) - 0.35, atol=1e-12)
    degrees, arcface = drawn["ArcFace"]
    before = np.radians(degrees) < np.pi - 0.5
    np.testing.assert_allclose(arcface[before], np.cos(np.radians(degrees[before]) + 0.5), atol=1e-9)
    assert "A" in drawn


@pytest.mark.parametrize("draw", [rules.target_logits, rules.gap_curves])
def test_a_loss_keeps_its_colour_whatever_its_place(draw) -> None:
    for family in (FAMILY, dict(reversed(FAMILY.items()))):
        colours = {line.get_label(): line.get_color() for line in draw(family).axes[0].get_lines()}
        assert colours == {name: style.loss(name.replace("LMCL", "CosFace").lower()) for name in FAMILY}


def test_line_styles_tell_margins_apart() -> None:
    lines = rules.target_logits({f"m = {m}": MultiplicativeAngle(m) for m in (2, 3, 4)}).axes[0].get_lines()
    assert {line.get_color() for line in lines} == {style.loss("asoftmax")}
    assert len({line.get_linestyle() for line in lines}) == 3


def test_classes_are_named_in_the_colour_of_text() -> None:
    figures = (rules.cosine_plane(NoMargin()), rules.softmax_plane(), rules.fig3_wedges())
    names = [text for fig in figures for axes in fig.axes for text in axes.texts]
    assert len(names) == 2 + 2 + 2 * 5 + 2 * 5  # on the circles, arrows count as texts too
    assert {text.get_color() for text in names if text.get_text()} == {style.TEXT}


def test_gap_curves_are_the_closed_forms_and_end_where_the_margin_cannot_be_met() -> None:
    drawn = curves(rules.gap_curves(FAMILY))
    degrees, gap = drawn["LMCL"]
    phi = np.radians(degrees)
    met = 1 - np.cos(phi) > 0.35 + 1e-9
    expected = 2 * np.degrees(np.arcsin(0.35 / (2 * np.sin(phi[met] / 2))))
    np.testing.assert_allclose(gap[met], expected, atol=1e-6)
    assert np.isnan(gap[~met]).all()


def test_cosine_plane_of_lmcl_is_two_parallel_lines() -> None:
    fig = rules.cosine_plane(AdditiveCosine(0.35), title="LMCL")
    _, first, second = (line.get_data() for line in fig.axes[0].get_lines())
    for (x, y), sign in ((first, 1), (second, -1)):
        drawn = ~np.isnan(x) & ~np.isnan(y)
        assert drawn.sum() > 200
        np.testing.assert_allclose((x - y)[drawn], sign * 0.35, atol=1e-9)


def test_wedges_between_two_centres_leave_the_gap_of_the_rule() -> None:
    phi, rule = np.radians(90), AdditiveCosine(0.35)
    angles = np.linspace(0, np.pi, 18001)
    first = rules._accepted(rule, angles, own=np.pi / 2 + phi / 2, other=np.pi / 2 - phi / 2)
    second = rules._accepted(rule, angles, own=np.pi / 2 - phi / 2, other=np.pi / 2 + phi / 2)
    between = angles[first].min() - angles[second].max()
    assert np.degrees(between) == pytest.approx(np.degrees(2 * np.arcsin(0.35 / (2 * np.sin(phi / 2)))), abs=0.05)


def test_fig3_says_gap_overlap_and_where_nothing_between_is_accepted() -> None:
    wide = [ax.get_title() for ax in rules.fig3_wedges(np.radians(90)).axes]
    assert wide[1].endswith("gap 0°")
    assert wide[2].endswith("gap 30°")  # A-Softmax, m = 2: a third of 90°
    assert "overlap" in wide[0]
    close = [ax.get_title() for ax in rules.fig3_wedges(np.radians(45), cosface_m=0.35).axes]
    assert close[3].endswith("nowhere between")


@pytest.mark.parametrize("draw", [rules.fig2_planes, rules.fig3_wedges, rules.softmax_plane])
def test_pictures_are_not_blank_and_have_no_background(draw, tmp_path) -> None:
    fig = draw()
    fig.savefig(tmp_path / "figure.png")
    pixels = plt.imread(tmp_path / "figure.png")
    assert pixels[..., 3].min() == 0  # transparent: the page's own colour shows, light or dark
    assert pixels[..., 3].std() > 0.05
