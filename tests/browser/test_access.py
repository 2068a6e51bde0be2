"""Nothing bars readers from a page: axe-core finds no violation of WCAG 2.2 AA, and keys reach every control."""

from pathlib import Path

import pytest

pytestmark = [pytest.mark.book, pytest.mark.browser]

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

# Controls in sight that the Tab key would pass by. Radio buttons share one stop; tabs are reached by arrow keys.
OUT_OF_REACH = """() => [...document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, [role=slider], [role=button], [data-view]')]
  .filter(node => node.checkVisibility({visibilityProperty: true}) && !node.disabled && node.tabIndex < 0)
  .map(node => node.outerHTML.slice(0, 160))"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(open_page, html: Path, chapter: str, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = open_page(color_scheme=theme, reduced_motion="reduce").page
    page.goto(f"{html.as_uri()}/{chapter}.html")
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
    if page.locator('script[type="application/vnd.jupyter.widget-view+json"]').count():
        page.wait_for_selector(".noUi-handle", state="attached")
    page.wait_for_timeout(1000)  # formulas, figures and widgets are drawn after the page
    # Without preload: a page from disk may not ask for its own style sheets again, and only a rule on locked
    # orientation wants them.
    rules = {"runOnly": {"type": "tag", "values": WCAG}, "resultTypes": ["violations"], "preload": False}
    found = axe.Axe().run(page, options=rules)
    violations = found.response["violations"]
    assert [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in violations] == []


def test_formulas_are_no_stops_of_the_tab_key_and_can_be_read_aloud(open_page, html: Path) -> None:
    page = open_page().page
    page.goto(f"{html.as_uri()}/lmcl.html")
    page.wait_for_selector("mjx-container", state="attached")
    page.evaluate("MathJax.startup.promise")
    assert page.locator("mjx-container[tabindex='0']").count() == 0
    assert page.locator("mjx-container > mjx-assistive-mml math").count() == page.locator("mjx-container").count()


def test_keys_reach_every_control(open_page, html: Path, chapter: str) -> None:
    page = open_page().page
    page.goto(f"{html.as_uri()}/{chapter}.html")
    page.wait_for_timeout(500)
    assert page.evaluate(OUT_OF_REACH) == []


def test_the_chinese_page_s_title_says_on_every_page_that_it_is_chinese(open_page, html: Path) -> None:
    page = open_page().page
    page.goto(f"{html.as_uri()}/notation.html")  # the page before it: in the table of contents, and below the text
    links = page.get_by_text("中文导读").all()
    assert len(links) > 1
    assert [link.evaluate("link => link.closest('[lang]').lang") for link in links] == ["zh-Hans"] * len(links)
