"""Exercises that a page can check need the standard library alone, and are the notebook's own."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from cosface_edu import exercises
from cosface_edu.exercises import cell
from cosface_edu.publishing import practice

sys.path.insert(0, str(Path(__file__).parent))
from questions import checked

QUESTIONS = checked()
IN_PAGE = exercises.in_page()


@pytest.mark.parametrize("path", practice.sources())
def test_what_a_page_loads_imports_the_standard_library_alone(path: str) -> None:
    tree = ast.parse(practice.sources()[path])
    top = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {name.name for node in top if isinstance(node, ast.Import) for name in node.names}
    names |= {node.module or "" for node in top if isinstance(node, ast.ImportFrom)}
    if path.endswith("/answers.py"):
        names.discard("torch")  # for the notebook's own checks, when they ask for a tensor
    strange = {
        name
        for name in names
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("cosface_edu")
    }
    assert not strange


def test_what_a_page_loads_stands_alone(tmp_path: Path) -> None:
    """Written to a folder and run without any installed package, as the page does it."""
    for path, text in practice.sources().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from cosface_edu import exercises as e; "
    code += "print(*e.available()); assert e.available() == sorted(e.in_page())"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == sorted(IN_PAGE), done.stderr


@pytest.mark.parametrize("name", IN_PAGE)
def test_it_stands_on_its_page_and_has_a_hint(name: str) -> None:
    chapter, hint = IN_PAGE[name]
    assert QUESTIONS[name].chapter == chapter
    assert len(hint.split()) > 4
    assert hint.endswith((".", "?"))


@pytest.mark.parametrize("name", IN_PAGE)
def test_its_starter_is_one_cell_that_ends_in_the_check(name: str) -> None:
    (starter,) = QUESTIONS[name].starter
    assert starter.rstrip().splitlines()[-1].startswith(f'exercises.check("{name}", ')


@pytest.mark.parametrize("name", IN_PAGE)
def test_starter_fails_and_solution_passes_without_the_page_s_other_cells(name: str) -> None:
    question = QUESTIONS[name]
    before = cell.run(question.starter[0])
    assert before["error"] == ""
    assert before["verdict"]["passed"] is False
    assert "your code raised" not in before["verdict"]["message"]
    after = cell.run(question.solution[-1])
    assert after["error"] == ""
    assert after["verdict"] == {"name": name, "passed": True, "message": after["verdict"]["message"]}
    assert after["verdict"]["message"].startswith("✓")


def test_every_check_is_asked_somewhere() -> None:
    assert set(QUESTIONS) == set(exercises.available())
