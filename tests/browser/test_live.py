"""The figures that answer, in a page opened from disk: slider, keys, words, both modes, and only in sight."""

from pathlib import Path

import numpy as np
import pytest

from cosface_edu import geometry
from cosface_edu.evaluation import verify
from cosface_edu.experiments import nearby
from cosface_edu.figures import lab, live
from cosface_edu.publishing import make_picture

pytestmark = pytest.mark.browser

NAMES = ("arc", "forces", "threshold", "folds", "collapse", "landmarks", "sphere", "advice")


@pytest.fixture
def opened(built_page, open_page, tmp_path: Path):
    """`opened(**options)` -> a page with the figures, one below the other, drawn."""

    def open_(**options: object):
        lab.write_assets(tmp_path / "_static")
        rng = np.random.default_rng(0)
        scores = np.concatenate([rng.normal(0.55, 0.13, 500), rng.normal(0.1, 0.12, 500)])
        order = rng.permutation(1000)
        scores, same = scores[order], np.arange(1000)[order] < 500
        pieces = live.arc() + live.forces() + live.threshold(scores, same) + live.folds(verify(scores, same))
        pieces += live.collapse() + live.landmarks(*make_picture.turned_face()) + live.sphere()
        pieces += live.advice(nearby.comparisons())
        head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        file = tmp_path / "book" / "live.html"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f'<!doctype html><html lang="en"><head>{head}</head><body>{pieces}</body></html>')
        page = open_page(**options).page
        page.goto(file.as_uri())
        return page

    return open_


def _picture(figure) -> str:
    return figure.locator("canvas").evaluate("canvas => canvas.toDataURL()")


def _moved(figure, said: str):
    """Waits until the sentence below the figure has changed, and returns it."""
    words = figure.locator("figcaption")
    figure.page.wait_for_function("([node, text]) => node.innerText !== text", arg=[words.element_handle(), said])
    return words.inner_text()


CONTROLS = [
    ("arc", "phi", "45°", "46°"),
    ("forces", "s", "s = 30", "s = 31"),
    ("forces", "m", "m = 0.20", "m = 0.21"),
    ("threshold", "i", "FAR", "FAR"),
    ("folds", "k", "on fold 1", "on fold 2"),
    ("collapse", "m", "m = 0.35", "m = 0.36"),
    ("sphere", "m", "m = 0.35", "m = 0.36"),
    ("sphere", "classes", "8 classes", "9 classes"),
    ("sphere", "turn", "", None),
    ("sphere", "tilt", "", None),
    ("advice", "people", "10,000 people", "10,001 people"),
    ("advice", "features", "", None),
    ("advice", "pictures", "", None),
    *[("landmarks", grip, "Turned by 0.2°", "Turned by") for grip in range(5)],
]


def test_every_control_of_every_figure_is_in_the_list(opened) -> None:
    page = opened()
    found = page.locator(".ml-live input, .ml-live .ml-grip").evaluate_all(
        """nodes => nodes.map(node => [node.closest('[data-margin-live]').dataset.marginLive,
            node.dataset.in ?? Number(node.dataset.grip)])"""
    )
    assert sorted(map(str, found)) == sorted(str([name, control]) for name, control, *_ in CONTROLS)


@pytest.mark.parametrize(("name", "control", "before", "after"), CONTROLS)
def test_a_key_moves_the_picture_and_the_words(opened, name: str, control, before: str, after: str | None) -> None:
    page = opened(reduced_motion="reduce")
    place = page.locator(f'[data-margin-live="{name}"]')
    figure = place.locator(".ml-live")
    figure.scroll_into_view_if_needed()
    page.wait_for_function("node => node.drawn > 0 && !node.unfinished", arg=figure.element_handle())
    page.wait_for_timeout(100)
    picture, said = _picture(figure), figure.locator("figcaption").inner_text()
    assert before in said
    before_it = figure.locator(".ml-tables").inner_text() if name == "advice" else picture
    figure.locator(f'[data-in="{control}"], [data-grip="{control}"]').focus()
    page.keyboard.press("ArrowUp")
    # The calculator's picture is the same for many settings: its tables answer.
    seen = (
        "node.querySelector('.ml-tables').innerText" if name == "advice" else "node.querySelector('canvas').toDataURL()"
    )
    page.wait_for_function(f"([node, before]) => {seen} !== before", arg=[figure.element_handle(), before_it])
    if after is not None:
        assert after in _moved(figure, said)
    said = figure.locator("figcaption").inner_text()
    assert figure.locator("[aria-live]").text_content() == said
    assert said in figure.locator("canvas").get_attribute("aria-label")


