"""Headless Chromium, offline: what the browser tests share."""

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

LOCAL = ("file:", "data:", "blob:", "about:", "http://localhost", "http://127.0.0.1")


def _executable() -> str | None:
    """CHROMIUM, or the first Chromium on the path."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """A headless Chromium for the whole session."""
    executable = _executable()
    if executable is None:
        pytest.skip("no Chromium on this machine: install chromium, or name it in CHROMIUM")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        # A loader's process that outlived its test, as one may whose error is still held, keeps the driver's pipes
        # open: the driver would wait for their end for ever.
        for left in multiprocessing.active_children():
            left.terminate()
            left.join()
        browser.close()


def _failure(line) -> bool:
    """Whether a line on the console is an error of the page's own.

    Browsers do not load the theme's icon fonts from disk, and say so; icons are drawn as SVG then.
    On a first visit the theme itself complains that no mode has been chosen yet.
    """
    font = line.location.get("url", "").partition("?")[0].endswith((".woff2", ".woff", ".ttf", "favicon.ico"))
    known = font or line.text.startswith(("Access to font", "Got invalid theme mode"))
    return line.type == "error" and not known


@dataclass
class OfflinePage:
    """A page cut off from the network, with what went wrong in it.

    Attributes:
        page: playwright's page.
        errors: uncaught errors and messages on the console of type error.
        outside: addresses that the page asked for and that are not on this machine.
    """

    page: object
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)


@pytest.fixture
def open_page(chromium) -> Iterator:
    """`open_page(width=1280, height=900, **context options)` -> OfflinePage; all are checked when the test ends."""
    contexts, pages = [], []

    def open_(width: int = 1280, height: int = 900, **options: object) -> OfflinePage:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(30_000)  # a machine that runs other tests beside is slow
        held = OfflinePage(context.new_page())

        def gate(route) -> None:
            if route.request.url.startswith(LOCAL):
                route.continue_()
            else:
                held.outside.append(route.request.url)
                route.abort()

        context.route("**/*", gate)
        held.page.on("pageerror", lambda error: held.errors.append(str(error)))
        held.page.on("console", lambda line: held.errors.append(line.text) if _failure(line) else None)
        contexts.append(context)
        pages.append(held)
        return held

    yield open_
    for context in contexts:
        context.close()
    for held in pages:
        assert held.errors == []
        assert held.outside == []


@pytest.fixture
def sliders() -> Callable:
    """`sliders(page)` -> each one's name in Chromium's accessibility tree, and the value that is spoken.

    Each has one label, a click on whose words focuses it.
    """

    def read(page) -> list[tuple[str, str]]:
        ranges = page.locator('input[type="range"]:visible')
        assert ranges.evaluate_all("inputs => inputs.map(input => input.labels.length)") == [1] * ranges.count()
        for one in ranges.all():
            if one.is_enabled():
                one.locator("xpath=ancestor::label").click(position={"x": 3, "y": 8})
                assert one.evaluate("input => input === document.activeElement")
        nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
        names = [node["name"]["value"].strip() for node in nodes if node.get("role", {}).get("value") == "slider"]
        spoken = ranges.evaluate_all("inputs => inputs.map(input => input.getAttribute('aria-valuetext'))")
        return list(zip(names, spoken, strict=True))

    return read


@pytest.fixture
def offline_page(open_page) -> OfflinePage:
    """One offline page, 1280 × 900."""
    return open_page()
