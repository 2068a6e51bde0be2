"""Colours that can be read on light pages and on dark ones."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_rgb

from cosface_edu import losses, palette
from cosface_edu.figures import style


def luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", ["#ffffff", "#14181e"])
def test_text_is_readable_in_both_modes(page: str) -> None:
    assert contrast(style.TEXT, page) > 3.9


@pytest.mark.parametrize("page", ["#ffffff", "#14181e"])
def test_identities_and_losses_stand_out_in_both_modes(page: str) -> None:
    for colour in (*palette.PEOPLE, style.WARN, style.GUIDE):
        assert contrast(colour, page) > 2.0, colour


@pytest.mark.parametrize("page", ["#ffffff", "#14181e"])
def test_scales_go_from_light_to_dark_and_stand_out_in_both_modes(page: str) -> None:
    looks = [style.scale(s) for s in (4, 8, 16, 32, 64)]
    shades = [luminance(look.colour) for look in looks]
    assert shades == sorted(shades, reverse=True)
    assert min(contrast(look.colour, page) for look in looks) > 2.5
    assert len({look.marker for look in looks}) == len({look.line for look in looks}) == 5


def test_a_scale_that_no_tone_was_made_for_looks_like_its_nearest() -> None:
    assert style.scale(30) == style.scale(32)
    assert style.scale(10) == style.scale(8) != style.scale(16)
    assert style.scale(1) == style.scale(4)


@pytest.mark.parametrize("values", [(16, 12), (24, 30, 32), (2, 4), (8, 10), (4, 8, 12, 16, 24, 32, 48, 64)])
def test_scales_of_one_figure_differ_in_shape(values: tuple[float, ...]) -> None:
    looks = style.scales(values)
    assert list(looks) == sorted(values)
    for shape in ("marker", "line"):
        assert len({getattr(look, shape) for look in looks.values()}) == len(looks)
    for s, look in looks.items():
        assert look.colour == style.scale(s).colour
        if s in (4, 8, 16, 32, 64):
            assert look == style.scale(s)


def test_scales_of_a_figure_look_as_everywhere_where_no_tone_repeats() -> None:
    assert style.scales((30, 10)) == {s: style.scale(s) for s in (10, 30)}
    assert len(style.scales(range(1, 20))) == 19  # more than there are shapes


def test_nobody_of_the_eight_is_grey_like_a_helping_line() -> None:
    for colour in style.IDENTITIES:
        assert max(to_rgb(colour)) - min(to_rgb(colour)) > 0.2, colour


def test_one_palette() -> None:
    """No other file of the package names a colour of its own; loss cards take theirs from the palette."""
    assert {style.loss(name) for name in losses.available()} <= set(palette.PEOPLE)
    package = Path(palette.__file__).parent
    hues = {colour.lower() for colour in palette.PEOPLE}
    for path in package.rglob("*.py"):
        if path.name == "palette.py":
            continue
        typed = {colour.lower() for colour in re.findall(r'"(#[0-9A-Fa-f]{6})"', path.read_text(encoding="utf-8"))}
        assert not typed & hues, f"{path.name} types a colour of cosface_edu.palette"


def test_identities_differ_in_shape_too() -> None:
    assert len(set(style.MARKERS)) == len(set(style.PLOTLY_MARKERS)) == len(set(style.IDENTITIES)) == 8


def test_a_figure_is_left_to_the_cell_that_returns_it() -> None:
    """Pyplot has none left over, which it would show a second time."""
    figure, axes = style.subplots(1, 2)
    assert figure.axes == list(axes)
    assert not plt.get_fignums()


@pytest.mark.parametrize("folder", ["cosface_edu", "book"])
def test_all_figures_are_made_so(folder: str) -> None:
    own = Path(style.__file__)
    files = [path for path in (own.parents[2] / folder).rglob("*.*") if path.suffix in (".py", ".md") and path != own]
    assert files
    assert [path.name for path in files if "plt.subplots(" in path.read_text(encoding="utf-8")] == []
