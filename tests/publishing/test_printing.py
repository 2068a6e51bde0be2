"""The book on paper: two small pages printed, and what a reader of the PDF finds in it."""

import io
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("pypdf", reason="pypdf is not installed")
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from PIL import Image
from pypdf import PdfReader

from cosface_edu.publishing.offline_pages import PRINT_LIGHT
from cosface_edu.publishing.printing import chromium, document
from cosface_edu.publishing.printing.__main__ import BOOK, PRINTED, main
from cosface_edu.publishing.printing.document import NotPrintable

ROOT = Path(__file__).resolve().parents[2]
RED, BLUE = (200, 30, 40), (20, 60, 200)

PAGE = """<html><head><link rel="stylesheet" href="../_static/print.css"></head><body>
<div class="bd-sidebar-primary">SIDEBAR</div><article class="bd-article"><section id="top">
<h1>{title}<a class="headerlink" href="#top">#</a></h1>{text}</section></article></body></html>"""

MOVES = '<div data-margin-live="arc" style="min-height: 900px"><img src="../_images/red.png" alt="an arc"></div>'

# A live figure that a browser can draw, and one that becomes too tall for paper.
DRAWN = """<div data-margin-live="a"><img src="../_images/red.png"><table><tr><td>INWORDS</td></tr></table></div>
<div data-margin-live="tall"><img src="../_images/red.png"></div>
<script src="../_static/margin-live.js"></script>"""
SCRIPT = f"""for (const figure of document.querySelectorAll('[data-margin-live]')) {{
  figure.innerHTML = '<div></div>';
  const height = figure.dataset.marginLive === 'tall' ? 3000 : 200;
  figure.firstChild.style = `height: ${{height}}px; background: rgb{BLUE}`;
  figure.dataset.mounted = 'true';
}}"""
CODE = "x = [" + ", ".join(str(n) for n in range(100, 119)) + ", 11]"  # 105 characters

EXERCISE = """<section id="exercises"><h2>How large is <span class="math">\\(s\\)</span>?</h2>
<div class="exercise admonition" id="ex-{n}"><p class="admonition-title">Exercise {n}</p><p>ASKED{n}</p></div>
<div class="solution dropdown admonition" id="a-solution"><p class="admonition-title">Solution</p>
<p>ANSWER{n}, see <a href="two.html#far">there</a></p></div></section>"""


def words(pdf: PdfReader) -> list[str]:
    return [page.extract_text() for page in pdf.pages]


def bookmarks(pdf: PdfReader, outline=None, level: int = 0) -> list[tuple[int, str, int]]:
    found = []
    for item in pdf.outline if outline is None else outline:
        if isinstance(item, list):
            found += bookmarks(pdf, item, level + 1)
        else:
            found.append((level, item.title, pdf.get_destination_page_number(item)))
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of three built pages: a root, and two chapters in a part."""
    folder = tmp_path_factory.mktemp("book")
    pages = folder / "_build" / "html"
    for name in ("book", "_static", "_images"):
        (pages / name).mkdir(parents=True)
    (folder / "_toc.yml").write_text(
        "root: book/index\nparts:\n- caption: The Part\n  chapters:\n  - file: book/one\n    sections:\n"
        "    - file: book/reference-one\n  - file: book/two\n"
    )
    (folder / "_config.yml").write_text('title: "Small"\nhtml:\n  baseurl: "https://example.org/small"\n')
    (pages / "_static" / "print.css").write_text((ROOT / "book" / "_static" / "print.css").read_text())
    Image.new("RGBA", (300, 120), (*RED, 255)).save(pages / "_images" / "red.png")
    (pages / "_static" / "margin-live.js").write_text(SCRIPT)
    long = "<p>filler</p>" * 80
    texts = {
        "index": ("Small", "<p>Welcome.</p>"),
        "one": (
            "One",
            '<p><a href="two.html#far">to two</a> <a href="https://arxiv.org">out</a> '
            f'<a href="reference-one.html#f">looked up</a></p>{MOVES}',
        ),
        "two": (
            "Two",
            f'{long}<section id="far"><h2>Far</h2><p>HERE <a href="one.html#lab&amp;m=0.2">a setting</a></p>'
            f'<div class="highlight"><pre>{CODE}</pre></div>{DRAWN}</section>',
        ),
    }
    for n, (name, (title, text)) in enumerate(texts.items()):
        text += EXERCISE.format(n=n) if name != "index" else ""
        (pages / "book" / f"{name}.html").write_text(PAGE.format(title=title, text=text))
    return folder


def apart(call: Callable):
    """What a call gives that drives a browser of its own: a thread may not do that while other tests hold one open."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result()


