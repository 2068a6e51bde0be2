"""Tables hold every row, and are read as tables."""

from markdown_it import MarkdownIt

from cosface_edu.figures import tables


def test_rows_are_aligned_and_complete(made_up) -> None:
    run = made_up()
    lines = tables.toys([run, run]).splitlines()
    assert len(lines) == 4
    assert f"{100 * run.test_accuracy:.1f}" in lines[2]
    assert len({len(line) for line in lines}) == 1  # aligned: readable as it stands


def test_a_table_is_read_as_one_though_a_column_holds_a_single_sign(made_up) -> None:
    text = tables.toys([made_up(loss="nsl")])
    assert "<td" in MarkdownIt("commonmark").enable("table").render(text)
