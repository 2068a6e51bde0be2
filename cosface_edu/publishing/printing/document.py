"""From built pages to one document for print: chapters in a row, pictures where figures moved, solutions last."""

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup, NavigableString, Tag

import cosface_edu

#: What has no use on paper: scripts, lists of chapters, code that pages fold away, ways back from a reference to its
#: places, and the seconds that a page's cells took (the status page has them all).
DROPPED = "script, link, noscript, .toctree-wrapper, details.hide, p.check, .backrefs, .measured"
#: Figures that a script draws over a picture (`figures.lab`, `figures.live`).
LIVE = "[data-margin-lab], [data-margin-cover], [data-margin-live]"
DRAWN = "margin-live.js"  # in a page whose live figures a browser can draw
PLOTLY = ".plotly-graph-div"
WIDGET = 'script[type="application/vnd.jupyter.widget-view+json"]'

#: Pages for looking things up, where a machine can search: twelve pages of the package's reference weigh more than the
#: chapters, and are of another day than the package that a reader of paper has before them.
LOOKED_UP = "reference-"

LONG, ROWS = 24, 8  # lines of code and rows of a table: fewer stay on one page
BROAD = 84  # characters of code that fit in a line of an exercise, as print.css sets it
#: Sections that every chapter ends with; a table of contents is as good without.
CLOSING = {"Exercises", "Summary", "References"}
#: A cell that only shows the source of something: the source follows, with its name.
SHOWS = re.compile(r"(?:(?:from|import) .*\n|\n)*(?:page\.source\([^\n]*\)\s*)+")


class NotPrintable(Exception):
    """Something that print needs is missing; the message says what, where, and what to do."""


@dataclass
class Chapter:
    """A built page on its way to print.

    Attributes:
        name: as in the page's address, 'lmcl'.
        title: plain text.
        body: the page's article; changed in place.
        part: caption of the part that the chapter opens, or "".
        solutions: (exercise's title, its id, the solution), taken out of the body.
    """

    name: str
    title: str
    body: Tag
    part: str = ""
    solutions: list[tuple[str, str, Tag]] = field(default_factory=list)


def contents(root: Path) -> list[tuple[str, str]]:
    """Name and part of every page that is printed, in the order of the book's table of contents.

    All but the pages of the package's reference (`LOOKED_UP`); the page that lists them is among the appendices.

    Args:
        root: the folder that holds _toc.yml.

    Returns:
        Pairs such as ('lmcl', ''); the part's caption stands with the first of its chapters.
    """
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    pages = [(toc["root"], "")]
    for part in toc["parts"]:
        entries = [entry for chapter in part["chapters"] for entry in (chapter, *chapter.get("sections", ()))]
        pages += [(entry["file"], "" if n else part["caption"]) for n, entry in enumerate(entries)]
    named = [(file.removeprefix("book/"), caption) for file, caption in pages]
    return [(name, caption) for name, caption in named if not name.startswith(LOOKED_UP)]


def read(
    page: Path,
    stills: Sequence[Mapping[str, str]] = (),
    part: str = "",
    site: str = "",
    drawn: Sequence[str] = (),
) -> Chapter:
    """A built page, made ready for print.

    Args:
        page: its file.
        stills: for each plotly figure of the page, `picture` (an address) and `said` (its caption).
        part: caption of the part that the page opens.
        site: address of the published book, for links to figures that move; "" if it is not published.
        drawn: addresses of pictures of the page's live figures as a browser draws them; where there is none, or "", a
            figure keeps the picture that it has for readers without script.

    Raises:
        NotPrintable: if the page is not there, or a figure that moves has no picture.
    """
    if not page.exists():
        raise NotPrintable(f"{page} is missing: build the book first (`make book`)")
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    body = soup.select_one("article")
    heading = body and body.select_one("h1")
    if body is None or heading is None:
        raise NotPrintable(f"{page} has no article with a heading: is it a page of the book?")
    for mark in body.select("a.headerlink"):
        mark.decompose()
    chapter = Chapter(page.stem, heading.get_text(" ", strip=True), body, part)
    _still(chapter, soup, stills, site, drawn)
    for useless in body.select(DROPPED):
        useless.decompose()
    for shown in body.select("div.cell_input"):
        if SHOWS.fullmatch(shown.get_text().lstrip()):
            shown.decompose()
    for cell in body.select("div.cell"):
        if not cell.get_text(strip=True) and not cell.find("img"):
            cell.decompose()
    for section in body.select("section"):
        below = section.find_all(True, recursive=False)
        if len(below) == 1 and re.fullmatch("h[1-6]", below[0].name):
            section.decompose()  # a heading with nothing below it: a chapter that cites nothing
    for heading in body.select("h2:has(+ .exercise), h3:has(+ .exercise)"):
        exercise = heading.find_next_sibling()
        keep = heading.wrap(soup.new_tag("div", attrs={"class": "keep"}))  # Chromium leaves some alone at a page's foot
        keep.append(exercise.extract())  # type: ignore[union-attr]
    _set(body)
    _take_solutions(chapter)
    return chapter


