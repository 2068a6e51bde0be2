"""What a reader opens: pages that load nothing from outside, show no blank figure, and stay small."""

import base64
import io
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image

pytestmark = pytest.mark.book

OUTSIDE = re.compile(r"^(https?:)?//", re.IGNORECASE)


@cache  # each page is looked at by several tests
def soup(html: Path, chapter: str) -> BeautifulSoup:
    return BeautifulSoup((html / f"{chapter}.html").read_text(), "html.parser")


def test_no_outside_url_is_loaded(html: Path, chapter: str) -> None:
    page = soup(html, chapter)
    loaded = [tag["src"] for tag in page.find_all(src=True)]
    loaded += [tag["href"] for tag in page.find_all("link", href=True) if "canonical" not in tag.get("rel", [])]
    styles = " ".join(tag.get_text() for tag in page.find_all("style"))
    loaded += re.findall(r"""url\(["']?([^"')]+)""", styles)
    outside = [url for url in loaded if OUTSIDE.match(url)]
    assert not outside


def test_local_files_exist(html: Path, chapter: str) -> None:
    missing = []
    for tag in soup(html, chapter).find_all(["script", "img", "link", "iframe"]):
        url = tag.get("src") or tag.get("href")
        if not url or url.startswith(("data:", "#")) or OUTSIDE.match(url):
            continue
        # The theme's own templates name genindex and search relative to the page.
        if not (html / Path(chapter).parent / unquote(url.split("?")[0].split("#")[0])).exists():
            missing.append(url)
    assert not missing


def picture(html: Path, chapter: str, url: str) -> np.ndarray:
    if url.startswith("data:"):
        data: str | bytes | Path = base64.b64decode(url.partition(",")[2])
        opened = Image.open(io.BytesIO(data))
    else:
        opened = Image.open(html / Path(chapter).parent / unquote(url.split("?")[0]))
    return np.asarray(opened.convert("RGBA"), dtype=float)


def test_no_picture_is_blank_or_without_alt_text(html: Path, chapter: str) -> None:
    for image in soup(html, chapter).select("article img"):
        if image["src"].split("?")[0].endswith(".svg"):
            continue
        pixels = picture(html, chapter, image["src"])
        assert pixels.std(axis=(0, 1)).max() > 2, f"a blank picture: {image['src'][:80]}"
        alt = image.get("alt", "").strip()
        assert len(alt) > 20, f"no alt text that says what is to be seen: {image['src'][:80]}"
        assert not alt.startswith("_images"), f"alt text is a file name: {alt}"


def test_no_code_cell_failed(html: Path, chapter: str) -> None:
    page = soup(html, chapter)
    assert not page.select(".output.traceback, .output.error")
    # The reference's examples show errors on purpose: only what a cell put out counts.
    assert not [output for output in page.select(".cell_output") if "Traceback (most recent call last)" in output.text]


def test_no_table_is_left_as_text(html: Path, chapter: str) -> None:
    assert not [p.get_text() for p in soup(html, chapter).select("article p") if p.get_text().lstrip().startswith("|")]


def test_page_weighs_less_than_3_megabytes(html: Path, chapter: str) -> None:
    weight = (html / f"{chapter}.html").stat().st_size
    for image in soup(html, chapter).select("article img"):
        if not image["src"].startswith("data:"):
            weight += (html / Path(chapter).parent / unquote(image["src"].split("?")[0])).stat().st_size
    assert weight < 3_000_000


def test_plotly_figures_hold_data(html: Path, chapter: str) -> None:
    for script in soup(html, chapter).select("article script"):
        text = script.get_text()
        if "Plotly.newPlot" in text:
            assert re.search(r'"(x|y|z|r|theta)":(\[|\{"dtype")', text), "a plotly figure without points"


def test_links_lead_to_a_place(html: Path, chapter: str) -> None:
    """Each link within the book, to the very anchor. (What follows `#lab` is a setting of the lab.)"""
    for tag in soup(html, chapter).select("article a[href], nav a[href]"):
        path, _, anchor = tag["href"].partition("#")
        if OUTSIDE.match(path) or ":" in path or anchor == "lab" or anchor.startswith("lab&"):
            continue
        target = (html / Path(chapter).parent / unquote(path)).resolve() if path else html / f"{chapter}.html"
        assert target.exists(), tag["href"]
        if anchor:
            page = target.relative_to(html.resolve()).with_suffix("").as_posix() if path else chapter
            assert soup(html, page).find(id=unquote(anchor)), f"no such place: {tag['href']}"
