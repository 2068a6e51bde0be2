"""The moving picture in the README: the lab, filmed while its margin is dragged to nothing and back.

`python -m cosface_edu.publishing.make_moving_picture` drives a headless Chromium (named in CHROMIUM, or found on the
path) through playwright and writes `book/figures/margin-lab.webp`, an animated WebP.
"""

import io
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import FloatRect, Page, sync_playwright

from cosface_edu.experiments.closure import PACKAGE
from cosface_edu.figures import lab
from cosface_edu.figures.lab import bundle
from cosface_edu.files import atomically

TARGET = PACKAGE.parent / "book" / "figures" / "margin-lab.webp"
WIDTH = 720  # of the picture, in pixels
PER_SECOND = 8
STEPS = 10  # of training between two frames
#: The margin, frame by frame: held, dragged to 0, held while the gap closes, dragged back, held while it opens.
MARGINS = np.concatenate(
    [np.full(6, 0.2), np.linspace(0.2, 0, 8), np.zeros(12), np.linspace(0, 0.2, 8), np.full(14, 0.2)]
)


def film(margins: np.ndarray) -> list[Image.Image]:
    """The lab's controls and first row of pictures, a frame for each margin, the network training in between."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    text = f"<!doctype html><meta charset=utf-8><style>{bundle.style()}</style>{lab.html()}"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        file = Path(folder) / "page.html"
        file.write_text(f"{text}<script>{bundle.script()}</script>", encoding="utf-8")
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1120, "height": 1000})
        page.goto(file.as_uri())
        page.wait_for_function("document.querySelector('.ml')?.lab?.engine.steps > 0", timeout=120_000)
        page.get_by_role("button", name="Pause").click()  # steps are counted, whatever the machine's speed
        page.evaluate("document.querySelectorAll('.ml details').forEach((part) => part.removeAttribute('open'))")
        step = page.get_by_role("button", name="Step")
        frames: list[Image.Image] = []
        clip = _clip(page)  # once: all frames are of one size
        for m in margins:
            page.locator('[data-in="m"]').fill(f"{m:.3f}")
            page.evaluate("document.activeElement.blur()")
            step.evaluate(f"(button) => {{ for (let i = 0; i < {STEPS}; i++) button.click(); }}")
            frames.append(_frame(page, clip))
        browser.close()
    return frames


def _clip(page: Page) -> FloatRect:
    """From the lab's top to below its first row of pictures."""
    whole = page.locator(".ml").bounding_box()
    row = page.locator(".ml canvas").nth(2).bounding_box()
    assert whole is not None
    assert row is not None
    height = row["y"] + row["height"] - whole["y"] + 6
    return {"x": whole["x"], "y": whole["y"], "width": whole["width"], "height": height}


def _frame(page: Page, clip: FloatRect) -> Image.Image:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    picture = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
    return picture.resize((WIDTH, round(WIDTH / picture.width * picture.height)), Image.Resampling.LANCZOS)


def write() -> None:
    """Film the lab and keep it, small enough for a page that many load."""
    first, *others = film(MARGINS)
    with atomically(TARGET) as part:
        first.save(
            part, "WEBP", save_all=True, append_images=others, duration=1000 // PER_SECOND, loop=0, quality=45, method=6
        )


if __name__ == "__main__":
    write()