def _set(body: Tag) -> None:
    """Prepare lines, rows and names for a column that cannot be scrolled."""
    for code in body.select("pre"):
        lines = code.get_text().splitlines()
        if len(lines) > LONG:
            code["class"] = "long"
        if max(map(len, lines), default=0) > BROAD:
            for comment in code.select(".c1"):  # comments stand in a column of their own on a screen
                before = comment.previous_sibling
                gap = before.string if isinstance(before, Tag) else before
                if isinstance(gap, NavigableString) and len(gap) > 2 and not gap.strip(" "):
                    gap.replace_with("  ")
    for table in body.select("table"):
        if len(table.select("tr")) > ROWS:
            table["class"] = " ".join([*table.get_attribute_list("class", []), "long"])
    for words in body.find_all(string=re.compile("[✅❌]")):
        words.replace_with(words.replace("✅", "✓").replace("❌", "✗"))  # no font for print has the coloured ones
    for cell in body.select("td code"):
        for name in cell.find_all(string=True):
            parts = re.split(r"(?<=[./_])", str(name))
            name.replace_with(BeautifulSoup("<wbr/>".join(map(html.escape, parts)), "html.parser"))


def _still(
    chapter: Chapter, soup: BeautifulSoup, stills: Sequence[Mapping[str, str]], site: str, drawn: Sequence[str]
) -> None:
    """A picture for every figure that moves, and a line that says where it does."""

    def note(figure: Tag, words: str, file: str) -> None:
        where = soup.new_tag("a", href=f"{site.rstrip('/')}/book/{file}") if site else soup.new_tag("code")
        where.append(file)
        line = soup.new_tag("p", attrs={"class": "still"})
        line.extend([f"{words} ", where, "."])
        figure.insert_after(line)

    moves = "A picture of a figure that moves: in the pages, open"
    for figure, address in zip(chapter.body.select("[data-margin-live]"), drawn, strict=False):
        if address and figure.img is not None:
            figure.img["src"] = address
    for figure in chapter.body.select(LIVE):
        if figure.img is None:
            raise NotPrintable(f"{chapter.name}: a figure that moves has no picture for print ({str(figure)[:80]})")
        picture = figure.img.extract()
        figure.clear()  # what else it holds tells readers without pictures the same in words
        figure.append(picture)
        del figure["style"]  # keeps room for the script's own drawing
        note(figure, moves, f"{chapter.name}.html")

    plots = chapter.body.select(PLOTLY)
    if len(plots) != len(stills):
        raise NotPrintable(f"{chapter.name}: {len(plots)} plotly figures, and pictures of {len(stills)}")
    for plot, still in zip(plots, stills, strict=True):
        figure = plot.find_parent("figure") or plot
        picture = soup.new_tag("figure", attrs={"class": "plot-figure"})
        caption = soup.new_tag("figcaption")
        caption.string = still["said"]
        picture.extend([soup.new_tag("img", src=still["picture"], alt=figure.get("aria-label", "")), caption])
        figure.replace_with(picture)
        note(picture, moves, f"{chapter.name}.html")

    state = soup.select_one('script[type="application/vnd.jupyter.widget-state+json"]')
    views = chapter.body.select(WIDGET)
    shown = list(_pictures(json.loads(state.get_text())["state"])) if state and views else []
    if len(shown) < len(views):
        raise NotPrintable(f"{chapter.name}: a widget keeps no picture in its state, so print has none")
    for view, kept in zip(views, shown, strict=False):
        div = soup.new_tag("div")
        div.append(BeautifulSoup(kept, "html.parser"))
        view.replace_with(div)
        note(div, "A picture of a figure that answers in a running notebook: in JupyterLab, open", f"{chapter.name}.md")


