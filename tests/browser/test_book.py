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

    rail = figure.locator(".slider-rail-touch-rect").first.bounding_box()
    grip = figure.locator(".slider-grip-rect").first.bounding_box()
    middle = grip["y"] + grip["height"] / 2
    page.mouse.move(grip["x"] + grip["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(rail["x"] + rail["width"] * 0.5, middle, steps=5)
    page.mouse.move(rail["x"] + rail["width"] - 2, middle, steps=5)
    page.mouse.up()
    page.wait_for_timeout(600)

    assert said.inner_text() != words
    assert figure.evaluate(DRAWN) != before
    assert figure.screenshot() != looks


def test_sliders_are_in_sight_at_every_width(open_page, html: Path) -> None:
    """On a phone the panels stand one above the other: the page must make room for the sliders below them."""
    page = open_page().page
    page.goto(f"{html.as_uri()}/eight-identities.html")
    figure = page.locator(".js-plotly-plot").element_handle()
    for width, height in ((1280, 554), (390, 874)):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(
            """([gd, height]) => gd._fullLayout.height === height && gd.parentElement.clientHeight === height
                && gd._fullLayout.width <= gd.parentElement.clientWidth""",
            arg=[figure, height],
        )


def test_play_runs_through_the_epochs(open_page, html: Path) -> None:
    page = open_page().page
    page.goto(f"{html.as_uri()}/eight-identities.html")
    figure = page.locator(".js-plotly-plot")
    figure.scroll_into_view_if_needed()
    before = figure.evaluate(DRAWN)
    said = page.locator("figure.plot-figure figcaption")
    figure.locator(".updatemenu-button").click()
    page.wait_for_timeout(900)
    early, words = figure.evaluate(DRAWN), said.inner_text()
    assert early != before, "the first epochs look like the last one"
    page.wait_for_function("([element, text]) => element.innerText !== text", arg=[said.element_handle(), words])


def test_every_page_opens_without_an_error(open_page, html: Path, chapter: str) -> None:
    """On a phone in the dark, then on a wide screen in the light: the page follows without being loaded again."""
    page = open_page(width=390, color_scheme="dark").page
    page.goto(f"{html.as_uri()}/{chapter}.html")
    for width, theme in ((390, "dark"), (1280, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
        page.wait_for_timeout(300)
        wider = page.evaluate("document.documentElement.scrollWidth") - width
        assert wider <= 1, f"the page is {wider} px wider than the window of {width} px"
    for image in page.locator("article img").all():
        assert image.evaluate("image => image.complete ? image.naturalWidth : 1") > 0


def test_links_into_the_lab_set_it(open_page, html: Path) -> None:
    page = open_page().page
    page.goto(f"{html.as_uri()}/lmcl.html")
    page.locator("article a[href*='margin-lab.html#lab']").first.click()
    page.wait_for_function("location.hash.includes('loss=cosface') && document.querySelector('.mlab, [class*=lab]')")
    assert "margin-lab.html" in page.url
