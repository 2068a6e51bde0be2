"""A small book, built as the large one is: `jupyter-book build .` from the folder that holds its two files."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cosface_edu.figures import frontend
from cosface_edu.publishing import offline_pages, run_chapters

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  name: python3
---

# {title}

```{{code-cell}}
import time
from cosface_edu.figures import frontend
print("ran at", time.time_ns(), "in a notebook" if frontend.carries_all() else "in the book")
```
"""


@pytest.fixture
def small_book(tmp_path: Path) -> Path:
    """The book's own _config.yml, two chapters, and folders that hold texts but no chapters."""
    shutil.copy(ROOT / "_config.yml", tmp_path)
    chapters = "".join(f"  - file: book/{name}\n" for name in ("one", "two"))
    (tmp_path / "_toc.yml").write_text(f"format: jb-book\nroot: book/index\nchapters:\n{chapters}")
    for folder in ("book/_static", "book/results", ".venv/lib", "venv/lib", "an-environment"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "book/_static/book.css").touch()
    (tmp_path / "book/references.bib").touch()
    (tmp_path / "book/index.md").write_text("# A small book\n")
    for name in ("one", "two"):
        (tmp_path / f"book/{name}.md").write_text(CHAPTER.format(title=f"Chapter {name}"))
    for stray in (".venv/lib", "venv/lib", "an-environment", "."):
        (tmp_path / stray / "README.md").write_text("[no page](of-the-book.md)\n")
    for wanted in offline_pages.PAGE_SCRIPTS.values():
        for target in wanted.values():
            script = tmp_path / offline_pages.VENDOR / target
            script.parent.mkdir(parents=True, exist_ok=True)
            script.mkdir() if target.endswith("/") else script.touch()
    return tmp_path


def ran_at(root: Path) -> list[str]:
    """Build with warnings as errors; when the chapters ran, as their pages say."""
    command = [Path(sys.executable).with_name("jupyter-book"), "build", ".", "-W", "-n", "--keep-going"]
    outside = {k: v for k, v in os.environ.items() if k != frontend.BUILD}
    done = subprocess.run(command, cwd=root, env=outside, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    html = root / "_build" / "html"
    assert "book/index.html" in (html / "index.html").read_text()
    pages = ((html / "book" / f"{name}.html").read_text() for name in ("one", "two"))
    return [found for page in pages for found in re.findall(r"ran at (\d+) in the book", page)]


def test_one_command_builds_and_knows_what_is_stale(small_book: Path) -> None:
    first = ran_at(small_book)
    assert len(first) == 2
    chapter = small_book / "book/two.md"
    chapter.write_text(chapter.read_text() + "\nAnother sentence.\n")  # text alone does not make a chapter run again
    assert ran_at(small_book) == first
    (small_book / "book/results/new.json").write_text("{}")
    assert not set(ran_at(small_book)) & set(first)


def test_fingerprint_is_of_content_and_place_within_the_book(small_book: Path, tmp_path_factory) -> None:
    before = run_chapters.fingerprint(small_book)
    assert run_chapters.fingerprint(shutil.copytree(small_book, tmp_path_factory.mktemp("moved") / "book")) == before
    (small_book / "book/results/new.json").write_text("{}")
    assert run_chapters.fingerprint(small_book) != before