@pytest.fixture(scope="module")
def printed(root: Path) -> PdfReader:
    """The whole small book, as `make pdf` prints it."""
    try:
        chromium.executable()
    except NotPrintable as problem:
        pytest.skip(str(problem))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert apart(lambda: [main(["book"]), main(["handouts"])]) == [0, 0]
    return PdfReader(root / PRINTED / BOOK)


@pytest.mark.browser
def test_bookmarks_are_parts_chapters_and_sections(printed: PdfReader) -> None:
    found = bookmarks(printed)
    assert [(level, title) for level, title, _ in found][:9] == [
        (0, "Contents"),
        (0, "Small"),
        (0, "The Part"),
        (1, "One"),
        (2, "How large is s?"),
        (1, "Two"),
        (2, "Far"),
        (2, "How large is s?"),
        (0, "Solutions"),
    ]
    texts = words(printed)
    assert all(title.split()[0] in texts[page] for _, title, page in found)


@pytest.mark.browser
def test_the_number_on_a_page_is_the_viewer_s_and_the_contents_tell_it(printed: PdfReader) -> None:
    texts = words(printed)
    assert printed.page_labels == [str(n + 1) for n in range(len(texts))]
    for n, text in enumerate(texts[1:], 2):
        assert re.search(rf"(^|\n){n}\s*(\n|$)", text), (n, text[-80:])
    starts = [(title, page + 1) for _, title, page in bookmarks(printed) if title in ("Small", "One", "Two")][:3]
    for title, page in starts:
        assert re.search(rf"{title}\s*{page}\b", texts[1])


@pytest.mark.browser
def test_links_stay_inside_or_go_out(printed: PdfReader) -> None:
    where = {page for _, title, page in bookmarks(printed) if title == "Far"}
    start = next(page for _, title, page in bookmarks(printed) if title == "One")
    links = [note.get_object() for note in printed.pages[start]["/Annots"]]
    inside = [printed.named_destinations[link["/Dest"]] for link in links if "/Dest" in link]
    assert where & {printed.get_destination_page_number(place) for place in inside}
    outside = {link["/A"]["/URI"] for link in links if "/A" in link}
    site = "https://example.org/small/book/"
    assert outside == {"https://arxiv.org/", f"{site}one.html", f"{site}reference-one.html#f"}


@pytest.mark.browser
def test_a_setting_of_the_lab_leads_to_its_chapter(printed: PdfReader) -> None:
    pages = {title: page for _, title, page in reversed(bookmarks(printed))}  # the first of a name stays
    notes = [note.get_object() for note in printed.pages[pages["Far"]]["/Annots"]]
    inside = [printed.named_destinations[note["/Dest"]] for note in notes if "/Dest" in note]
    assert pages["One"] in {printed.get_destination_page_number(place) for place in inside}


@pytest.mark.browser
def test_a_long_line_of_code_gets_smaller_letters_rather_than_a_break(printed: PdfReader) -> None:
    assert CODE in "\n".join(words(printed)).splitlines()


@pytest.mark.browser
def test_a_live_figure_is_printed_as_a_browser_draws_it_unless_it_is_too_tall(printed: PdfReader) -> None:
    far = next(page for _, title, page in bookmarks(printed) if title == "Far")
    pictures = [
        Image.open(io.BytesIO(image.data)).convert("RGB").getpixel((5, 5))
        for page in printed.pages[far : far + 2]
        for image in page.images
    ]
    assert sorted(pictures) == sorted([BLUE, RED])
    assert "INWORDS" not in "".join(words(printed))


@pytest.mark.browser
def test_a_figure_that_moves_is_a_picture_with_a_line_that_says_where_it_moves(printed: PdfReader) -> None:
    start = next(page for _, title, page in bookmarks(printed) if title == "One")
    pictures = [Image.open(io.BytesIO(image.data)).convert("RGB") for image in printed.pages[start].images]
    assert [picture.getpixel((5, 5)) for picture in pictures] == [RED]
    assert "in the pages, open one.html" in " ".join(words(printed)[start].split())


