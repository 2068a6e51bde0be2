"""CITATION.cff, changelog and package speak of one version; whoever cites finds all that the format asks for."""

import datetime
import re
from pathlib import Path

import yaml

import cosface_edu

ROOT = Path(__file__).resolve().parents[1]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())


def test_it_has_what_the_format_asks_for() -> None:
    """Citation File Format 1.2.0: required keys, and those whose values are of a fixed form."""
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] in ("software", "dataset")
    assert all(isinstance(CITATION[key], str) and CITATION[key] for key in ("message", "title", "version", "license"))
    assert datetime.date.fromisoformat(CITATION["date-released"])
    people = [*CITATION["authors"], *(author for work in CITATION["references"] for author in work["authors"])]
    assert people
    assert all("name" in who or {"family-names", "given-names"} <= set(who) for who in people)
    assert all({"type", "title", "authors"} <= set(work) for work in CITATION["references"])
    known = {"abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi", "identifiers"}
    known |= {"keywords", "license", "message", "preferred-citation", "references", "repository-code", "title"}
    assert set(CITATION) <= known | {"type", "url", "version"}


def test_one_version() -> None:
    assert CITATION["version"] == cosface_edu.__version__


def test_the_changelog_has_the_version_and_its_day() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]\n" in text
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$", text, re.M)
    assert released[0] == (CITATION["version"], CITATION["date-released"])
    assert released == sorted(released, key=lambda one: [int(n) for n in one[0].split(".")], reverse=True)
    kinds = set(re.findall(r"^### (.+)$", text, re.M))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_paper_is_cited_as_the_book_cites_it() -> None:
    bibliography = (ROOT / "book" / "references.bib").read_text()
    entry = re.search(r"@inproceedings\{wang2018cosface,.*?\n\}", bibliography, re.S)[0]
    (paper,) = CITATION["references"]
    assert paper["title"].lower() in re.sub(r"[{}]", "", entry).lower()
    for author in paper["authors"]:
        assert author["family-names"] in entry
    assert str(paper["year"]) in entry
