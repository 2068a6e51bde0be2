"""Nothing is cut: equations, tables and code fit their column on a desk, and on a phone nothing runs under anything."""

from pathlib import Path

import pytest

pytestmark = [pytest.mark.book, pytest.mark.browser]

# Folded cells and answers are opened first: what a reader may unfold must fit as well.
OPEN = """() => {
  document.querySelectorAll('details').forEach(element => { element.open = true; });
  document.querySelectorAll('.toggle-hidden').forEach(element => element.classList.remove('toggle-hidden'));
  return window.MathJax && MathJax.startup ? MathJax.startup.promise.then(() => true) : true;
}"""

TOO_WIDE = """selector => [...document.querySelectorAll(selector)]
  .filter(element => element.offsetParent && element.scrollWidth - element.clientWidth > 1)
  .map(element => `${element.scrollWidth - element.clientWidth} px: ${element.innerText.slice(0, 60)}`)"""

TABLES_OUT = """() => [...document.querySelectorAll('article table')].filter(table => table.offsetParent)
  .map(table => [table, table.parentElement.closest('.output, .pst-scrollable-table-container, section, div')])
  .filter(([table, box]) => table.getBoundingClientRect().right - box.getBoundingClientRect().right > 1)
  .map(([table]) => table.innerText.slice(0, 60))"""

UNDER_ITS_NUMBER = """() => [...document.querySelectorAll('article div.math > .eqno')]
  .filter(number => number.offsetParent)
  .map(number => [number, number.parentElement.querySelector('mjx-container')])
  .filter(([number, formula]) => formula &&
    formula.getBoundingClientRect().right > number.getBoundingClientRect().left + 1)
  .map(([number]) => number.innerText)"""


# Of pictures of cells: how much narrower they are than themselves or 34 rem, and those in no link that scrolls.
SQUEEZED = """() => [...document.querySelectorAll('article .cell_output a.image-reference img')]
  .filter(image => image.offsetParent)
  .map(image => [image, Math.min(544, parseFloat(image.style.width) || image.naturalWidth) - image.clientWidth])
  .filter(([image, lost]) => lost > 1 || getComputedStyle(image.parentElement).overflowX !== 'auto')
  .map(([image, lost]) => `${lost} px: ${image.alt.slice(0, 60)}`)"""

FOLD_FIRST = """() => [...document.querySelectorAll('article .cell > details.above-input + .cell_output')]
  .map(output => output.innerText.slice(0, 60))"""


@pytest.mark.parametrize("width", [1280, 1440])
def test_on_a_desk_nothing_needs_sideways_scrolling(open_page, html: Path, chapter: str, width: int) -> None:
    page = open_page(width=width).page
    page.goto(f"{html.as_uri()}/{chapter}.html")
    page.evaluate(OPEN)
    assert page.evaluate(TOO_WIDE, 'article mjx-container[display="true"]') == []
    assert page.evaluate(TOO_WIDE, "article pre") == []
    assert page.evaluate(TABLES_OUT) == []


def test_on_a_phone_formulas_keep_clear_code_breaks_and_figures_keep_their_size(
    open_page, html: Path, chapter: str
) -> None:
    page = open_page(width=390).page
    page.goto(f"{html.as_uri()}/{chapter}.html")
    page.evaluate(OPEN)
    assert page.evaluate(UNDER_ITS_NUMBER) == []
    assert page.evaluate(SQUEEZED) == []
    assert page.evaluate(FOLD_FIRST) == []
    assert page.evaluate(TOO_WIDE, "article pre") == []
