"""Figures that answer: what they hand to the page."""

import base64
import html
import io
import json
import re

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from PIL import Image

from cosface_edu import align, geometry
from cosface_edu.evaluation import verify
from cosface_edu.experiments import nearby
from cosface_edu.figures import lab, live
from cosface_edu.figures.lab import bundle

SCORES, SAME = np.array([0.0, 0.1, 0.2, 0.9, 1.0]), np.array([False, False, True, True, True])


def test_files_that_are_named_are_written(tmp_path) -> None:
    written = {path.name for path in lab.write_assets(tmp_path)}
    face = live.landmarks(torch.rand(3, 40, 40), torch.rand(5, 2))
    still = (live.arc(), live.forces(), live.collapse(), live.sphere(), live.advice())
    for piece in (*still, face, live.threshold(SCORES, SAME)):
        assert set(re.findall(r'(?:src|href)="\.\./_static/([^"]+)"', piece)) <= written
        assert re.search(r'<img [^>]*alt="[^"]{40,}"', piece)
        assert "http" not in piece


def test_threshold_holds_the_counts_of_all_pairs() -> None:
    data = json.loads(html.unescape(re.search(r'data-values="([^"]+)"', live.threshold(SCORES, SAME)).group(1)))
    assert (data["low"], data["high"]) == (0, 1)
    assert (sum(data["genuine"]), sum(data["impostor"])) == (3, 2)
    assert len(data["genuine"]) == live.BINS
    assert data["genuine"][40] == 1  # 0.2 opens its bin: at a threshold of 0.2 the pair is let in


@pytest.mark.parametrize(("scores", "same", "word"), [(SCORES, SAME | True, "one kind"), (SCORES * 0, SAME, "differ")])
def test_scores_that_cannot_be_told_apart_are_refused(scores, same, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        live.threshold(scores, same)


def test_folds_hold_every_pair_once_and_peeking_never_loses() -> None:
    rng = np.random.default_rng(0)
    same = np.arange(200) % 2 == 0
    scores = np.round(rng.normal(np.where(same, 0.5, 0.2), 0.2), 1)  # with many equal scores
    result = verify(scores, same, folds=5)
    data = json.loads(html.unescape(re.search(r'data-values="([^"]+)"', live.folds(result)).group(1)))
    assert np.sum(data["genuine"]) == np.sum(data["impostor"]) == 100
    assert data["accuracies"] == result.accuracies.tolist()
    for k, peeked in enumerate(data["peeked"]):
        part = result.folds == k
        tried = [((scores >= cut) == same)[part].mean() for cut in [*np.unique(scores), np.inf]]
        assert peeked == pytest.approx(max(tried))
        assert peeked >= data["accuracies"][k]


def test_advice_can_be_read_without_script_and_hands_over_the_records() -> None:
    found = nearby.comparisons()
    piece = live.advice(found)
    data = json.loads(html.unescape(re.search(r'data-values="([^"]+)"', piece).group(1)))
    assert [one["record"] for one in data] == [one.record for one in found]
    text = BeautifulSoup(piece, "html.parser").get_text(" ")
    for what, much, _ in geometry.advise(people=10_000, features=128, pictures=3).rows():
        assert what in text
        assert much in text
    assert all(one.said in text for one in found)


def test_a_face_is_handed_over_small_with_its_points() -> None:
    image, points = torch.rand(3, 40, 40), torch.rand(5, 2) * 40
    data = json.loads(html.unescape(re.search(r'data-values="([^"]+)"', live.landmarks(image, points)).group(1)))
    assert np.allclose(data["points"], points, atol=1e-3)
    assert np.allclose(data["template"], align.TEMPLATE_112x96, atol=1e-4)
    picture = Image.open(io.BytesIO(base64.b64decode(data["picture"].partition(",")[2])))
    assert picture.size == (data["size"], data["size"]) == (40, 40)
    with pytest.raises(ValueError, match="square"):
        live.landmarks(torch.rand(3, 40, 30), points)


def test_colours_are_the_palettes_but_for_black_and_white() -> None:
    for name in bundle.LIVE:
        if name == "palette.js":
            continue
        named = set(re.findall(r"#[0-9a-f]{3,8}\b", (bundle.FOLDER / name).read_text()))
        assert named <= {"#fff", "#000", "#111"}, name
