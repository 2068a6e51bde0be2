"""The chapters' checked exercises, as a reader meets them: starter and solution, cut out of the pages' text."""

import re
from dataclasses import dataclass
from pathlib import Path

BOOK = Path(__file__).resolve().parents[2] / "book"
CELL = re.compile(r"^```\{code-cell\} ipython3\n((?::tags:.*\n)?.*?)^```", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(
    r"^```\{exercise-start\}\n:label: (?P<label>\S+)\n```\n(?P<starter>.*?)^```\{exercise-end\}.*?"
    r"^```\{solution-start\} (?P=label)\n.*?```\n(?P<solution>.*?)^```\{solution-end\}",
    re.MULTILINE | re.DOTALL,
)
NAME = re.compile(r'^exercises\.check\("([\w-]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """One exercise.

    Attributes:
        chapter: the page's name.
        name: what its check is called.
        starter: cells of the exercise.
        solution: cells of the solution.
    """

    chapter: str
    name: str
    starter: list[str]
    solution: list[str]


def cells(text: str) -> list[str]:
    """Code of a text's cells."""
    return CELL.findall(text)


def checked() -> dict[str, Question]:
    """Every checked exercise of the book by the name of its check."""
    found = {}
    for page in sorted(BOOK.glob("*.md")):
        for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
            starter, solution = cells(block["starter"]), cells(block["solution"])
            if names := NAME.findall("\n".join(starter)):
                found[names[0]] = Question(page.stem, names[0], starter, solution)
    return found
