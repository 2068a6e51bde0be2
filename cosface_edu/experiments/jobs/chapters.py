"""Every chapter's cells on the device: no cell fails, and how long each chapter takes."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cosface_edu.devices import cores

from . import Job

BOOK = Path("book")
ALONE = """
import json, sys, time
import jupytext, nbclient
notebook = jupytext.read(sys.argv[1])
where = {"metadata": {"path": sys.argv[2]}}
client = nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where)
began, error = time.perf_counter(), None
try:
    client.execute()
except Exception as failure:
    error = f"{type(failure).__name__}: {failure}"[-1500:]
cells = sum(cell.cell_type == "code" for cell in notebook.cells)
print(json.dumps({"cells": cells, "seconds": time.perf_counter() - began, "error": error}))
"""


def run(job: Job) -> dict[str, Any]:
    """Run the notebooks of `book/`, several at a time."""
    chapters = [path for path in sorted(BOOK.glob("*.md")) if "{code-cell}" in path.read_text(encoding="utf-8")]
    if job.tiny:
        chapters = chapters[:1]
    at_once = max(1, min(6, cores() // 2))
    found: dict[str, Any] = {"at_once": at_once, "chapters": {}}
    with ThreadPoolExecutor(at_once) as pool:
        for chapter, result in zip(chapters, pool.map(lambda path: alone(job, path), chapters), strict=True):
            found["chapters"][chapter.stem] = result
            job.say(f"{chapter.stem}: {result}")
            job.keep(found)
    return found


def alone(job: Job, chapter: Path) -> dict[str, Any]:
    """One chapter in a process of its own, with its own kernel."""
    if job.left() < 5:
        return {"skipped": "no time left"}
    began = time.perf_counter()
    threads = str(max(1, cores() // 6))
    visible = {} if job.device.type == "cuda" else {"CUDA_VISIBLE_DEVICES": ""}
    try:
        done = subprocess.run(
            [sys.executable, "-c", ALONE, str(chapter), str(BOOK)],
            capture_output=True, text=True, timeout=max(job.left(), 5),
            env=os.environ | {"OMP_NUM_THREADS": threads} | visible,
        )  # fmt: skip
        return json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"seconds": time.perf_counter() - began, "error": "not done in the job's time"}
    except (IndexError, json.JSONDecodeError):
        return {"seconds": time.perf_counter() - began, "error": done.stderr[-1500:]}
