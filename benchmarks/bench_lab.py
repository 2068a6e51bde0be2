"""How fast the Margin Lab is in headless Chromium: steps a second, work a frame, the wait from m to its picture.

    pytest benchmarks/bench_lab.py

The three figures by the clock stand beside their limits; the processor time of a frame is a ratio to a loop of a
million multiplications and additions in the same page. See `cosface_edu.figures.lab.speed`. The page is 1280 × 900,
the lab at its default setting, and no GPU helps to draw. Written to benchmarks/results/lab.json, with the machine.
"""

import os
import shutil
import time
from pathlib import Path

import pytest

from cosface_edu.experiments import record
from cosface_edu.figures import lab
from cosface_edu.figures.lab import speed

RESULTS = Path(__file__).parent / "results" / "lab.json"
ROUNDS = 3


def test_lab(benchmark, tmp_path: Path) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium on this machine: install chromium, or name it in CHROMIUM")
    lab.write_assets(tmp_path)
    file = tmp_path / "lab.html"
    file.write_text(f'<!doctype html><meta charset="utf-8">{lab.html(static=".")}', encoding="utf-8")
    began = time.perf_counter()
    runs: list[dict] = []
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])

        def watched() -> None:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(file.as_uri())
            page.wait_for_function("document.querySelector('.ml')?.lab.stats.steps > 60")
            runs.append(speed.measure(page, frames=300))
            page.close()

        benchmark.pedantic(watched, rounds=ROUNDS)
        version = browser.version
        browser.close()
    middle = sorted(runs, key=lambda run: run["cpu_ratio"])[ROUNDS // 2]
    benchmark.extra_info.update(middle)
    made = record.new(
        "cosface_edu.figures.lab.speed",
        what="The Margin Lab in a browser: steps a second, work a frame, milliseconds from m to its picture",
        command="pytest benchmarks/bench_lab.py",
        data={"source": "the lab's own, 8 people with 50 pictures each"},
        config={"browser": f"Chromium {version}, headless, without a GPU", "page": [1280, 900], "limits": speed.LIMITS},
        seeds=[0],
        seconds=time.perf_counter() - began,
        note=f"load average {os.getloadavg()[0]:.1f}",
        threads=1,
        runs=runs,
    )
    record.save(RESULTS, made)
