"""Sphinx extension: where code in a line of text or in a table may break, and the status page's table of times.

A command's option stays whole, a long name in a table breaks after a dot or a stroke, a number in a table is marked as
one (a phone's page does not break it), and the table of times has words and titles where myst-nb writes pictures and
file names.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx

STATUS = "book/status"
RAN = {"✅": "ran", "❌": "failed"}  # myst-nb's pictures are empty boxes where no font has them
HEADS = ("page", "run on", "seconds", "result")  # of myst-nb's columns without the second, how outputs were kept
METHOD = 2

DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
CELL = re.compile(r"(<td\b[^>]*>)(.*?)(</td>)", re.DOTALL)
CODE = re.compile(r'(<span class="pre">)([^<]*)(</span>)')
TAG = re.compile(r"<[^>]*>")
NUMBER = re.compile(r"[-–−+±<>≤≥≈~]? ?\d[\d.,:/() %°×±…–−+-]*( ?(s|ms|min|h|MB|GB|px))?")
OPTION = re.compile(r'<span class="pre">(--[^<]*)</span>')


def breakable(body: str) -> str:
    """A page in which options stay whole and code in a table may break after a dot, a stroke, an underscore or '='.

    Cells that hold a number and nothing else get the class `number`.

    Args:
        body: the page's HTML.
    """

    def code(found: re.Match[str]) -> str:
        return found[1] + re.sub(r"(?<=\w)([._/=])(?=\w)", r"\1<wbr>", found[2]) + found[3]

    def opened(tag: str, inner: str) -> str:
        if not NUMBER.fullmatch(TAG.sub("", inner).strip()):
            return tag
        return tag.replace('class="', 'class="number ') if 'class="' in tag else f'{tag[:-1]} class="number">'

    body = OPTION.sub(r'<span class="pre whole">\1</span>', body)  # else a line may end between the two hyphens
    return CELL.sub(lambda cell: opened(cell[1], cell[2]) + CODE.sub(code, cell[2]) + cell[3], body)


def in_words(table: nodes.table, titles: dict[str, str]) -> None:
    """Rewrite myst-nb's table of times: pages by their titles, results in words.

    Args:
        table: as `nb-exec-table` leaves it.
        titles: of each page, by its name.
    """
    group = table.next_node(nodes.tgroup)
    group["cols"] = len(HEADS)
    group.remove(group.children[METHOD])
    for row in table.findall(nodes.row):
        row.remove(row.children[METHOD])
    for entry, head in zip(table.next_node(nodes.thead).findall(nodes.entry), HEADS, strict=True):
        entry.children = [nodes.paragraph(text=head)]
    for text in list(table.findall(nodes.Text)):
        said = RAN.get(str(text)) or titles.get(str(text))
        if DATE.fullmatch(str(text)):
            said = str(text).replace(" ", "\N{NO-BREAK SPACE}")
        if said:
            text.parent.replace(text, nodes.Text(said))


def _say_in_words(app: Sphinx, doctree: nodes.document, page: str) -> None:
    if page == STATUS:
        titles = {name: title.astext() for name, title in app.env.titles.items()}
        for table in doctree.findall(nodes.table):
            if any(str(text) in RAN for text in table.findall(nodes.Text)):
                in_words(table, titles)


def _let_code_break(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    if "body" in context:
        context["body"] = breakable(context["body"])


def setup(app: Sphinx) -> dict:
    app.connect("doctree-resolved", _say_in_words)
    app.connect("html-page-context", _let_code_break)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
