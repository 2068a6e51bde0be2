"""The framework picture: whole, described, and each box leads to a page that there is."""

import re
from pathlib import Path
from xml.etree import ElementTree

from cosface_edu.figures import framework

BOOK = Path(__file__).parents[2] / "book"


def test_every_box_leads_to_a_chapter() -> None:
    pages = re.findall(r'href="([\w-]+)\.html"', framework.svg())
    assert len(pages) == len(framework.TRAINING + framework.TESTING + framework.SHARED)
    assert all((BOOK / f"{page}.md").exists() for page in pages)


def test_it_is_one_sound_element_with_a_description_and_needs_nothing_from_outside() -> None:
    picture = framework.svg()
    assert len(ElementTree.fromstring(picture).attrib["aria-label"]) > 100
    assert "http" not in picture


def test_boxes_lie_inside_the_picture_and_do_not_overlap() -> None:
    root = ElementTree.fromstring(framework.svg())
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    boxes = [[float(box.attrib[key]) for key in ("x", "y", "width", "height")] for box in root.iter("rect")]
    for x, y, w, h in boxes:
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
    for i, (x, y, w, h) in enumerate(boxes):
        for a, b, c, d in boxes[:i]:
            assert x >= a + c or a >= x + w or y >= b + d or b >= y + h


def test_words_fit_their_boxes() -> None:
    """A letter of 13 pixels is about 7 wide."""
    for step in framework.TRAINING + framework.TESTING:
        assert 7 * len(step.words) < framework.NARROW, step.words
    for step in framework.SHARED:
        assert 7 * len(step.words) < framework.BROAD, step.words
