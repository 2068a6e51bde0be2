"""Every teaching chapter keeps to the pattern that the reader was promised."""

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]

# Pages that explain the book, or report an experiment, rather than teach an idea.
NOT_CHAPTERS = {
    "index", "how-to-use", "notation", "guide-zh", "for-teachers", "problems", "real-faces", "paper-map",
    "bibliography", "status",
}  # fmt: skip
REFERENCE = "reference"  # and how the names of the pages below it begin

EXERCISE = re.compile(r"^```\{exercise(?:-start)?\}\n:label: (\S+)\n(?:```\n)?(.*)$", re.MULTILINE)
MARK = re.compile(r"\*\((easy|medium|hard), \d+ minutes(, on paper)?\)\*")


@pytest.fixture
def text(chapter: str) -> str:
    if chapter in NOT_CHAPTERS or chapter.startswith(REFERENCE):
        pytest.skip("not a teaching chapter")
    return (ROOT / "book" / f"{chapter}.md").read_text()


def test_opens_with_an_overview_and_closes_with_a_summary(text: str) -> None:
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert "Summary" in headings
    assert "References" in headings
    assert "Exercises" in headings
    assert re.search(r"\{admonition\} Overview", text)


def test_asks_for_a_prediction_before_a_figure(text: str) -> None:
    ask = re.search(r"\{admonition\} Predict first", text)
    assert ask
    assert "{code-cell}" in text[ask.end() :], "nothing answers the prediction"


def test_exercises_have_solutions_and_one_is_checked_by_code(text: str) -> None:
    exercises = re.findall(r"\{exercise(?:-start)?\}", text)
    solutions = re.findall(r"\{solution(?:-start)?\} ", text)
    assert 2 <= len(exercises) <= 8
    assert len(solutions) == len(exercises)
    assert re.search(r"\bcheck\(", text)


def test_exercises_say_how_hard_they_are_and_how_long_they_take(text: str) -> None:
    exercises = EXERCISE.findall(text)
    unmarked = [label for label, first in exercises if not MARK.search(first)]
    assert not unmarked


def test_has_a_numbered_equation_and_shows_its_source(text: str) -> None:
    assert ":label: eq-" in text
    assert re.search(r"page\.source\(|literalinclude", text)


def test_measures_itself(text: str) -> None:
    assert "page.begin(" in text
    assert "page.end()" in text


def test_hides_plotting_code(text: str) -> None:
    for cell in re.findall(r"^```\{code-cell\}.*?^```", text, re.MULTILINE | re.DOTALL):
        if "mystnb:" in cell and "figure" in cell:
            assert "hide-input" in cell or "remove-input" in cell


@pytest.mark.book
def test_checked_exercises_are_open_first_and_solved_in_the_solution(html: Path, text: str, chapter: str) -> None:
    page = BeautifulSoup((html / f"{chapter}.html").read_text(), "html.parser")
    still_open = {tag["data-check"] for tag in page.select("p.check-open")}
    passed = {tag["data-check"] for tag in page.select("p.check-passed")}
    assert still_open, "no exercise waits for the reader"
    assert still_open <= passed, f"no solution passes the check of {still_open - passed}"
