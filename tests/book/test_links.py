"""Links between the project's texts lead somewhere, to the very heading; hosts outside are listed here."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]
TEXTS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in (".", ".github", "book", "data")
    for path in (ROOT / folder).glob("*.md")
)
# Where the texts send a reader outside. A new host is a decision: add it here.
OUTSIDE = {
    "arxiv.org",
    "docs.pytest.org",
    "github.com",
    "img.shields.io",
    "keepachangelog.com",
    "semver.org",
    "www.contributor-covenant.org",
}


@cache
def prose(name: str) -> str:
    """A text without the code that it shows."""
    text = (ROOT / name).read_text(encoding="utf-8")
    text = re.sub(r"^````markdown\n.*?^````$", "", text, flags=re.M | re.S)
    text = re.sub(r"^```(?:python|bash|yaml|text|\{code-cell\}).*?^```$", "", text, flags=re.M | re.S)
    return re.sub(r"(\{\w+\}`[^`]+`)|`[^`]+`", lambda found: found[1] or "", text)  # {doc}`page` stays


@cache
def anchors(name: str) -> set[str]:
    """What a link may point to in a text: headings as GitHub and MyST spell them, and labels."""
    text = prose(name)
    headings = [re.sub(r"[$*`]|\{\w+\}", "", line).strip().lower() for line in re.findall(r"^#+ (.+)$", text, re.M)]
    slugs = {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r"^\(([\w-]+)\)=$", text, re.M)) | set(re.findall(r":(?:name|label): (\S+)", text))


def links(name: str) -> list[str]:
    """Targets of a text's links."""
    text = prose(name)
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'href="([^"]+)"', text)
    return found + [f"{page}.md" for page in re.findall(r"\{doc\}`(?:[^`<]*<)?([\w/-]+)>?`", text)]


@pytest.mark.parametrize("name", TEXTS)
def test_links_within_lead_to_a_place(name: str) -> None:
    for link in links(name):
        if urlparse(link).scheme:
            continue
        path, _, anchor = link.replace("&amp;", "&").partition("#")
        target = (ROOT / name).parent / unquote(path) if path else ROOT / name
        if target.suffix == ".html":
            target = target.with_suffix(".md")
        assert target.exists(), f"{name}: {link} leads to no file"
        if anchor.startswith("lab&") or anchor == "lab":  # a setting of the lab, which its own tests check
            assert "margin-lab" in target.name, f"{name}: {link} leads to a page without the lab"
        elif anchor:
            to = target.resolve().relative_to(ROOT).as_posix()
            assert unquote(anchor) in anchors(to), f"{name}: {link} leads to no heading or label of {to}"


@pytest.mark.book
def test_built_pages_lead_to_listed_hosts_alone(html: Path, chapter: str) -> None:
    """A file's name in a docstring, `last.pt`, can be taken for a host."""
    page = BeautifulSoup((html / f"{chapter}.html").read_text(encoding="utf-8"), "html.parser")
    found = {urlparse(link["href"]) for link in page.select("a[href]")}
    assert {url.hostname for url in found if url.scheme in ("http", "https")} <= OUTSIDE


@pytest.mark.parametrize("name", TEXTS)
def test_links_outside_are_listed_and_encrypted(name: str) -> None:
    for link in links(name) + re.findall(r"(?<!\()https?://[^\s)>\]\"'`]+", prose(name)):
        found = urlparse(link)
        if found.scheme:
            assert found.scheme in ("https", "mailto"), f"{name}: {link}"
            assert found.hostname in OUTSIDE, (
                f"{name}: {link} leads to a host that is not listed in {Path(__file__).name}"
            )
