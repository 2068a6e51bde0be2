"""What type checkers and editors, which run nothing, know of the losses: the lists that they read, and mypy itself."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cosface_edu import losses
from cosface_edu.losses import Rule, margins

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(losses.__file__).parent


def listed(file: str) -> dict[str, str]:
    """Name -> module that it comes from, of what a file imports for type checkers alone."""
    blocks = [
        node.body
        for node in ast.parse((FOLDER / file).read_text(encoding="utf-8")).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return {
        name.asname: node.module or ""
        for block in blocks
        for node in block
        if isinstance(node, ast.ImportFrom)
        for name in node.names
        if name.asname == name.name  # else a strict checker takes it for the file's own business
    }


def gathered() -> dict[str, str]:
    """Name -> file that it comes from, of what `losses` finds by its being there."""
    tree = ast.parse((FOLDER / "__init__.py").read_text(encoding="utf-8"))
    written = {name.name for node in tree.body if isinstance(node, ast.ImportFrom) for name in node.names}
    names = [name for name in losses.__all__ if name not in written]
    return {name: getattr(losses, name).__module__.rpartition(".")[2] for name in names}


def of_papers() -> set[str]:
    """Files with a loss of a paper: the package's own. One's own loss, without a paper, works without being listed."""
    cards = map(losses.card, losses.available())
    return {card.loss.__module__.rpartition(".")[2] for card in cards if card.paper}


def test_what_checkers_read_is_what_is_there() -> None:
    found = gathered()
    assert {name: found.get(name) for name in listed("__init__.py")} == listed("__init__.py")
    assert all(getattr(margins, name) is getattr(losses, name) for name in listed("margins.py"))


def test_every_loss_of_a_paper_is_there_for_checkers() -> None:
    due = {name: file for name, file in gathered().items() if file in of_papers()}
    assert len(due) > 30
    lacking = [f"from .{file} import {n} as {n}" for n, file in due.items() if n not in listed("__init__.py")]
    assert not lacking, "write where losses/__init__.py imports for type checkers:\n" + "\n".join(lacking)
    rules = [name for name in due if issubclass(getattr(losses, name), Rule)]
    lacking = [f"from . import {name} as {name}" for name in rules if name not in listed("margins.py")]
    assert not lacking, "write where losses/margins.py imports for type checkers:\n" + "\n".join(lacking)


@pytest.mark.parametrize("module", [losses, margins])
def test_a_name_that_is_nowhere_is_an_attribute_error(module) -> None:
    with pytest.raises(AttributeError, match="AdditiveCosin"):
        module.AdditiveCosin  # noqa: B018


def test_a_strict_checker_passes_what_is_right_and_nothing_else() -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent"]
    done = subprocess.run(
        [*command, f"--cache-dir={ROOT / '.mypy_cache' / 'strict'}", str(Path(__file__).with_name("typed_use.py"))],
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
