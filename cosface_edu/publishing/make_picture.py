"""The pictures that stand for the lab and the cover in print and without JavaScript: photographs of them, trained.

`python -m cosface_edu.publishing.make_picture` drives a headless Chromium (named in CHROMIUM, or found on the path)
through playwright and writes `fallback.webp`, `cover.webp` and those of the figures that answer into `lab/`, and for
the README the toys of the chapter on eight identities, `book/figures/eight-identities.png`.
"""

import io
import os
import shutil
import tempfile
from pathlib import Path

import torch
from PIL import Image
from playwright.sync_api import sync_playwright
from torch import Tensor

from cosface_edu import figures
from cosface_edu.experiments import toy
from cosface_edu.experiments.closure import PACKAGE
from cosface_edu.faces import FaceWorld
from cosface_edu.figures import lab, live, slider, style
from cosface_edu.figures.lab import bundle
from cosface_edu.files import atomically

FOLDER = bundle.FOLDER
STEPS = 60  # that the network, which opens trained, takes before it is photographed


def photograph(page_text: str, width: int, ready: str) -> Image.Image:
    """The element of class "ml" on a page; where there is a button, it is pressed first, to pause.

    Args:
        page_text: the page.
        width: of the window, in pixels.
        ready: JavaScript that is true once the picture is worth taking.
    """
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        file = Path(folder) / "page.html"
        file.write_text(page_text, encoding="utf-8")
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": 1400})
        page.goto(file.as_uri())
        page.wait_for_function(ready, timeout=120_000)
        if page.locator(".ml button").count():
            page.locator(".ml button").first.click()
        picture = page.locator(".ml").screenshot()
        browser.close()
    return Image.open(io.BytesIO(picture)).convert("RGB")


def turned_face() -> tuple[Tensor, Tensor]:
    """A face seen half from the side, (3, 250, 250), and its five points, (5, 2)."""
    world = FaceWorld(seed=0)
    person = torch.tensor([100])
    shot = world.neutral(person)
    shot["yaw"] = torch.tensor([25.0]).deg2rad()
    views, points = world.render(world.traits(person), shot, size=(250, 250), aligned=False)
    return views[0], points[0]


def for_the_readme() -> None:
    """The paper's Fig. 4 as the chapter draws it, for pages light or dark."""
    style.apply()
    runs = toy.many([toy.ToyConfig(loss="softmax")] + [toy.ToyConfig(loss="cosface", m=m) for m in (0.0, 0.1, 0.2)])
    with atomically(PACKAGE.parent / "book" / "figures" / "eight-identities.png") as part:
        figures.fig4_grid(runs).savefig(part, format="png", bbox_inches="tight", dpi=110)


def write() -> None:
    """Write all pictures, small enough to be loaded by everybody and seen by few."""
    head = f"<!doctype html><meta charset=utf-8><style>{bundle.style()}</style>"
    wide = 800  # about a column of the book
    trained = f".stats.steps >= {STEPS}"
    drawn = "document.querySelector('.ml').drawn > 0"
    again = "document.querySelector('.ml').drawn > 1"  # with the face, which comes after the rest
    whole = "document.querySelector('.ml').unfinished === false"
    face = live.landmarks(*turned_face())
    toys = slider.margin_slider(toy.grid()).to_html(auto_play=False, config={"displayModeBar": False})
    for name, body, script, width, ready in (
        ("fallback.webp", lab.html(), bundle.script(), 1120, f"document.querySelector('.ml').lab{trained}"),
        ("cover.webp", lab.cover_html(), bundle.cover(), wide, f"document.querySelector('.mc').cover.lab{trained}"),
        ("live-arc.webp", live.arc(), bundle.live(), wide, drawn),
        ("live-forces.webp", live.forces(), bundle.live(), wide, drawn),
        ("live-advice.webp", live.advice(), bundle.live(), wide, drawn),
        ("live-collapse.webp", live.collapse(), bundle.live(), wide, whole),
        ("live-sphere.webp", live.sphere(), bundle.live(), wide, drawn),
        ("live-landmarks.webp", face, bundle.live(), wide, again),
        ("live-slider.webp", f'<div class="ml">{toys}</div>', "", wide, "document.querySelector('.main-svg')"),
    ):
        image = photograph(f"{head}{body}<script>{script}</script>", width, ready)
        image = image.resize((wide, round(wide / image.width * image.height)), Image.Resampling.LANCZOS)
        with atomically(FOLDER / name) as part:
            image.save(part, "WEBP", quality=30, method=6)


if __name__ == "__main__":
    write()
    for_the_readme()
