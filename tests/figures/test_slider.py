"""The margin slider: its frames hold trained toys, its piece of HTML stands alone and stays small."""

import json
import re

import numpy as np
import pytest
from bs4 import BeautifulSoup

from cosface_edu import figures
from cosface_edu.figures import frontend, slider

MARGINS = (0.0, 0.2, 0.35)


@pytest.fixture
def runs(made_up):
    return [made_up(m=m, seed=i) for i, m in enumerate(MARGINS)]


def test_a_frame_for_each_margin_and_epoch(runs) -> None:
    fig = figures.margin_slider(runs)
    assert [frame.name for frame in fig.frames] == [f"{i}|{k}" for i in range(3) for k in range(4)]
    assert list(fig.layout.meta["margins"]) == ["0", "0.2", "0.35"]
    assert list(fig.layout.meta["epochs"]) == [0, 1, 2, 3]
    assert fig.layout.meta["start"] == 1  # at m = 0.2
    for frame in fig.frames:
        assert len(frame.data) == len(frame.traces) == len(fig.data) - 1  # all but the circle


def test_controls_are_the_browser_s_own_and_hidden_until_the_script_runs(runs) -> None:
    assert not figures.margin_slider(runs).layout.sliders  # plotly's own cannot be reached by keys
    piece = BeautifulSoup(figures.margin_slider_html(runs), "html.parser")
    bar = piece.select_one("figure > .ml-bar[hidden]")
    at = [[one[name] for name in ("min", "max", "value")] for one in bar.select("label > span > input[type=range]")]
    assert at == [["0", "2", "1"], ["0", "3", "3"]]
    labels = [one.find_parent("label").get_text(" ", strip=True) for one in bar.select("input")]
    assert labels == ["margin m", "after epoch"]
    assert not bar.select("output")  # which would take the label, and be read out at each epoch
    assert bar.select_one("button[type=button]")


def test_without_script_a_picture_and_its_sentence_stand_there(runs) -> None:
    piece = BeautifulSoup(figures.margin_slider_html(runs), "html.parser")
    picture = piece.select_one("noscript img[alt]")
    assert picture["src"] == "../_static/live-slider.webp"
    assert (slider.bundle.FOLDER / "live-slider.webp").stat().st_size < 20_000
    assert piece.figcaption.text.startswith("m = 0.2, after epoch 3: ")
    assert "px" not in piece.select_one("div:has(> .plotly-graph-div)")["style"], "room is kept for what never comes"


def test_frames_hold_the_features_of_their_run(runs) -> None:
    fig = figures.margin_slider(runs)
    frame = next(frame for frame in fig.frames if frame.name == "2|1")
    samples = frame.data[8]  # after the eight regions: identity 0
    shown = np.stack([samples.x, samples.y], axis=1) / slider._UNIT
    real = runs[2].features[1][figures.embeddings.drawn(runs[2].labels, 0, slider._SAMPLES)]
    scale = np.linalg.norm(real) / np.linalg.norm(shown)
    np.testing.assert_allclose(shown * scale, real, atol=0.01)


def test_margin_beyond_the_bound_has_no_wedges(runs) -> None:
    fig = figures.margin_slider(runs)
    at = {frame.name: frame.data[17] for frame in fig.frames}  # identity 0's wedge
    assert np.abs(at["1|3"].x).max() > 900
    assert np.abs(at["2|3"].x).max() == 0


def test_html_needs_no_network_and_says_what_it_shows(runs) -> None:
    html = figures.margin_slider_html(runs)
    assert re.findall(r'<script[^>]*src="([^"]+)"', html) == ["../_static/plotly.min.js"]
    assert "aria-live" in html
    name, parts = re.search(r'marginSlider\(("[^"]+"), (\{.*\})\);', html).groups()
    assert f"id={name}" in html
    texts = json.loads(parts)["texts"]
    assert len(texts) == 3
    assert texts[1][3].startswith("m = 0.2, after epoch 3: 99.0%")
    assert "export" not in html


def test_path_of_plotly_can_be_said(runs) -> None:
    html = figures.to_page_html(figures.margin_slider(runs), include_plotlyjs="../../_static/plotly.min.js")
    assert 'src="../../_static/plotly.min.js"' in html


def test_live_notebook_gets_plotly_inside(runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(frontend.BUILD)
    assert len(figures.margin_slider_html(runs[:1])) > 3_000_000


def test_full_grid_stays_below_one_and_a_half_megabytes(made_up) -> None:
    grid = [made_up(m=m, epochs=14) for m in np.linspace(0, 0.5, 9)]
    assert len(figures.margin_slider_html(grid).encode()) < 1_500_000


def test_outline_of_a_class_across_the_back_does_not_run_around_the_circle() -> None:
    edges = np.linspace(-np.pi, np.pi, 37)
    bars = np.zeros(36)
    bars[[0, 1, 35]] = 1  # a cloud at ±180°
    path = slider._outline(edges, bars)
    assert path["x"].max() < 0