def _pictures(state: Mapping[str, Mapping]) -> Iterator[str]:
    """What the widgets of a page show as pictures (`figures.explorer`)."""
    for model in state.values():
        value = model["state"].get("value")
        if model["model_name"] == "HTMLModel" and isinstance(value, str) and "<img" in value:
            yield value


def _take_solutions(chapter: Chapter) -> None:
    """Move solutions out of the chapter; each exercise says where its solution is."""
    for number, solution in enumerate(chapter.body.select("div.solution"), 1):
        exercise = solution.find_previous("div", class_="exercise")
        if exercise is None:
            raise NotPrintable(f"{chapter.name}: solution {number} comes before any exercise")
        title = exercise.select_one(".admonition-title").get_text(" ", strip=True)  # type: ignore[union-attr]
        name = solution["id"] = f"solution-{number}"
        chapter.solutions.append((title, str(exercise["id"]), solution.extract()))
        line = BeautifulSoup(
            f'<p class="solution-at" data-solutions><a href="#{name}">Solution on page {_number(name)}</a></p>',
            "html.parser",
        )
        exercise.append(line)


def _number(target: str) -> str:
    """Room for a page number; `chromium` fills it in when it knows."""
    return f'<span data-page-of="{target}">000</span>'


def assemble(chapters: Sequence[Chapter], head: str, title: str, whole: bool, site: str = "") -> str:
    """One document of chapters, with links between them that stay inside it.

    Args:
        chapters: of `read`; changed in place.
        head: elements of the built pages' head that style them.
        title: of the document.
        whole: the whole book, with title page, contents and parts; otherwise a handout.
        site: address of the published book, for links to pages that this document does not hold.

    Returns:
        HTML. Page numbers are left open (`data-page-of`).
    """
    known = {chapter.name for chapter in chapters}
    targets = known | {
        f"{chapter.name}--{named['id']}"
        for chapter in chapters
        for part in (chapter.body, *_parts_of(chapter))
        for named in (part, *part.select("[id]"))
        if named.get("id")
    }
    pieces = []
    in_part = False
    for chapter in chapters:
        in_part = in_part or (whole and bool(chapter.part))
        for tag in (chapter.body, *_parts_of(chapter)):
            _rename(tag, chapter.name, known, targets, site)
            if in_part:  # headings one level down, below the part's
                for heading in tag.find_all(re.compile("^h[1-5]$")):
                    heading.name = f"h{int(heading.name[1]) + 1}"
        chapter.body["id"] = chapter.name
        part = f'<h1 class="print-part">{html.escape(chapter.part)}</h1>' if chapter.part else ""
        pieces.append(f'<div class="print-chapter" style="page: ch-{chapter.name}">{part}{chapter.body}</div>')
    answered = [chapter for chapter in chapters if chapter.solutions]
    if answered:
        pieces.append(_solutions(answered, whole))
    front = _title_page(title) + _contents(chapters, bool(answered)) if whole else ""
    return (
        f'<!DOCTYPE html><html lang="en" data-theme="light" class="print-{"book" if whole else "handout"}">'
        f"<head><meta charset='utf-8'><title>{html.escape(title)}</title>{head}"
        f"<style>{_running_heads(chapters, title)}</style></head>"
        f'<body><main class="bd-content">{front}{"".join(pieces)}</main></body></html>'
    )


def _parts_of(chapter: Chapter) -> list[Tag]:
    return [solution for _, _, solution in chapter.solutions]


