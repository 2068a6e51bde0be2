"""The built pages in a browser without a network: nothing fails, nothing is asked from outside, the slider moves."""

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

pytestmark = [pytest.mark.book, pytest.mark.browser]

DRAWN = """
gd => JSON.stringify(gd._fullData.map(trace => [Array.from(trace.x || []), Array.from(trace.y || [])]))
"""


@pytest.fixture(scope="module")
def served(html: Path) -> Iterator[str]:
    """The pages from a server on this machine."""
    # from the folder above: scripts and pictures lie beside that of the chapters
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=html.parent)
    handler.log_message = lambda *args: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/{html.name}"
    server.shutdown()


@pytest.fixture(params=["disk", "server"])
def base(request: pytest.FixtureRequest, html: Path, served: str) -> str:
    """Where pages come from: straight from disk, or from a server."""
    return html.as_uri() if request.param == "disk" else served


def test_dragging_the_margin_moves_the_figure(open_page, base: str) -> None:
    held = open_page()
    page = held.page
    page.goto(f"{base}/eight-identities.html")
    figure = page.locator(".js-plotly-plot")
    figure.scroll_into_view_if_needed()
    said = page.locator("figure.plot-figure figcaption")
    before, words, looks = figure.evaluate(DRAWN), said.inner_text(), figure.screenshot()

    rail = page.locator("figure.plot-figure").get_by_role("slider", name="margin m").bounding_box()
    middle = rail["y"] + rail["height"] / 2
    page.mouse.move(rail["x"] + rail["width"] * 0.45, middle)
    page.mouse.down()
    page.mouse.move(rail["x"] + rail["width"] - 2, middle, steps=5)
    page.mouse.up()
    page.wait_for_timeout(600)

    assert said.inner_text() != words
    assert figure.evaluate(DRAWN) != before
    assert figure.screenshot() != looks


def test_keys_move_the_margin_and_the_epochs(open_page, html: Path) -> None:
    page = open_page(width=390).page
    page.goto(f"{html.as_uri()}/eight-identities.html")
    figure, said = page.locator(".js-plotly-plot"), page.locator("figure.plot-figure figcaption")
    margin, epoch = (
        page.locator("figure.plot-figure").get_by_role("slider", name="margin m"),
        page.locator("figure.plot-figure").get_by_role("slider", name="after epoch"),
    )
    last = epoch.get_attribute("aria-valuetext")
    margin.focus()
    page.keyboard.press("Home")
    assert margin.get_attribute("aria-valuetext") == "m = 0"
    assert said.inner_text().startswith("m = 0, ")
    page.keyboard.press("Tab")
    before = figure.evaluate(DRAWN)
    page.keyboard.press("Home")
    assert said.inner_text().startswith("m = 0, after epoch 0: ")
    page.wait_for_function(f"([gd, before]) => ({DRAWN})(gd) !== before", arg=[figure.element_handle(), before])
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Stop").wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Play the training").wait_for()
    assert epoch.get_attribute("aria-valuetext") != last


def test_the_page_makes_room_for_the_panels_at_every_width(open_page, html: Path) -> None:
    """On a phone the panels stand one above the other."""
    page = open_page().page
    page.goto(f"{html.as_uri()}/eight-identities.html")
    figure = page.locator(".js-plotly-plot").element_handle()
    for width, height in ((1280, 338), (390, 658)):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(
            """([gd, height]) => gd._fullLayout.height === height && gd.parentElement.clientHeight === height
                && gd._fullLayout.width <= gd.parentElement.clientWidth""",
            arg=[figure, height],
        )


def test_on_a_phone_the_controls_stay_below_the_head_while_the_panels_pass(open_page, html: Path) -> None:
    page = open_page(width=390).page
    page.goto(f"{html.as_uri()}/eight-identities.html")
    page.wait_for_function("document.querySelector('.js-plotly-plot')?._fullLayout?.height === 658")
    page.evaluate("document.querySelector('.plot-figure .main-svg').scrollIntoView({ block: 'start' })")
    page.wait_for_timeout(1000)  # the page scrolls smoothly
    head = page.locator(".bd-header-article").bounding_box()
    bar = page.locator(".plot-figure .ml-bar").bounding_box()
    assert 0 <= bar["y"] - (head["y"] + head["height"]) < 40


