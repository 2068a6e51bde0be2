"""Figures of toys: wedges, histograms and words follow the run's own numbers."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from cosface_edu import figures, palette
from cosface_edu.figures import embeddings, style
from cosface_edu.losses import NoMargin


def test_wedges_leave_the_margin_of_the_rule(made_up) -> None:
    for run, half in ((made_up(m=0.0), 22.5), (made_up(loss="arcface", m=0.5), 22.5 - np.degrees(0.25))):
        for label, start, end in embeddings.wedges(run):
            assert np.degrees(start) == pytest.approx(wrapped(45 * label) - half, abs=1e-3)
            assert np.degrees(end) == pytest.approx(wrapped(45 * label) + half, abs=1e-3)


def wrapped(degrees: float) -> float:
    return (degrees + 180) % 360 - 180 if degrees != 180 else 180


def test_wedges_vanish_beyond_the_bound(made_up) -> None:
    assert all(np.isnan(start) and np.isnan(end) for _, start, end in embeddings.wedges(made_up(m=0.35)))


def test_a_class_may_meet_its_margin_beside_its_own_centre(made_up) -> None:
    """A at 0°, B 20° away: A's wedge lies off its centre, around 37.5° on the side away from B, and is drawn."""
    run = made_up(m=0.2)
    middle = np.radians([0, 20, 90, 125, 160, 195, 230, 265])
    run.centres[:] = np.stack([np.cos(middle), np.sin(middle)], axis=1)
    (start, end) = next((start, end) for label, start, end in embeddings.wedges(run) if label == 0)
    for edge in (start, end):
        assert np.cos(edge) - 0.2 == pytest.approx(np.cos(edge - middle[1:]).max(), abs=1e-6)
    assert start < np.radians(-37.5) < end < 0
    (axes,) = figures.angular_row([run]).axes
    drawn = next(patch for patch in axes.patches if patch.get_facecolor() == (*to_rgb(embeddings.colour(0)), 0.25))
    assert np.arctan2(*drawn.get_xy()[1][::-1]) == pytest.approx(start)


def test_wedges_follow_the_margin_in_force(made_up) -> None:
    widths = [end - start for epoch in range(4) for _, start, end in embeddings.wedges(made_up(m=0.2), epoch)[:1]]
    assert widths[0] == pytest.approx(np.radians(45), abs=1e-4)  # no margin yet
    assert widths[0] > widths[1] > widths[2] == widths[3]


@pytest.mark.parametrize("loss", ["softmax", "softmax_center", "softmax_contrastive", "lsoftmax"])
def test_the_longer_centre_has_more_where_centres_keep_their_lengths(loss: str, made_up) -> None:
    run = made_up(loss=loss)
    run.centres[:, 0] *= 1.2
    width = {label: end - start for label, start, end in embeddings.wedges(run, rule=NoMargin())}
    assert width[0] > np.radians(45) + 0.05
    assert width[1] < np.radians(45) - 0.02


@pytest.mark.parametrize("loss", ["nsl", "asoftmax"])
def test_a_longer_centre_has_no_more_where_a_loss_normalises_it(loss: str, made_up) -> None:
    run = made_up(loss=loss)
    run.centres[:, 0] *= 1.2
    width = {label: end - start for label, start, end in embeddings.wedges(run, rule=NoMargin())}
    assert list(width.values()) == pytest.approx([np.radians(45)] * 8, abs=1e-4)


def test_density_counts_every_sample(made_up) -> None:
    run = made_up()
    _, bars = embeddings.density(run, bins=36)
    assert bars.shape == (8, 36)
    assert bars.max() == 1
    np.testing.assert_allclose(bars.sum(axis=1), bars.sum(axis=1)[0])  # all classes have the same number of samples


def test_drawn_samples_are_few_and_of_the_class(made_up) -> None:
    run = made_up()
    picked = embeddings.drawn(run.labels, 3, 20)
    assert len(set(picked)) == 20
    assert (run.labels[picked] == 3).all()


def test_grid_has_a_column_for_each_run(made_up) -> None:
    fig = figures.fig4_grid([made_up(loss="softmax"), made_up(m=0.2)])
    assert [ax.get_title() for ax in fig.axes[:2]] == ["Softmax", "LMCL\nm = 0.2"]
    assert len(fig.axes) == 4


def test_rays_have_letters_and_the_two_who_are_followed_bold_ones(made_up) -> None:
    for axes in figures.euclidean_and_angular(made_up()).axes:
        letters = {text.get_text(): text.get_fontweight() for text in axes.texts}
        assert "".join(letters) == "ABCDEFGH"
        assert [name for name, weight in letters.items() if weight == "bold"] == ["B", "H"]


def test_a_column_of_the_grid_says_its_mean_gap_and_a_row_what_it_shows(made_up) -> None:
    wide, narrow = made_up(m=0.2), made_up(spacing=20.0)
    *upper, first, second = figures.fig4_grid([wide, narrow]).axes
    for axes, run in ((first, wide), (second, narrow)):
        gap = f"{np.degrees(run.cloud_gaps().mean()):.0f}".replace("-", "−")
        assert f"mean gap {gap}°" in [text.get_text() for text in axes.texts]
    said = [[text.get_text() for text in axes.texts if len(text.get_text()) > 1] for axes in (*upper, first)]
    assert [said[0], said[1], said[2][-1]] == [["features"], [], "directions"]


def test_impostors_and_losses_keep_their_colours(made_up) -> None:
    (axes,) = figures.score_histograms(made_up()).axes
    shades = {handle.get_label(): handle.patches[0].get_facecolor()[:3] for handle in axes.containers}
    assert list(shades.values()) == [to_rgb(palette.GENUINE), to_rgb(palette.IMPOSTOR)]
    (axes,) = figures.angle_distribution([made_up(loss="arcface", m=0.5), made_up()]).axes
    assert [patch.get_edgecolor()[:3] for patch in axes.patches] == [
        to_rgb(style.loss(name)) for name in ("arcface", "cosface")
    ]


@pytest.mark.parametrize(
    "draw",
    [
        lambda run: figures.euclidean_and_angular(run),
        lambda run: figures.euclidean_and_angular(run, epoch=0),
        lambda run: figures.angular_row([run, run], titles=["a", "b"]),
        lambda run: figures.score_histograms(run),
        lambda run: figures.angle_distribution([run]),
    ],
)
def test_pictures_are_not_blank(draw, made_up, tmp_path) -> None:
    import matplotlib.pyplot as plt

    draw(made_up(m=0.35)).savefig(tmp_path / "figure.png", dpi=50)
    assert plt.imread(tmp_path / "figure.png")[..., 3].std() > 0.05


def test_contact_sheet_has_a_row_for_each_identity() -> None:
    import torch

    fig = figures.contact_sheet(torch.rand(12, 3, 8, 6), torch.arange(3).repeat(4), per_identity=4)
    assert [ax.get_ylabel() for ax in fig.axes] == ["A", "B", "C"]
    assert fig.axes[0].get_images()[0].get_array().shape == (8, 24, 3)


def test_description_is_computed_from_the_run(made_up) -> None:
    words = figures.describe(made_up(m=0.2, epochs=9))
    assert "LMCL, m = 0.2" in words
    assert "45 to 45 degrees" in words
    assert "8 of 8" in words
    assert "99.0%" in words
