"""One way of writing, on every page."""

import re
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"
PAGES = sorted(page.stem for page in BOOK.glob("*.md"))


@pytest.mark.parametrize("page", PAGES)
def test_a_decimal_begins_with_a_digit(page: str) -> None:
    """0.35, never .35; `:.2f` and the like in code are no numbers."""
    text = (BOOK / f"{page}.md").read_text()
    assert not re.findall(r"(?<![\w.:,+\\/])\.\d\w*", text)


def test_what_a_page_runs_on_is_said_once() -> None:
    saying = [page for page in PAGES if re.search(r"runs on a CPU", (BOOK / f"{page}.md").read_text(), re.IGNORECASE)]
    assert saying == ["how-to-use"]


@pytest.mark.parametrize("page", PAGES)
def test_remarks_in_a_starter_are_seen_whole(page: str) -> None:
    """The editor of a built page shows 69 characters of a line; the remark tells a reader where to begin."""
    text = (BOOK / f"{page}.md").read_text()
    for exercise in re.findall(r"```\{exercise-start\}.*?```\{exercise-end\}", text, re.DOTALL):
        for cell in re.findall(r"```\{code-cell\}.*?\n(.*?)```", exercise, re.DOTALL):
            assert [line for line in cell.splitlines() if "  #" in line and len(line) > 69] == []


# Names of files, machines, networks and owners, which need no explanation to a reader of these pages.
KNOWN = {"AM", "CPU", "GPU", "IR", "JSON", "MS", "README"}


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ("guide-zh", "status")])
def test_abbreviations_stand_on_the_notation_page(page: str) -> None:
    text = (BOOK / f"{page}.md").read_text()
    for code in (r"^```\{code-cell\}.*?^```", r"^```(?:bash|python|yaml)\n.*?^```", r"`[^`]*`", r"\$[^$]*\$"):
        text = re.sub(code, "", text, flags=re.MULTILINE | re.DOTALL)
    used = set(re.findall(r"\b[A-Z][A-Z]+\d?\b", text))
    explained = set(re.findall(r"\b[A-Z][A-Z]+\d?\b", (BOOK / "notation.md").read_text()))
    assert used - explained - KNOWN == set()
