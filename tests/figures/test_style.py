"""Colours that can be read on light pages and on dark ones."""

import re
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
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
    """No one grey has 4.5 : 1 on both pages; the root of the contrast between them is the most there is."""
    assert contrast(style.TEXT, page) > 4.19


@pytest.mark.parametrize("page", ["#ffffff", "#14181e"])
def test_identities_and_losses_stand_out_in_both_modes(page: str) -> None:
    for colour in (*palette.PEOPLE, style.WARN, style.GUIDE):
        assert contrast(colour, page) >= 3.0, colour


# Linear RGB as a reader without one kind of cones has it: Machado, Oliveira and Fernandes (2009), table 1, severity 1.
WITHOUT = {
    "long": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "middle": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "short": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def oklab(linear: np.ndarray) -> np.ndarray:
    """Ottosson's (2020) space, in which distances go by what eyes can tell apart."""
    lms = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.array(lab) @ np.cbrt(np.array(lms) @ linear.clip(0, 1))


@pytest.mark.parametrize(("cones", "least"), [(None, 0.13), ("long", 0.04), ("middle", 0.055), ("short", 0.07)])
def test_people_can_be_told_apart_without_some_cones(cones: str | None, least: float) -> None:
    """Of Okabe and Ito's hues with ours beside them the nearest two were 0.08, 0.02, 0.03 and 0.04 apart."""
    seen = WITHOUT[cones] if cones else np.eye(3)
    srgb = np.array([to_rgb(colour) for colour in palette.PEOPLE])  # (10, 3)
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    places = [oklab(np.array(seen) @ colour) for colour in linear]
    assert min(np.linalg.norm(one - other) for one, other in combinations(places, 2)) > least


@pytest.mark.parametrize("page", ["#ffffff", "#14181e"])
def test_scales_go_from_light_to_dark_and_stand_out_in_both_modes(page: str) -> None:
    looks = [style.scale(s) for s in (4, 8, 16, 32, 64)]
    shades = [luminance(look.colour) for look in looks]
    assert shades == sorted(shades, reverse=True)
    assert min(contrast(look.colour, page) for look in looks) >= 3.0
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
