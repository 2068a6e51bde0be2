"""Print with Chromium: no server and no network, files of the built pages are handed to the browser."""

import base64
import io
import mimetypes
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from PIL import Image
from playwright.sync_api import Page, Route, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

from cosface_edu.publishing.printing.document import NotPrintable

ADDRESS = "http://book"  # not looked up: what is asked of it comes from the folder of the built pages
COLUMN = 643  # CSS pixels in a column of 170 mm, as in book/_static/print.css
MINUTES = 60_000.0  # in milliseconds

# MathJax draws chapter by chapter, so that progress can be shown; its menu and its text for screen readers stay out.
_MATH = """{startup: {typeset: false}, options: {enableMenu: false, enableAssistiveMml: false, enableEnrichment: false,
processHtmlClass: "tex2jax_process|mathjax_process|math|output_area"}}"""

# A formula or a table that is broader than the column gets smaller letters; what stays too broad is reported.
# Lines of code get smaller letters before they are broken, but stay readable.
_FIT = """chapter => {
  const broad = [];
  for (const element of chapter.querySelectorAll('pre')) {
    const { fontSize, paddingLeft, paddingRight } = getComputedStyle(element);
    const [size, left, right] = [fontSize, paddingLeft, paddingRight].map(parseFloat);
    element.style.setProperty('white-space', 'pre', 'important');
    const ratio = (element.clientWidth - left - right) / (element.scrollWidth - left);
    element.style.removeProperty('white-space');
    if (ratio < 1) element.style.setProperty('font-size', `${Math.max(0.84, 0.99 * ratio) * size}px`, 'important');
  }
  for (const element of chapter.querySelectorAll('mjx-container[display="true"], table, pre')) {
    const box = element.closest('td, li, .admonition, article') ?? chapter;
    const room = box.getBoundingClientRect().right - parseFloat(getComputedStyle(box).paddingRight);
    const number = element.parentElement.querySelector(':scope > .eqno');
    const end = element.matches('mjx-container') ? element.firstElementChild : element;
    const free = room - (number ? number.getBoundingClientRect().width + 8 : 0) - element.getBoundingClientRect().left;
    const has = Math.max(end.getBoundingClientRect().width, end.scrollWidth);
    if (has <= free + 1) continue;
    const size = parseFloat(getComputedStyle(element).fontSize);
    element.style.fontSize = `${Math.max(0.6, 0.98 * free / has) * size}px`;
    if (end.getBoundingClientRect().width > free + 4) broad.push(element.textContent.trim().slice(0, 60));
  }
  return broad;
}"""

_STILLS = """figures => Promise.all(figures.map(async figure => {
  const { data, layout } = figure;
  const margin = { ...layout.margin, b: 8 };
  const size = { width: 900, height: Math.round(900 * 0.5) };
  const picture = await Plotly.toImage(
    { data, layout: { ...layout, sliders: [], updatemenus: [], margin, ...size } }, { format: 'svg', ...size });
  return { picture, said: figure.closest('figure')?.querySelector('figcaption')?.textContent ?? '' };
}))"""

# Titles as a reader's list of bookmarks shows them, kept before MathJax draws the formulas in them.
_TITLES = """() => document.querySelectorAll('h1, h2, h3, h4, h5, h6').forEach(heading => {
  heading.dataset.title = heading.textContent.replace(/\\s+/g, ' ').replace(/\\\\[()]?/g, '').trim();
})"""

_NUMBERS = """pages => document.querySelectorAll('[data-page-of]').forEach(
  place => { place.textContent = pages[place.dataset.pageOf]; })"""

# Two characters that have nothing in common look alike only where a font has neither.
_CHINESE = """() => {
  const draw = text => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 40, height: 40 });
    const pen = canvas.getContext('2d');
    pen.font = '30px sans-serif';
    pen.fillText(text, 2, 32);
    return canvas.toDataURL();
  };
  return draw('間') !== draw('一');
}"""


def executable() -> str:
    """Where Chromium is: CHROMIUM, or the first on the path, or the one that playwright has installed.

    Raises:
        NotPrintable: if there is none.
    """
    found = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if not found and not (found := _playwrights()):
        raise NotPrintable(
            "no Chromium here: `playwright install chromium`, or `apt install chromium`, or name one in CHROMIUM"
        )
    return found


def _playwrights() -> str | None:
    """The Chromium of `playwright install chromium`, which lies on no path."""
    with sync_playwright() as driver:
        path = driver.chromium.executable_path
    return path if Path(path).exists() else None


@contextmanager
def browser(pages: Path) -> Iterator[Page]:
    """A page of headless Chromium that sees the built pages at `ADDRESS` and nothing else.

    Args:
        pages: folder of the built pages, `_build/html`.

    Raises:
        NotPrintable: if there is no Chromium.
    """

    def hand_out(route: Route) -> None:
        path = pages / unquote(urlsplit(route.request.url).path).lstrip("/")
        if route.request.url.startswith(ADDRESS + "/") and path.is_file():
            body = _opaque(path) if path.parent.name == "_images" and path.suffix == ".png" else path.read_bytes()
            route.fulfill(body=body, content_type=mimetypes.guess_type(path.name)[0])
        else:
            route.abort()

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=executable(), args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport={"width": COLUMN, "height": 900}, color_scheme="light", device_scale_factor=2)
        page.set_default_timeout(10 * MINUTES)
        page.route("**/*", hand_out)
        yield page
        chromium.close()


def _opaque(picture: Path) -> bytes:
    """A figure on white: a PDF holds the transparency of a picture as a second picture."""
    drawn = Image.open(picture).convert("RGBA")
    white = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn).convert("RGB")
    file = io.BytesIO()
    white.save(file, format="png")
    return file.getvalue()