def test_every_slider_has_a_name_and_says_what_the_screen_says(opened, sliders) -> None:
    page = opened(reduced_motion="reduce")
    page.wait_for_function("[...document.querySelectorAll('.ml-live')].every(node => node.drawn)")
    found = sliders(page)
    assert ("angle between the centres", "45°") in found
    shown = page.locator(".ml-out").all_inner_texts()
    assert [spoken for _, spoken in found] == shown
    assert all(name and spoken not in name for name, spoken in found)
    threshold = page.locator('[data-margin-live="threshold"] input')
    assert threshold.input_value() == "100"
    assert 0 < float(threshold.get_attribute("aria-valuetext")) < 1


def test_points_are_dragged_mixed_up_and_put_back(opened) -> None:
    page = opened()
    figure = page.locator('[data-margin-live="landmarks"] .ml-live')
    figure.scroll_into_view_if_needed()
    page.wait_for_function("node => node.drawn > 1", arg=figure.element_handle())  # the face is there
    began = figure.locator("figcaption").inner_text()
    grip = figure.locator(".ml-grip").nth(2)
    box = grip.bounding_box()
    page.mouse.move(box["x"] + 12, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(box["x"] + 52, box["y"] - 8, steps=3)
    page.mouse.up()
    said = _moved(figure, began)
    assert "tip of the nose" in said
    assert grip.bounding_box()["x"] == pytest.approx(box["x"] + 40, abs=1)
    assert grip.bounding_box()["y"] == pytest.approx(box["y"] - 20, abs=1)
    figure.get_by_role("button", name="Put back").click()
    assert _moved(figure, said) == began
    figure.get_by_role("button", name="Mix up left and right").click()
    assert "scaled by 0.194" in _moved(figure, began)


def test_the_sphere_turns_with_the_pointer(opened) -> None:
    page = opened()
    figure = page.locator('[data-margin-live="sphere"] .ml-live')
    figure.scroll_into_view_if_needed()
    before, box = _picture(figure), figure.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 230, steps=3)
    page.mouse.up()
    page.wait_for_function(
        "([node, before]) => node.querySelector('canvas').toDataURL() !== before", arg=[figure.element_handle(), before]
    )
    assert float(figure.locator('[data-in="turn"]').input_value()) < 30
    assert float(figure.locator('[data-in="tilt"]').input_value()) > 20


def test_nothing_moves_by_itself(opened) -> None:
    page = opened(height=8000)
    page.wait_for_function("[...document.querySelectorAll('.ml-live')].every(node => node.drawn && !node.unfinished)")
    page.wait_for_timeout(300)
    drawn = page.locator(".ml-live").evaluate_all("nodes => nodes.map(node => node.drawn)")
    assert len(drawn) == len(NAMES)
    page.wait_for_timeout(300)
    assert page.locator(".ml-live").evaluate_all("nodes => nodes.map(node => node.drawn)") == drawn


def test_past_the_bound_it_says_so(opened) -> None:
    page = opened()
    page.locator('.ml-live [data-in="phi"]').fill("10")
    page.wait_for_function(
        "document.querySelector('.ml-live figcaption').innerText.includes('CosFace, m = 0.2: no room')"
    )


@pytest.mark.parametrize("name", NAMES)
def test_only_what_is_in_sight_is_drawn(opened, name: str) -> None:
    page = opened(height=400)
    figure = page.locator(f'[data-margin-live="{name}"] .ml-live')
    figure.scroll_into_view_if_needed()
    page.wait_for_function("node => node.drawn > 1 && !node.unfinished", arg=figure.element_handle())
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"height: 6000px\">')")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(300)
    drawn = figure.evaluate("node => node.drawn")
    change = "node => node.dispatchEvent(new Event('input', {bubbles: true}))"
    figure.locator("input, .ml-grip").first.evaluate(change)
    page.wait_for_timeout(200)
    assert figure.evaluate("node => node.drawn") == drawn
    figure.scroll_into_view_if_needed()
    page.wait_for_function("([node, drawn]) => node.drawn > drawn", arg=[figure.element_handle(), drawn])


# Notes of every text of a canvas the box that it fills, in pixels of the page.
TEXTS = """window.texts = []; const drawn = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (words, x, y, ...rest) {
  const { canvas } = this, box = this.measureText(words), ratio = canvas.width / canvas.clientWidth;
  const corner = (dx, dy) => this.getTransform().transformPoint({ x: x + dx, y: y + dy });
  const a = corner(-box.actualBoundingBoxLeft, -box.actualBoundingBoxAscent);
  const b = corner(box.actualBoundingBoxRight, box.actualBoundingBoxDescent);
  texts.push({
    words, name: canvas.closest("[data-margin-live]").dataset.marginLive, W: canvas.clientWidth, H: canvas.clientHeight,
    left: a.x / ratio, top: a.y / ratio, right: b.x / ratio, bottom: b.y / ratio,
  });
  return drawn.call(this, words, x, y, ...rest);
};"""


