"""The picture that stands for the lab in print and without JavaScript: a photograph of the lab itself, trained.

`python -m cosface_edu.figures.lab.make_picture` drives a headless Chromium (named in CHROMIUM, or found on the path)
through playwright and writes `fallback.webp`.
"""

import io
import os
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from cosface_edu.figures import lab
from cosface_edu.figures.lab import bundle
from cosface_edu.files import atomically

PICTURE = Path(__file__).parent / "fallback.webp"
WIDTH, SHOWN, STEPS = 1120, 800, 60  # SHOWN: pixels, about a column of the book


def photograph() -> bytes:
    """The lab, which opens trained, after STEPS more steps of its default setting, as PNG."""
    head = f"<!doctype html><meta charset=utf-8><style>{bundle.style()}</style>"
    page_text = f"{head}{lab.html()}<script>{bundle.script()}</script>"
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        file = Path(folder) / "lab.html"
        file.write_text(page_text, encoding="utf-8")
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1400})
        page.goto(file.as_uri())
        page.wait_for_function(f"document.querySelector('.ml').lab.stats.steps >= {STEPS}", timeout=120_000)
        page.click('[data-do="play"]')
        picture = page.locator(".ml").screenshot()
        browser.close()
    return picture


def write(path: Path = PICTURE) -> None:
    """Write the picture, small enough to be loaded by everybody and seen by few."""
    image = Image.open(io.BytesIO(photograph())).convert("RGB")
    image = image.resize((SHOWN, round(SHOWN / image.width * image.height)), Image.Resampling.LANCZOS)
    with atomically(path) as part:
        image.save(part, "WEBP", quality=50, method=6)


if __name__ == "__main__":
    write()
