"""What `jupyter-book build .` needs lies where it looks, in a zip and on Windows too."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_no_file_is_a_link() -> None:
    listed = subprocess.run(["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no git checkout")
    assert not [line for line in listed.stdout.splitlines() if line.startswith("120000")]


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = re.findall(r"(?:root|file): book/([\w/-]+)", (ROOT / "_toc.yml").read_text())
    pages = {page.relative_to(ROOT / "book").with_suffix("").as_posix() for page in (ROOT / "book").glob("*.md")}
    assert sorted(listed) == sorted(pages)


def test_make_calls_the_very_command() -> None:
    assert "jupyter-book build ." in (ROOT / "Makefile").read_text()
