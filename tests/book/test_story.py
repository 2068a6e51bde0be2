"""The two who look alike, from page to page: what the chapters say of B and H, asked of the chapters' own toys."""

import re
from pathlib import Path

import numpy as np
import pytest

from cosface_edu.experiments import lookalikes, toy

BOOK = Path(__file__).resolve().parents[2] / "book"
# Where the two are met, in the book's order.
PAGES = ("verification", "softmax", "a-softmax", "lmcl", "eight-identities", "how-large-m", "rehearsal", "arcface")


@pytest.mark.parametrize("page", PAGES)
def test_the_two_are_met_on(page: str) -> None:
    text = (BOOK / f"{page}.md").read_text()
    assert "lookalikes." in text
    assert re.search(r"\bB\*{0,2} and \*{0,2}H\b", text)


def test_the_cover_marks_the_same_two() -> None:
    cover = (Path(__file__).parents[1] / "lab" / "cover.test.mjs").read_text()
    assert f"lookAlikes(train), [{lookalikes.PAIR[0]}, {lookalikes.PAIR[1]}]" in cover


@pytest.mark.book  # the toys are there once the pages are built; anew, each takes half a minute
def test_what_the_losses_do_to_the_two() -> None:
    def pair(**settings) -> lookalikes.Pair:
        return lookalikes.measure(toy.cached(toy.ToyConfig(**settings)))

    softmax = toy.cached(toy.ToyConfig(loss="softmax"))
    assert lookalikes.measure(softmax).gap <= np.degrees(softmax.cloud_gaps()).min() + 0.1
    nsl, angles = pair(m=0.0), pair(loss="asoftmax")
    below, bound, past = (pair(m=m) for m in (0.2, 0.29, 0.35))
    assert angles.apart < 41 < 44 < nsl.apart
    assert angles.asked < 12 < 29 < below.asked
    assert below.gap > nsl.gap + 5
    assert below.overlap < nsl.overlap / 2
    assert bound.asked == pytest.approx(bound.apart, abs=0.5)
    assert np.isnan(past.asked)
    assert past.apart < bound.apart - 2
    assert past.gap < below.gap - 5
    arcface = pair(loss="arcface", m=0.5)
    assert abs(arcface.gap - below.gap) < 5
