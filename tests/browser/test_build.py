"""Build CosFace yourself, in pages opened from disk: five exercises in five chapters, and a lab that trains by them."""

import html
import inspect
import re
from pathlib import Path

import pytest

from cosface_edu.exercises import built
from cosface_edu.figures import lab
from cosface_edu.publishing import offline_pages, practice

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
LABELS = {name: f"ex-build-{number}" for number, name in enumerate(built.PIECES, start=1)}
WAIT = 120_000  # a first check fetches Python, on a machine that runs other tests beside


def _cell(chapter: str, label: str, part: str) -> str:
    text = (ROOT / "book" / f"{chapter}.md").read_text()
    block = re.search(rf"\{{{part}-start\}}(?:\n:label:)? {label}\n(.*?)\{{{part}-end\}}", text, re.DOTALL)[1]
    return re.search(r"```\{code-cell\} ipython3\n(.*?)```", block, re.DOTALL)[1]


SOLUTIONS = {
    name: _cell(chapter, LABELS[name], "solution").partition("exercises.check")[0]
    for name, (_, chapter) in built.PIECES.items()
}


@pytest.fixture(scope="module")
def book(built_page, tmp_path_factory) -> Path:
    """Five pages as the book builds them, as far as the exercises go, with their scripts beside them."""
    folder = tmp_path_factory.mktemp("book")
    vendor, static = ROOT / "book" / "vendor", folder / "_static"
    if not (vendor / practice.folder() / practice.ABOUT).exists():
        with offline_pages.fetched(practice.PYODIDE) as package:
            practice.pack(package, vendor)
    lab.write_assets(static)
    (static / practice.folder()).symlink_to(vendor / practice.folder())
    practice.write_assets(static)
    (folder / "book").mkdir()
    for name, (_, chapter) in built.PIECES.items():
        starter = html.escape(_cell(chapter, LABELS[name], "exercise"))
        more = lab.html() + lab.build_html() if chapter == "margin-lab" else ""
        (folder / "book" / f"{chapter}.html").write_text(
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<link rel="stylesheet" href="../_static/margin-practice.css"></head><body><article>'
            f'<div class="exercise" id="{LABELS[name]}"><p class="admonition-title">'
            f'<span class="caption-number">Exercise</span></p><div class="cell"><div class="cell_input"><pre>{starter}'
            f"</pre></div></div></div>{more}</article>"
            '<script defer src="../_static/margin-practice.js"></script></body></html>'
        )
    return folder / "book"


def _check(page, name: str, code: str) -> str:
    page.locator(f"#mp-{name}").fill(code)
    said = "stopped after"
    for _ in range(3):  # five seconds are little where many tests share a core
        if "stopped after" in said:
            page.locator(".mp-main").click()
            page.wait_for_function(
                "document.querySelector('.mp-status').className.includes('check') "
                "&& document.querySelector('.mp-main').ariaDisabled === 'false'",
                timeout=WAIT,
            )
            said = page.locator(".mp-status").inner_text()
    return said


def test_five_pieces_lead_to_a_lab_that_trains_with_them(book: Path, open_page) -> None:
    page = open_page().page
    for name, (_, chapter) in built.PIECES.items():
        page.goto((book / f"{chapter}.html").as_uri())
        said = _check(page, name, SOLUTIONS[name])
        assert said.startswith("✓"), f"{name}: {said}"
        if chapter != "softmax":
            assert "Carried over from this browser: scores" in page.locator(".mp-carried").inner_text()
            assert "Missing" not in page.locator(".mp-carried").inner_text()
    page.locator(".ml-build .ml-main").click()
    page.wait_for_function("document.querySelector('.ml-build').build.lab.engine.steps >= 40", timeout=WAIT)
    page.locator(".ml-build .ml-main").click()
    assert page.evaluate("document.querySelector('.ml-build').build.worst()") < 1e-6
    assert page.evaluate("document.querySelector('.ml-build').build.lab.engine.figures.heldOut") > 0.3
    assert "agrees with the package's" in page.locator('[data-build="says"]').inner_text()


def test_a_piece_that_is_missing_is_named_and_the_book_s_may_stand_in(book: Path, open_page) -> None:
    page = open_page(width=390, height=844).page
    page.goto((book / "lmcl.html").as_uri())
    carried = page.locator(".mp-carried")
    assert "Missing" in carried.inner_text()
    assert carried.locator("a").nth(1).get_attribute("href") == "nsl.html#ex-build-2"
    assert "the book's stand in" in carried.inner_text()
    carried.locator("button").click()
    assert "the book's stand in" not in carried.inner_text()
    said = _check(page, "build-loss", SOLUTIONS["build-loss"])
    assert "cosines of the chapter 'nsl' is missing" in said
    carried.locator("button").click()
    assert "the book's stand in" in carried.inner_text()
    assert _check(page, "build-loss", SOLUTIONS["build-loss"]).startswith("✓")
    page.goto((book / "gradients.html").as_uri())
    assert "loss" in page.locator(".mp-carried").inner_text()
    wrong = SOLUTIONS["build-gradient"].replace("- cos[j] * p", "")
    assert "along x" in _check(page, "build-gradient", wrong)


def test_a_piece_that_runs_no_more_is_named_with_the_way_out(book: Path, open_page) -> None:
    """A whole cell that was pasted is carried over; one that stood on the book's scores is not, once these are gone."""
    page = open_page().page
    page.goto((book / "nsl.html").as_uri())
    assert _check(page, "build-cosines", SOLUTIONS["build-cosines"]).startswith("✓")
    page.locator(".mp-carried button").click()
    page.goto((book / "lmcl.html").as_uri())
    said = _check(page, "build-loss", SOLUTIONS["build-loss"])
    assert "cosines of the chapter 'nsl' does not run here" in said
    assert "scores of the chapter 'softmax' is missing" in said
    assert '"Use the book\'s"' in said
    page.goto((book / "softmax.html").as_uri())
    whole = SOLUTIONS["build-scores"] + 'exercises.check("build-scores", scores)\n'
    assert _check(page, "build-scores", whole).startswith("✓")
    page.goto((book / "lmcl.html").as_uri())
    assert _check(page, "build-loss", SOLUTIONS["build-loss"]).startswith("✓")
    page.locator(".mp-carried button", has_text="Use the book's").click()
    assert page.locator(".mp-carried button").count() == 0  # nothing is missing


def test_the_lab_refuses_a_loss_that_is_not_the_package_s(book: Path, open_page) -> None:
    """A step that passed once and was tampered with since: at the first step the lab says how far off it is."""
    page = open_page().page
    page.goto((book / "margin-lab.html").as_uri())
    page.locator(".ml-build .ml-main").click()
    assert "waits for your step" in page.locator('[data-build="says"]').inner_text()
    entry = "{ code, line: '', passed: true, message: '', date: '' }"
    wrong = SOLUTIONS["build-step"].replace("return mean,", "return 1.01 * mean,")
    page.evaluate(
        f"code => localStorage['margin-book-exercise:build-step'] = JSON.stringify({{ code, checked: {entry} }})",
        wrong,
    )
    page.reload()
    page.locator(".ml-build .ml-main").click()
    page.wait_for_function(
        "document.querySelector('[data-build=says]').innerText.includes('away from the package')", timeout=WAIT
    )
    assert "at step 1" in page.locator('[data-build="says"]').inner_text()


def test_the_solutions_are_whole_cells() -> None:
    for name, (functions, _) in built.PIECES.items():
        assert all(f"def {function}(" in SOLUTIONS[name] for function in functions)
        assert all(inspect.isfunction(getattr(built, function)) for function in functions)