def test_the_slider_is_a_picture_without_script_and_on_paper_whole(open_page, html: Path) -> None:
    page = open_page(java_script_enabled=False).page
    page.goto(f"{html.as_uri()}/eight-identities.html")
    piece = page.locator("figure.plot-figure")
    assert piece.locator("img").bounding_box()["width"] > 300
    assert piece.bounding_box()["height"] < 500, "room is kept for what never comes"
    assert not piece.locator("input").first.is_visible()

    for width in (390, 1920):
        page = open_page(width=width).page
        page.goto(f"{html.as_uri()}/eight-identities.html")
        page.wait_for_function("document.querySelector('.js-plotly-plot')?._fullLayout")
        page.emulate_media(media="print")
        column = 643  # pixels in 170 mm
        page.evaluate("column => { document.body.style.width = `${column}px`; }", column)
        drawn = page.locator(".main-svg").first.evaluate(
            """svg => [svg.getAttribute('height') - svg.clientHeight,
                svg.getBoundingClientRect().right - svg.closest('figure').getBoundingClientRect().right]"""
        )
        assert drawn[0] == 0, "cut at its foot"
        assert drawn[1] <= 0, "cut at its side"
        assert not page.locator("figure.plot-figure input").first.is_visible()


def test_play_runs_through_the_epochs(open_page, html: Path) -> None:
    page = open_page().page
    page.goto(f"{html.as_uri()}/eight-identities.html")
    figure = page.locator(".js-plotly-plot")
    figure.scroll_into_view_if_needed()
    before = figure.evaluate(DRAWN)
    said = page.locator("figure.plot-figure figcaption")
    page.get_by_role("button", name="Play the training").click()
    page.wait_for_timeout(900)
    early, words = figure.evaluate(DRAWN), said.inner_text()
    assert early != before, "the first epochs look like the last one"
    page.wait_for_function("([element, text]) => element.innerText !== text", arg=[said.element_handle(), words])


def test_every_page_opens_without_an_error(open_page, html: Path, chapter: str) -> None:
    """On the narrowest phone in the dark, then on a wide screen in the light: the page follows, not loaded again."""
    narrow = 320  # pixels; WCAG 2.2, 1.4.10, asks for as much
    page = open_page(width=narrow, color_scheme="dark").page
    page.goto(f"{html.as_uri()}/{chapter}.html")
    for width, theme in ((narrow, "dark"), (1280, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
        page.wait_for_timeout(300)
        wider = page.evaluate("document.documentElement.scrollWidth") - width
        assert wider <= 1, f"the page is {wider} px wider than the window of {width} px"
    for image in page.locator("article img").all():
        assert image.evaluate("image => image.complete ? image.naturalWidth : 1") > 0


def test_no_file_is_missing(open_page, served: str) -> None:
    """On the page that has plotly and widgets too."""
    page = open_page().page
    missing: list[str] = []
    page.on("response", lambda answer: missing.append(answer.url) if answer.status >= 400 else None)
    page.goto(f"{served}/eight-identities.html")
    page.wait_for_selector(".noUi-handle", state="attached")
    page.wait_for_timeout(500)
    assert [url for url in missing if not url.endswith("favicon.ico")] == []


def test_a_search_from_disk_puts_the_page_with_the_very_word_first(open_page, html: Path) -> None:
    page = open_page().page
    page.goto(f"{html.parent.as_uri()}/search.html?q=hinge")
    page.wait_for_selector("#search-results li a")
    page.wait_for_timeout(1500)  # results appear one by one, and their excerpts would be asked for
    assert "gradients.html" in page.locator("#search-results li a").first.get_attribute("href")


def test_on_a_touch_screen_no_tooltip_takes_taps(open_page, html: Path) -> None:
    page = open_page(width=390, has_touch=True, is_mobile=True).page
    page.goto(f"{html.as_uri()}/lmcl.html")
    page.wait_for_timeout(500)
    page.evaluate("document.querySelectorAll('.bd-header-article [data-bs-toggle=tooltip]').forEach(b => b.focus())")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<div class=\"tooltip show\">above</div>')")
    assert not page.locator(".tooltip.show").last.is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_focus_is_seen_on_every_button_of_the_head(open_page, html: Path, theme: str) -> None:
    page = open_page(width=390, color_scheme=theme).page
    page.goto(f"{html.as_uri()}/lmcl.html")
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
    seen = {}
    for _ in range(12):
        page.keyboard.press("Tab")
        name, width = page.evaluate(
            """() => {
              const at = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(at);
              const inHead = at.closest('.bd-header-article') !== null;
              return [inHead ? at.className : '', outlineStyle === 'none' ? 0 : parseFloat(outlineWidth)];
            }"""
        )
        if name:
            seen[name] = width
    assert len(seen) >= 4
    assert min(seen.values()) >= 2, seen


def test_links_into_the_lab_set_it(open_page, html: Path) -> None:
    page = open_page().page
    page.goto(f"{html.as_uri()}/lmcl.html")
    page.locator("article a[href*='margin-lab.html#lab']").first.click()
    page.wait_for_function("location.hash.includes('loss=cosface') && document.querySelector('.mlab, [class*=lab]')")
    assert "margin-lab.html" in page.url
