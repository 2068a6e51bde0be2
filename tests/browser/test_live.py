"""The figures that answer, in a page opened from disk: slider, keys, words, both modes, and only in sight."""

from pathlib import Path

import numpy as np
import pytest

from cosface_edu import geometry
from cosface_edu.evaluation import verify
from cosface_edu.experiments import nearby
from cosface_edu.figures import lab, live

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(open_page, tmp_path: Path):
    """`opened(**options)` -> a page with the figures, one below the other, drawn."""

    def open_(**options: object):
        lab.write_assets(tmp_path / "_static")
        rng = np.random.default_rng(0)
        scores = np.concatenate([rng.normal(0.55, 0.13, 500), rng.normal(0.1, 0.12, 500)])
        order = rng.permutation(1000)
        scores, same = scores[order], np.arange(1000)[order] < 500
        pieces = live.arc() + live.forces() + live.threshold(scores, same) + live.folds(verify(scores, same))
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


@pytest.mark.parametrize(
    ("at", "before", "after"),
    [(0, "45°", "46°"), (1, "s = 30", "s = 31"), (2, "FAR", "FAR"), (3, "on fold 1", "on fold 2")],
)
def test_a_key_moves_the_picture_and_the_words(opened, at: int, before: str, after: str) -> None:
    page = opened(reduced_motion="reduce")
    figure = page.locator(".ml-live").nth(at)
    figure.scroll_into_view_if_needed()
    words, picture = figure.locator("figcaption"), _picture(figure)
    said = words.inner_text()
    assert before in said
    figure.locator("input").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("([node, text]) => node.innerText !== text", arg=[words.element_handle(), said])
    assert after in words.inner_text()
    assert _picture(figure) != picture
    assert figure.locator("[aria-live]").text_content() == words.inner_text()
    assert words.inner_text() in figure.locator("canvas").get_attribute("aria-label")


def test_past_the_bound_it_says_so(opened) -> None:
    page = opened()
    page.locator('.ml-live [data-in="phi"]').fill("10")
    page.wait_for_function(
        "document.querySelector('.ml-live figcaption').innerText.includes('CosFace, m = 0.2: no room')"
    )


def test_only_what_is_in_sight_is_drawn(opened) -> None:
    page = opened(height=400)
    page.wait_for_timeout(300)
    last = page.locator(".ml-live").nth(2)
    drawn = last.evaluate("node => node.drawn")
    last.locator("input").evaluate(
        "node => { node.value = 150; node.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    page.wait_for_timeout(200)
    assert last.evaluate("node => node.drawn") == drawn
    last.scroll_into_view_if_needed()
    page.wait_for_function("([node, drawn]) => node.drawn > drawn", arg=[last.element_handle(), drawn])


def test_phone_dark_mode_and_no_script(opened, open_page) -> None:
    page = opened(width=390, height=844, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    figure = page.locator(".ml-live").first
    dark = _picture(figure)
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(300)
    assert _picture(figure) != dark
    still = open_page(java_script_enabled=False).page
    still.goto(page.url)
    assert all(picture.bounding_box()["height"] > 100 for picture in still.locator("[data-margin-live] img").all())


@pytest.fixture
def calculator(open_page, tmp_path: Path):
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
