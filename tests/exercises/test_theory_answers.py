"""The theory chapters' checked exercises, run as the reader meets them: the starter fails, the solution passes."""

import re
import types
from pathlib import Path

import pytest

from cosface_edu import exercises

BOOK = Path(__file__).resolve().parents[2] / "book"
CHAPTERS = (
    "before-margins",
    "how-large-s",
    "how-large-m",
    "which-s-and-m",
    "gradients",
    "cosine-or-angle",
    "arcface",
    "beyond",
    "feature-norm",
    "find-the-bug",
    "find-the-bug-test",
    "performance",
)
CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(
    r"^```\{exercise-start\}\n:label: (?P<label>\S+)\n```\n(?P<starter>.*?)^```\{exercise-end\}.*?"
    r"^```\{solution-start\} (?P=label)\n.*?```\n(?P<solution>.*?)^```\{solution-end\}",
    re.MULTILINE | re.DOTALL,
)


def code(text: str) -> str:
    cells = CELL.findall(text)
    # page.begin sets up a notebook; an answer needs only the imports
    lines = "\n".join(
        re.sub(r"\A(---\n.*?---\n|:tags:.*?\n)", "", cell, flags=re.DOTALL) for cell in cells
    ).splitlines()
    return "\n".join(line for line in lines if "page.begin" not in line)


def questions() -> list:
    found = []
    for chapter in CHAPTERS:
        text = (BOOK / f"{chapter}.md").read_text()
        imports = code(text[: text.index("\n## ")])
        for block in BLOCK.finditer(text):
            found.append(pytest.param(imports, code(block["starter"]), code(block["solution"]), id=block["label"]))
    return found


def verdicts(monkeypatch: pytest.MonkeyPatch, *cells: str) -> list[exercises.Verdict]:
    given = []
    check = exercises.check
    with monkeypatch.context() as patch:
        patch.setattr(exercises, "check", lambda name, answer: given.append(check(name, answer)))
        reader = types.ModuleType("reader")
        for cell in cells:
            exec(compile(cell, "<cell>", "exec"), reader.__dict__)
    return given


@pytest.mark.parametrize(("imports", "starter", "solution"), questions())
def test_the_starter_fails_and_the_solution_passes(monkeypatch, imports, starter, solution) -> None:
    (before,) = verdicts(monkeypatch, imports, starter)
    assert not before.passed, "the exercise is solved before the reader has begun"
    assert "your code raised" not in before.message or "interp1d" in starter, before.message
    (after,) = verdicts(monkeypatch, imports, solution)
    assert after.passed, after.message
    assert after.name == before.name