def stills(page: Page, name: str) -> list[Mapping[str, str]]:
    """Pictures of the plotly figures of a built page, without sliders and buttons, as SVG in a data URI."""
    page.emulate_media(media="screen")
    page.goto(f"{ADDRESS}/book/{name}.html")
    page.wait_for_function("[...document.querySelectorAll('.plotly-graph-div')].every(figure => figure._fullLayout)")
    return page.eval_on_selector_all(".plotly-graph-div", _STILLS)


def drawn(page: Page, name: str) -> list[str]:
    """Pictures of the live figures of a built page as they open, with the page's own values, as PNG in a data URI.

    "" for a figure much taller than broad, whose letters would be too small on paper.
    """
    page.emulate_media(media="screen")  # `load` leaves it at print, where controls are hidden
    page.goto(f"{ADDRESS}/book/{name}.html")
    page.wait_for_function(
        "[...document.querySelectorAll('[data-margin-live]')].every(figure => figure.dataset.mounted)"
    )
    pictures = []
    for figure in page.query_selector_all("[data-margin-live]"):
        figure.scroll_into_view_if_needed()
        page.wait_for_timeout(500)  # in milliseconds: a figure is drawn when it is seen
        box = figure.bounding_box()
        tall = box is not None and box["height"] > 1.25 * box["width"]
        pictures.append("" if tall else "data:image/png;base64," + base64.b64encode(figure.screenshot()).decode())
    return pictures


def has_chinese(page: Page) -> bool:
    """Whether a font of this machine has Chinese characters."""
    return page.evaluate(_CHINESE)


def load(page: Page, document: str, step: Callable[[], object] = lambda: None) -> list[str]:
    """Show a document as it will be printed, formulas drawn and everything as broad as the column.

    Args:
        page: of `browser`.
        document: of `document.assemble`.
        step: called once a chapter, and once each for contents and solutions.

    Returns:
        Beginnings of what is broader than the column all the same; empty if nothing is.
    """
    address = f"{ADDRESS}/book/print.html"
    script = f"<script>window.MathJax = {_MATH}</script><script src='../_static/mathjax/tex-mml-chtml.js'></script>"
    body = document.replace("</head>", f"{script}</head>", 1)
    page.route(address, lambda route: route.fulfill(body=body, content_type="text/html; charset=utf-8"))
    page.emulate_media(media="print")
    page.goto(address)
    page.unroute(address)
    page.evaluate(_TITLES)
    if page.evaluate("Boolean(window.MathJax?.startup)"):
        page.evaluate("MathJax.startup.promise")
    broad = []
    for chapter in page.query_selector_all(".print-contents, .print-chapter"):
        chapter.evaluate("chapter => window.MathJax?.typesetPromise?.([chapter])")
        broad += chapter.evaluate(_FIT)
        step()
    page.evaluate("document.fonts.ready")
    return broad


def write(page: Page, target: Path, step: Callable[[], object] = lambda: None) -> int:
    """Print the loaded document, with the page numbers that its contents and its references ask for.

    Args:
        page: after `load`.
        target: the PDF; its folder is made.
        step: called after each of the two passes.

    Returns:
        How many pages there are.

    Raises:
        NotPrintable: if a reference leads nowhere.
    """
    options = {"prefer_css_page_size": True, "print_background": True, "outline": True, "tagged": True}
    wanted = page.eval_on_selector_all("[data-page-of]", "places => places.map(place => place.dataset.pageOf)")
    data = page.pdf(**options)
    step()
    if wanted:
        found = _destinations(data)
        lost = sorted(set(wanted) - set(found))
        if lost:
            raise NotPrintable(f"{target.name}: nothing to refer to at {', '.join(lost)}")
        page.evaluate(_NUMBERS, found)
        data = page.pdf(**options)
        if _destinations(data) != found:
            raise NotPrintable(f"{target.name}: page numbers moved the pages; give them more room in print.css")
    step()
    target.parent.mkdir(parents=True, exist_ok=True)
    titles = page.eval_on_selector_all("[data-title]", "headings => headings.map(heading => heading.dataset.title)")
    writer = PdfWriter(clone_from=io.BytesIO(data))
    _name_bookmarks(writer, titles)
    writer.add_metadata({"/Title": page.title(), "/Author": "The cosface-edu authors"})
    writer.write(target)
    return len(writer.pages)


def _name_bookmarks(writer: PdfWriter, titles: list[str]) -> None:
    """Chromium takes bookmarks from lines as they are set: words run together, formulas are missing. Titles mend it.

    Raises:
        NotPrintable: if there are not as many bookmarks as headings.
    """

    def walk(item: Any) -> Iterator[Any]:
        while item is not None:
            item = item.get_object()
            yield item
            yield from walk(item.get("/First"))
            item = item.get("/Next")

    top = writer.root_object.get("/Outlines")
    bookmarks = list(walk(top.get_object().get("/First"))) if top is not None else []
    if len(bookmarks) != len(titles):
        raise NotPrintable(f"{len(bookmarks)} bookmarks for {len(titles)} headings: an empty heading?")
    for bookmark, title in zip(bookmarks, titles, strict=True):
        bookmark[NameObject("/Title")] = TextStringObject(title)


def _destinations(data: bytes) -> dict[str, int]:
    """Page, from 1, of every place that a link leads to."""
    reader = PdfReader(io.BytesIO(data))
    pages = {name: reader.get_destination_page_number(place) for name, place in reader.named_destinations.items()}
    return {name.removeprefix("/"): page + 1 for name, page in pages.items() if page is not None}
