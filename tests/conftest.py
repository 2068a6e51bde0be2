"""Shared by every test: seeds, so that results do not depend on which tests ran before, and the built pages."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

ROOT = Path(__file__).resolve().parents[1]


def chapters() -> list[str]:
    """Names of all pages in the order of the table of contents."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a `chapter` runs once for each page of the book."""
    if "chapter" in metafunc.fixturenames:
        metafunc.parametrize("chapter", chapters())


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def html() -> Path:
    """Folder of the built pages; building runs every chapter from top to bottom, with warnings as errors."""
    done = subprocess.run([sys.executable, ROOT / "book" / "build.py"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"the book does not build:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return ROOT / "book" / "_build" / "html"