@pytest.mark.parametrize("letters", ["100%", "200%"])
def test_no_words_of_a_picture_are_cut_on_a_narrow_phone(opened, letters: str) -> None:
    page = opened(width=320, height=9000)
    page.add_init_script(TEXTS)
    page.reload()
    page.add_style_tag(content=f"html {{ font-size: {letters} }} body {{ margin: 0 24px }}")  # as the book's column
    page.wait_for_function("[...document.querySelectorAll('.ml-live')].every(node => node.drawn && !node.unfinished)")
    page.wait_for_timeout(300)
    assert page.locator('[data-margin-live="folds"] canvas').bounding_box()["width"] == pytest.approx(258, abs=15)
    page.evaluate("texts.length = 0; document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(
        "['arc', 'threshold', 'folds', 'collapse', 'advice'].every(one => texts.some(({ name }) => name === one))"
    )
    texts = page.evaluate("texts")
    assert [t for t in texts if t["left"] < -0.5 or t["right"] > t["W"] + 0.5 or t["bottom"] > t["H"] + 0.5] == []


def test_the_first_try_hides_no_number_of_the_axis(opened) -> None:
    page = opened()
    page.add_init_script(TEXTS)
    page.reload()
    page.locator('[data-margin-live="advice"] .ml-live').scroll_into_view_if_needed()
    page.wait_for_function("texts.some(({ name, words }) => name === 'advice' && words === '3')")
    texts = [t for t in page.evaluate("texts") if t["name"] == "advice"]
    dot = next(t for t in reversed(texts) if t["words"] == "1")  # the axis has a 1 too, and is drawn before
    tick = next(t for t in texts if t["words"] == "16")
    assert tick["top"] > (dot["top"] + dot["bottom"]) / 2 + 9  # its radius


@pytest.mark.parametrize("name", NAMES)
def test_phone_dark_mode_and_no_script(opened, open_page, name: str) -> None:
    page = opened(width=390, height=844, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    figure = page.locator(f'[data-margin-live="{name}"] .ml-live')
    figure.scroll_into_view_if_needed()
    page.wait_for_function("node => node.drawn > 1 && !node.unfinished", arg=figure.element_handle())
    canvas = figure.locator("canvas").bounding_box()
    assert canvas["height"] > 150
    for control in figure.locator("input, button").all():
        box = control.bounding_box()
        assert box["height"] >= 24
        assert box["width"] >= 24
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
    dark = _picture(figure)
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(300)
    assert _picture(figure) != dark
    still = open_page(java_script_enabled=False).page
    still.goto(page.url)
    picture = still.locator(f'[data-margin-live="{name}"] img')
    assert picture.bounding_box()["height"] > 100
    assert picture.evaluate("image => image.naturalWidth") > 300


@pytest.fixture
def calculator(built_page, open_page, tmp_path: Path):
    """`calculator(**options)` -> a page with the fields for people, features and pictures."""

    def open_(**options: object):
        lab.write_assets(tmp_path / "_static")
        head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        file = tmp_path / "book" / "advice.html"
        file.parent.mkdir(exist_ok=True)
        body = live.advice(nearby.comparisons())
        file.write_text(f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>')
        page = open_page(**options).page
        page.goto(file.as_uri())
        return page

    return open_


def test_the_calculator_answers_as_the_package_does(calculator) -> None:
    page = calculator()
    for name, value in (("people", "92"), ("features", "512"), ("pictures", "50")):
        page.locator(f'[data-in="{name}"]').fill(value)
    page.wait_for_function("document.querySelector('.ml-tables').innerText.includes('4,600')")
    rows = page.locator(".ml-tables table").first.locator("tr").all()
    said = [tuple(cell.inner_text() for cell in row.locator("th, td").all()) for row in rows]
    assert said == geometry.advise(people=92, features=512, pictures=50).rows()
    nearest = page.locator(".ml-tables table").nth(1).locator("tbody tr").first
    assert nearest.locator("th").inner_text() == nearby.comparisons(92, 50)[0].record


def test_what_is_no_count_is_set_right_and_keys_count(calculator) -> None:
    page = calculator(width=390, height=844, color_scheme="dark")
    people = page.locator('[data-in="people"]')
    people.focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_function("document.querySelector('figcaption').innerText.startsWith('10,001 people')")
    for typed, meant in (("", "2"), ("-7", "2"), ("99999999", "1000000"), ("12.6", "13")):
        people.fill(typed)
        people.blur()
        assert people.input_value() == meant
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
