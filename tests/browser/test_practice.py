"""Exercises in the page, opened from disk, offline: each starter fails, each solution passes, a loop is stopped."""

import html
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cosface_edu import exercises
from cosface_edu.publishing import offline_pages, practice

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "exercises"))
from questions import Question, checked

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
IN_PAGE = exercises.in_page()
CELL = '<div class="cell"><div class="cell_input"><pre>{code}</pre></div></div>'
LOOP = "print('round')\nwhile True:\n    pass\n"


@pytest.fixture(scope="session")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts as a page finds them; Python is taken from the book's own folder, or fetched once."""
    vendor = ROOT / "book" / "vendor"
    if not (vendor / practice.folder() / practice.ABOUT).exists():
        with offline_pages.fetched(practice.PYODIDE) as folder:
            practice.pack(folder, vendor)
    target = tmp_path_factory.mktemp("pages") / "_static"
    target.mkdir()
    (target / practice.folder()).symlink_to(vendor / practice.folder())
    practice.write_assets(target)
    return target


def cell(code: str) -> str:
    return CELL.format(code=html.escape(code))


def block(question: Question) -> str:
    """An exercise and its solution, as Sphinx writes them."""
    return (
        f'<div class="exercise admonition" id="ex-{question.name}"><p class="admonition-title">'
        f'<span class="caption-number">Exercise {question.name} </span></p>{"".join(map(cell, question.starter))}</div>'
        f'<div class="solution dropdown admonition"><p class="admonition-title">Solution</p>'
        f"{''.join(map(cell, question.solution))}</div>"
    )


@pytest.fixture
def opened(open_page, static: Path):
    """`opened(*names, **options)` -> a page with these exercises (all that there are, if none is named)."""

    def open_(*names: str, address: str = "", **options: object):
        known = checked()
        blocks = "".join(block(known[name]) for name in names or known)
        head = (
            '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            '<link rel="stylesheet" href="../_static/margin-practice.css">'
            '<script defer src="../_static/margin-practice.js"></script>'
        )
        file = static.parent / "book" / "boundaries.html"
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            f'<!doctype html><html lang="en"><head>{head}</head><body><article><section id="exercises"><h2>Exercises'
            f"</h2>{blocks}</section><div data-margin-progress></div></article></body></html>",
            encoding="utf-8",
        )
        page = open_page(**options).page
        page.goto(file.as_uri() + address)
        return page

    return open_


def answer(page, name: str):
    return page.locator(f".mp:has(#mp-{name})")


def checks(page, name: str, code: str | None = None) -> str:
    """What the page says to a code, or to what stands in the editor."""
    if code is not None:
        page.locator(f"#mp-{name}").fill(code)
    here = answer(page, name)
    here.get_by_role("button", name="Check", exact=True).click()
    page.wait_for_function(
        """name => { const mp = document.getElementById('mp-' + name).closest('.mp');
            return mp.querySelector('.mp-main').ariaDisabled === 'false' && mp.querySelector('.mp-status.check'); }""",
        arg=name,
        timeout=120_000,
    )
    return here.locator(".mp-status").inner_text()


def test_every_starter_fails_and_every_solution_passes(opened) -> None:
    page = opened()
    known = checked()
    assert page.locator(".mp-code").count() == len(IN_PAGE)
    assert page.locator(".mp-notebook").count() == len(known) - len(IN_PAGE)
    assert page.get_by_role("button", name="Show solution").count() == len(IN_PAGE)
    took = []
    for name in IN_PAGE:
        begun = time.perf_counter()
        said = checks(page, name)
        took.append(time.perf_counter() - begun)
        assert said.startswith("✗ not yet: "), name
        assert "your code raised" not in said
        said = checks(page, name, known[name].solution[-1].replace("exercises.check", "(lambda *given: None)"))
        assert said.startswith("✓ "), f"{name}: {said}"
    print(f"first check: {took[0]:.1f} s cold, {sorted(took)[len(took) // 2]:.3f} s warm")
    overview = page.locator(".mp-overview")
    assert f"{len(IN_PAGE)} of {len(IN_PAGE)} exercises solved" in overview.inner_text()
    with page.expect_download() as download:
        overview.get_by_role("button", name="Export").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text.count("\n# solved, checked 20") == len(IN_PAGE)
    compile(text, "answers.py", "exec")
    said = ran(download.value.path())
    assert [line for line in said.splitlines() if line.startswith(tuple(IN_PAGE))] == [
        line for line in said.splitlines() if ": ✓ " in line
    ]
    assert said.count(": ✓ ") == len(IN_PAGE)


