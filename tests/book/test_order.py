"""The table of contents is an order to read in: what a page asks for comes before it."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
ORDER = [Path(chapter["file"]).name for part in TOC["parts"] for chapter in part["chapters"]]


@pytest.mark.parametrize("page", ORDER)
def test_a_page_needs_earlier_pages_only(page: str) -> None:
    needs = re.search(r"\*\*You need\*\* ([^\n]*?)(?:\.|$)", (ROOT / "book" / f"{page}.md").read_text())
    asked = re.findall(r"\{doc\}`(?:[^`<]*<)?([\w-]+)>?`", needs[1]) if needs else []
    late = [name for name in asked if ORDER.index(name) > ORDER.index(page)]
    assert not late, f"{page} needs {', '.join(late)}, which the table of contents puts after it"


def test_every_teaching_chapter_says_what_it_needs() -> None:
    silent = [
        page
        for page in ORDER
        if "{admonition} Overview" in (text := (ROOT / "book" / f"{page}.md").read_text())
        and "**You need**" not in text
    ]
    assert not silent


def test_every_page_is_in_the_table_of_contents() -> None:
    pages = {path.stem for path in (ROOT / "book").glob("*.md")} - {"index"}
    parts = [page for part in TOC["parts"] for page in part["chapters"]]
    below = {Path(section["file"]).name for page in parts for section in page.get("sections", [])}
    assert pages == set(ORDER) | below
