"""Cells of tables: code breaks where a reader would break it, and the table of times has words."""

from docutils import nodes

from cosface_edu.publishing import cells


def test_code_in_a_cell_breaks_at_dots_strokes_and_underscores_and_nowhere_else() -> None:
    code = '<code><span class="pre">{}</span></code>'
    body = f"<p>{code.format('a.b')}</p><td><p>a.b {code.format('tests/losses/test_nsl.py')}</p></td>"
    assert cells.breakable(body) == (
        f"<p>{code.format('a.b')}</p><td><p>a.b {code.format('tests/<wbr>losses/<wbr>test_<wbr>nsl.<wbr>py')}</p></td>"
    )


def test_options_stay_whole_and_names_do_not_break_at_their_edges() -> None:
    option, edges = '<span class="pre">--world-seed</span>', '<span class="pre">...,</span>'
    for before, after in (("<p>", "</p>"), ("<td>", "</td>")):
        assert cells.breakable(before + option + edges + after) == (
            f'{before}<span class="pre whole">--world-seed</span>{edges}{after}'
        )


def test_a_cell_of_a_number_is_marked_and_one_of_words_is_not() -> None:
    for number in ("85.17 (83.00 … 87.34)", "0.90 (-1.73 … 3.53)", "86.50 %", "40 min", "1,010"):
        assert cells.breakable(f"<td><p>{number}</p></td>") == f'<td class="number"><p>{number}</p></td>'
        assert (
            cells.breakable(f'<td class="text-right">{number}</td>') == f'<td class="number text-right">{number}</td>'
        )
    for words in ("–", "s = 8, m = 0.2", "3 of them", ""):
        assert cells.breakable(f"<td><p>{words}</p></td>") == f"<td><p>{words}</p></td>"


def times(*rows: tuple[str, ...]) -> nodes.table:
    """A table as myst-nb makes it."""
    group = nodes.tgroup(cols=5)
    for _ in range(5):
        group += nodes.colspec(colwidth=20)
    for part, lines in ((nodes.thead(), rows[:1]), (nodes.tbody(), rows[1:])):
        for line in lines:
            row = nodes.row()
            for cell in line:
                row += nodes.entry("", nodes.paragraph(text=cell))
            part += row
        group += part
    return nodes.table("", group)


def test_times_have_titles_and_words() -> None:
    table = times(
        ("Document", "Modified", "Method", "Run Time (s)", "Status"),
        ("book/nsl", "2026-11-27 03:39", "cache", "31.76", "✅"),
        ("book/lmcl", "2026-11-27 03:41", "cache", "-", "❌"),
    )
    cells.in_words(table, {"book/nsl": "NSL", "book/lmcl": "LMCL"})
    lines = [[entry.astext() for entry in row.findall(nodes.entry)] for row in table.findall(nodes.row)]
    assert lines == [
        ["page", "run on", "seconds", "result"],
        ["NSL", "2026-11-27\N{NO-BREAK SPACE}03:39", "31.76", "ran"],
        ["LMCL", "2026-11-27\N{NO-BREAK SPACE}03:41", "-", "failed"],
    ]
    assert len(list(table.findall(nodes.colspec))) == table.next_node(nodes.tgroup)["cols"] == 4