def ran(file: Path) -> str:
    """What an exported file prints."""
    utf8 = os.environ | {"PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, str(file)]
    done = subprocess.run(command, capture_output=True, env=utf8, encoding="utf-8", timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_a_broken_answer_stops_no_other_of_the_export(opened) -> None:
    names = ["boundaries-cross", "boundaries-width", "eight-gap", "network-fc", "network-depth", "build-scores"]
    page = opened(*names)
    right = checked()["network-fc"].solution[-1].partition("exercises.check")[0]
    codes = {
        "nsl-posterior": LOOP,
        "boundaries-cross": "m = = 1",
        "boundaries-width": "def width(m):\n    \"\"\"Said '''twice''', \\n.\"\"\"\n    return 2 ** 0.5 * m\n",
        "eight-gap": "print(nobody)",
        "network-fc": right,
        "network-depth": "input()",
        "build-scores": "1 / 0\x00",
    }
    for name, code in codes.items():
        line = f'exercises.check("{name}", {"width" if "width" in name else "fc_parameters" if "fc" in name else "m"})'
        check = {"code": code, "line": line, "passed": name == "network-fc", "message": "as it was", "date": "2026"}
        page.evaluate(
            "([name, entry]) => localStorage.setItem('margin-book-exercise:' + name, JSON.stringify(entry))",
            [name, {"code": code, **({} if name == "build-scores" else {"checked": check})}],
        )
    page.evaluate(
        "localStorage.setItem('margin-book-exercise:network-fc', JSON.stringify({...JSON.parse("
        "localStorage.getItem('margin-book-exercise:network-fc')), code: 'spoilt later'}))"
    )
    page.reload()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert f"\n{right.strip()}\n" in text  # readable as code
    said = ran(download.value.path())
    assert "nsl-posterior: stopped after 20 seconds" in said
    assert "boundaries-cross: line 1: SyntaxError: invalid syntax" in said
    assert "boundaries-width: ✓ " in said
    assert "eight-gap: line 1: NameError: name 'nobody' is not defined" in said
    assert "network-fc: ✓ " in said
    assert "network-depth: line 1: EOFError: there is no keyboard input here" in said
    assert "build-scores: SyntaxError: " in said


def test_an_endless_loop_is_stopped_and_python_comes_back(opened) -> None:
    page = opened("boundaries-width")
    assert "stopped after 5 seconds" in checks(page, "boundaries-width", LOOP)
    assert answer(page, "boundaries-width").locator(".mp-printed").inner_text().strip() == "round"
    said = checks(page, "boundaries-width", "def width(m):\n    print('at', m)\n    return 2 ** 0.5 * m\n")
    assert said.startswith("✓")
    assert answer(page, "boundaries-width").locator(".mp-printed").inner_text().startswith("at 0.1\nat 0.2")


def test_work_survives_a_reload_and_reset_forgets_it(opened) -> None:
    page = opened("boundaries-width")
    code = "def width(m):\n    return 2 ** 0.5 * m  # mine\n"
    assert checks(page, "boundaries-width", code).startswith("✓")
    page.locator("#mp-boundaries-width").fill(code + "# a thought")
    page.reload()
    assert page.locator("#mp-boundaries-width").input_value() == code + "# a thought"
    assert answer(page, "boundaries-width").locator(".mp-done").is_visible()
    assert page.locator(".mp-count").inner_text().startswith("1 of the ")
    assert page.evaluate("marginPractice.solvedCode('boundaries-width')") == code
    page.once("dialog", lambda dialog: dialog.accept())
    answer(page, "boundaries-width").get_by_role("button", name="Reset").click()
    assert "mine" not in page.locator("#mp-boundaries-width").input_value()
    assert page.locator(".mp-count").inner_text().startswith("0 of the ")


def test_a_second_tab_follows_and_overwrites_nothing(opened) -> None:
    first = opened("boundaries-width")
    second = first.context.new_page()
    second.goto(first.url)
    code = "def width(m):\n    return 2 ** 0.5 * m  # in the second\n"
    second.locator("#mp-boundaries-width").fill(code)
    first.wait_for_function("code => document.getElementById('mp-boundaries-width').value === code", arg=code)
    assert checks(first, "boundaries-width").startswith("✓")
    second.wait_for_function("!document.querySelector('.mp-done').hidden")
    second.reload()
    assert second.locator("#mp-boundaries-width").input_value() == code


@pytest.mark.parametrize("storage", ["null", "refused", "full"])
def test_where_the_browser_keeps_nothing_the_page_says_so_and_exports(opened, storage: str) -> None:
    page = opened("boundaries-width")
    page.add_init_script(
        {
            "null": "Object.defineProperty(window, 'localStorage', { value: null });",
            "refused": "Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused'); } });",
            "full": "Storage.prototype.setItem = () => { throw new Error('full'); };",
        }[storage]
    )
    page.reload()
    assert checks(page, "boundaries-width", "def width(m):\n    return 2 ** 0.5 * m\n").startswith("✓")
    assert answer(page, "boundaries-width").locator(".mp-done").is_visible()
    count = page.locator(".mp-count")
    assert "1 of the " in count.inner_text()
    assert "are kept" not in count.inner_text()
    assert "does not keep what you write" in count.inner_text()
    with page.expect_download() as download:
        count.get_by_role("button", name="Export").click()
    assert "    return 2 ** 0.5 * m\n" in Path(download.value.path()).read_text(encoding="utf-8")


@pytest.mark.parametrize("sign", ["#", "?"])
def test_an_address_runs_no_code(opened, sign: str) -> None:
    """Nothing of an address reaches the editor, and Python is not even fetched before a click."""
    page = opened(
        "boundaries-width",
        address=f"{sign}code=print(1)&boundaries-width=print(1)&last=print(1)&<img src=x onerror=alert(1)>",
    )
    page.wait_for_timeout(500)
    assert "print(1)" not in page.locator("#mp-boundaries-width").input_value()
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0


def test_what_is_kept_is_shown_as_text(opened) -> None:
    page = opened("boundaries-width")
    bad = "<img src=x onerror=alert(1)>"
    page.evaluate(
        "bad => localStorage.setItem('margin-book-exercise:boundaries-width', JSON.stringify("
        "{ code: bad, checked: { code: bad, line: bad, passed: false, message: bad, date: bad } }))",
        bad,
    )
    page.reload()
    assert page.locator("#mp-boundaries-width").input_value() == bad
    assert answer(page, "boundaries-width").locator(".mp-status").inner_text() == bad
    assert page.locator("img").count() == 0


def test_by_keyboard_alone_on_a_phone(opened) -> None:
    page = opened("boundaries-width", width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    area = page.locator("#mp-boundaries-width")
    area.fill("")
    area.focus()
    page.keyboard.type("def width(m):\nif m:\nreturn m")
    assert area.input_value() == "def width(m):\n    if m:\n        return m"
    page.keyboard.press("Shift+Tab")
    assert area.input_value().endswith("\n    return m")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent") == "Check"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert answer(page, "boundaries-width").locator(".mp-hint").is_visible()


def test_a_check_keeps_the_focus_and_a_second_press_meanwhile_does_nothing(opened) -> None:
    page = opened("boundaries-width")
    page.locator("#mp-boundaries-width").fill("print('once')")
    page.evaluate(
        "window.runs = 0; new MutationObserver(() => runs++)"
        ".observe(document.querySelector('.mp-printed'), { childList: true })"
    )
    button = answer(page, "boundaries-width").get_by_role("button", name="Run", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-disabled") == "true"
    page.wait_for_function("document.activeElement.ariaDisabled === 'false'", timeout=120_000)
    page.wait_for_timeout(300)
    assert page.evaluate("[document.activeElement.textContent, runs]") == ["Run", 1]


def test_on_paper_there_is_the_starter(opened) -> None:
    page = opened("boundaries-width")
    starter = page.locator(".mp-original")
    assert not starter.is_visible()
    page.emulate_media(media="print")
    assert starter.is_visible()
    assert not page.locator(".mp").first.is_visible()


def test_other_scripts_may_run_python(opened) -> None:
    page = opened("boundaries-width")
    found = page.evaluate("marginPractice.run({ code: 'def f(x): return [x, 2 * x]', last: 'f(1.5)' })")
    assert found["json"] == "[1.5, 3.0]"
    refused = page.evaluate("marginPractice.run({ code: 'from js import fetch\\nfetch(\"https://example.org\")' })")
    assert "there is no network here" in refused["error"] or refused["error"] == ""