def _rename(tag: Tag, name: str, known: set[str], targets: set[str], site: str) -> None:
    """Names and links that hold in a document of many pages."""
    for named in (tag, *tag.select("[id]")):
        if named.get("id"):
            named["id"] = f"{name}--{named['id']}"
    for number in tag.select("[data-page-of]"):
        number["data-page-of"] = f"{name}--{number['data-page-of']}"
    for link in tag.select("a[href]"):
        address = urlsplit(str(link["href"]))
        if address.scheme:
            continue
        page = Path(address.path).stem if address.path else name
        target = f"{page}--{unquote(address.fragment)}" if address.fragment else page
        if page in known and (target in targets or address.path):
            # A setting of the lab is an address, not a place: on paper, the chapter must do.
            link["href"] = f"#{target if target in targets else page}"
        elif site and address.path:
            link["href"] = f"{site.rstrip('/')}/book/{link['href']}"
        elif link.find_parent("svg"):
            del link["href"]
        else:
            link.unwrap()  # a page that this document does not hold


def _solutions(chapters: Sequence[Chapter], whole: bool) -> str:
    parts = []
    for chapter in chapters:
        if whole:
            parts.append(f"<h2>{html.escape(chapter.title)}</h2>")
        for title, exercise, solution in chapter.solutions:
            heading = solution.select_one(".admonition-title")
            if heading is not None:
                at = f"{chapter.name}--{exercise}"
                back = f'<a href="#{at}">{html.escape(title)}, page {_number(at)}</a>'
                heading.clear()
                heading.append(BeautifulSoup(back, "html.parser"))
            solution["class"] = "solution admonition"
            parts.append(str(solution))
    return (
        '<div class="print-chapter print-solutions" data-solutions style="page: ch-solutions">'
        f'<article class="bd-article" id="solutions"><h1>Solutions</h1>{"".join(parts)}</article></div>'
    )


def _title_page(title: str) -> str:
    today = date.today()
    return (
        f'<section class="print-title"><p class="print-name">{html.escape(title)}</p>'
        "<p>CosFace and its family: large-margin face recognition, learned by doing it</p>"
        f"<p>Version {cosface_edu.__version__}, printed on {today.day} {today:%B %Y}<br>The cosface-edu authors</p>"
        '<p class="print-about">Made from the pages of the book. Figures that move in the pages are pictures here; a '
        "line below each says where it moves. Solutions stand at the end. Left out are code that the pages fold away, "
        "most of it for drawing, the reference of the package, and the seconds that each page's cells took, which "
        "stand under Status. Links within the book lead to its pages here.</p></section>"
    )


def _contents(chapters: Sequence[Chapter], solutions: bool) -> str:
    lines = []
    for chapter in chapters:
        if chapter.part:
            lines.append(f'<li class="part">{html.escape(chapter.part)}</li>')
        sections = " · ".join(
            f'<a href="#{section["id"]}">{heading.decode_contents()}</a>'
            for section in chapter.body.select(":scope > section > section[id]")
            if (heading := section.find(re.compile("^h[1-6]$"))) and heading.get_text(strip=True) not in CLOSING
        )
        lines.append(_line(chapter.name, chapter.title) + (f'<li class="sections">{sections}</li>' if sections else ""))
    if solutions:
        lines += ['<li class="part">Solutions</li>', _line("solutions", "Solutions of the exercises")]
    return f'<section class="print-contents"><h1>Contents</h1><ol>{"".join(lines)}</ol></section>'


def _line(name: str, title: str) -> str:
    return (
        f'<li class="chapter"><a href="#{name}">{html.escape(title)}</a><span class="dots"></span>'
        f'<a href="#{name}">{_number(name)}</a></li>'
    )


def _running_heads(chapters: Sequence[Chapter], title: str) -> str:
    """Each chapter is a kind of page of its own, with its title at the head: Chromium knows no `string-set`."""

    def rule(name: str, words: str) -> str:
        right = "none" if words == title else _css(words)
        return f"@page ch-{name} {{ @top-left {{ content: {_css(title)} }} @top-right {{ content: {right} }} }}"

    return "\n".join([*(rule(c.name, c.title) for c in chapters), rule("solutions", "Solutions")])


def _css(words: str) -> str:
    return '"' + words.replace("\\", r"\\").replace('"', r"\"") + '"'
