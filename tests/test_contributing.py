"""CONTRIBUTING.md, followed: its files are written into a copy of the project and its commands are run there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = ("A loss", "A chapter", "An interactive figure", "A data format")


def section(title: str) -> str:
    """A recipe's text. (Headings inside a block of Markdown are the chapter's.)"""
    found = re.search(rf"^## {title}\n(.*?)(?=^## (?:{'|'.join(RECIPES)}|Numbers in the book)$)", TEXT, re.M | re.S)
    assert found, f"CONTRIBUTING.md has no recipe {title!r}"
    return found[1]


def files(text: str) -> dict[str, str]:
    """Path -> content of the files that a recipe shows whole."""
    python = re.findall(r"^```python\n# file: (\S+)\n(.*?)^```$", text, re.M | re.S)
    pages = re.findall(r"^````markdown\n<!-- file: (\S+) -->\n(.*?)^````$", text, re.M | re.S)
    return dict(python + pages)


def commands(text: str) -> list[list[str]]:
    """What a recipe types."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", text, re.M | re.S)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line.strip()]


def run(command: list[str], folder: Path, package: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": str(package), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the files of all recipes in it."""
    copy = tmp_path_factory.mktemp("project")
    leave = shutil.ignore_patterns("__pycache__", "vendor", "_build")
    for name in ("cosface_edu", "tests", "book"):
        shutil.copytree(ROOT / name, copy / name, ignore=leave)
    shutil.copy(ROOT / "pyproject.toml", copy)
    toc = (ROOT / "_toc.yml").read_text()
    (copy / "_toc.yml").write_text(
        toc.replace("      - file: book/lmcl\n", "      - file: book/lmcl\n      - file: book/growing\n")
    )
    for recipe in RECIPES:
        for path, content in files(section(recipe)).items():
            assert not (copy / path).exists(), f"{path} exists: the recipe's name is taken"
            (copy / path).write_text(content, encoding="utf-8")
    return copy


@pytest.mark.parametrize("recipe", RECIPES)
def test_its_commands_run(project: Path, recipe: str) -> None:
    typed = commands(section(recipe))
    assert typed
    for program, *arguments in typed:
        if program == "pytest":
            said = run(["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *arguments], project, project)
            assert re.search(r"\d+ passed", said)
        else:
            assert program == "cosface-edu"
            run(["-m", "cosface_edu", *arguments], project, project)


def test_a_loss_of_a_new_name_keeps_the_contract_of_all(project: Path) -> None:
    command = ["-m", "pytest", "-q", "--collect-only", "-n", "0", "tests/losses/test_contract.py", "-k", "growing"]
    assert int(re.search(r"(\d+)/\d+ tests collected", run(command, project, project))[1]) > 20


def test_a_loss_outside_the_package_trains(tmp_path: Path) -> None:
    text = files(section("A loss"))["cosface_edu/losses/growing.py"]
    text = re.sub(
        r"(?:^from \..*\n)+", "from cosface_edu.losses import Head, Rule, Scale, Setting, register\n", text, flags=re.M
    )
    (tmp_path / "mine.py").write_text(text.replace("m: Margin", "m: float"), encoding="utf-8")
    train = next(line for line in commands(section("A loss")) if line[0] == "cosface-edu")[1:]
    train[train.index("growing")] = "mine:GrowingMargin"
    run(["-m", "cosface_edu", *train], tmp_path, ROOT)


def test_the_chapter_s_cells_run_and_its_exercise_is_open_until_solved(project: Path) -> None:
    page = (project / "book" / "growing.md").read_text(encoding="utf-8")
    cells = re.findall(r"^```\{code-cell\} ipython3\n(?::tags:[^\n]*\n)?(.*?)^```$", page, re.M | re.S)
    solved = 'exercises.check("growing-psi", lambda cos, m: cos - m * (1 - cos))'
    assert any(cell.strip() == solved for cell in cells)
    check = f'assert {solved}.passed\nassert not exercises.check("growing-psi", psi).passed\n'
    (project / "cells.py").write_text("\n".join([*cells, check]), encoding="utf-8")
    run(["cells.py"], project, project)


def test_files_keep_the_house_s_style(project: Path) -> None:
    shown = [path for recipe in RECIPES for path in files(section(recipe)) if path.endswith(".py")]
    run(["-m", "ruff", "check", *shown], project, project)
    run(["-m", "ruff", "format", "--check", *shown], project, project)


def test_what_it_names_exists() -> None:
    from cosface_edu.figures import page, slider

    assert all((page.provenance, slider.plotly_source))
    shown = {path for recipe in RECIPES for path in files(section(recipe))}
    named = set(re.findall(r"`((?:cosface_edu|tests|book|data)/[\w./-]+)`", TEXT)) - shown
    assert len(named) > 5
    assert not [path for path in named if not (ROOT / path).exists()]