@pytest.mark.browser
def test_solutions_stand_at_the_end_and_say_whose_they_are(printed: PdfReader) -> None:
    texts = words(printed)
    start = next(page for _, title, page in bookmarks(printed) if title == "Solutions")
    assert not any("ANSWER" in text for text in texts[:start])
    assert "ANSWER1" in texts[start]
    assert "ANSWER2" in "".join(texts[start:])
    asked = next(n for n, text in enumerate(texts, 1) if "ASKED1" in text)
    assert f"Exercise 1, page {asked}" in " ".join(texts[start].split())
    assert f"Solution on page {start + 1}" in " ".join(texts[asked - 1].split())
    assert "SIDEBAR" not in "".join(texts)


@pytest.mark.browser
def test_a_handout_has_solutions_or_none(printed: PdfReader, root: Path) -> None:
    folder = root / PRINTED / "handouts"
    with_, without = ("".join(words(PdfReader(folder / f"two{kind}.pdf"))) for kind in ("-with-solutions", ""))
    assert "ANSWER2" in with_
    assert "ASKED2" in without
    assert "ANSWER2" not in without
    assert "Solution" not in without
    assert not (folder / "index-with-solutions.pdf").exists()


def test_a_figure_that_moves_without_a_picture_is_refused(root: Path, tmp_path: Path) -> None:
    for blank in ('<div data-margin-lab=""></div>', '<div class="plotly-graph-div"></div>'):
        (tmp_path / "blank.html").write_text(PAGE.format(title="Blank", text=blank))
        with pytest.raises(NotPrintable, match="blank"):
            document.read(tmp_path / "blank.html")


def test_a_missing_page_or_browser_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotPrintable, match="make book"):
        document.read(tmp_path / "nowhere.html")
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chromium, "_playwrights", lambda: None)
    with pytest.raises(NotPrintable, match="`playwright install chromium`, or `apt install chromium`"):
        chromium.executable()
    monkeypatch.setattr(chromium, "_playwrights", lambda: "/its/own")
    assert chromium.executable() == "/its/own"


def test_every_page_but_the_reference_is_printed_once() -> None:
    names = [name for name, _ in document.contents(ROOT)]
    listed = re.findall(r"book/([\w-]+)", (ROOT / "_toc.yml").read_text())
    assert names == [name for name in listed if not name.startswith("reference-")]
    assert "reference" in names


SCREEN = """<div class="cell"><div class="cell_input"><pre>from a import b

page.source(b)
</pre></div><div class="cell_output"><p>SOURCE</p></div></div>
<div class="cell"><div class="cell_input"><pre>y = b(1)
page.source(b)
</pre></div></div>
<section id="tasks"><h2>Exercises</h2><div class="exercise"><section id="ask"><p>ONLY</p></section></div>
<p>After</p></section>
<section id="none"><h2>References</h2></section>
<p class="measured">Measured: 3 s</p>
<table><tr><td><code>a.long_name/of.it</code></td><td>✅</td></tr></table><table>{rows}</table>
<pre><span class="n">z</span>{gap}<span class="c1"># {long}</span></pre>"""


def test_what_only_a_screen_needs_is_left_out_and_nothing_else(tmp_path: Path) -> None:
    text = SCREEN.format(rows="<tr><td>1</td></tr>" * 13, gap=" " * 40, long="c" * 60)
    (tmp_path / "small.html").write_text(PAGE.format(title="T", text=text), encoding="utf-8")
    body = document.read(tmp_path / "small.html").body
    said = body.get_text()
    assert [cell.get_text() for cell in body.select(".cell_input pre")] == ["y = b(1)\npage.source(b)\n"]
    assert "SOURCE" in said
    assert [kept.get_text() for kept in body.select(".keep")] == ["ExercisesONLY"]
    assert "References" not in said
    assert "Measured" not in said
    assert "a.<wbr/>long_<wbr/>name/<wbr/>of.<wbr/>it" in str(body)
    assert ["long" in table.get("class", []) for table in body.select("table")] == [False, True]
    assert "✓" in said
    assert "z  # ccc" in said


@pytest.mark.browser
def test_a_dark_page_is_printed_light_and_stays_dark_on_the_screen(printed: PdfReader, root: Path) -> None:
    def seen() -> list[str]:
        with chromium.browser(root / "_build" / "html") as page:
            page.goto(f"{chromium.ADDRESS}/book/one.html")
            page.evaluate("document.documentElement.dataset.theme = 'dark'")
            page.evaluate(PRINT_LIGHT)
            page.evaluate("onbeforeprint = () => { window.seen = document.documentElement.dataset.theme; }")
            page.pdf()
            return page.evaluate("[window.seen, document.documentElement.dataset.theme]")

    assert apart(seen) == ["light", "dark"]
