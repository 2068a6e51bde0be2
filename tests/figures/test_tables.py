"""Tables hold every row, and are read as tables."""

import re
from pathlib import Path

from markdown_it import MarkdownIt

from cosface_edu.figures import tables


def test_rows_are_complete(made_up) -> None:
    run = made_up()
    lines = tables.toys([run, run]).splitlines()
    assert len(lines) == 4
    assert f"{100 * run.test_accuracy:.1f}" in lines[2]


def test_columns_are_aligned_as_asked_and_the_last_side_goes_on() -> None:
    text = tables.table(["name", "", "of", ""], [["a", "1", "b", "2"]], "lrl")
    drawn = MarkdownIt("commonmark").enable("table").render(text)
    sides = ["left" if "left" in cell else "right" if "right" in cell else "" for cell in drawn.split("<t")[-4:]]
    assert sides == ["", "right", "", ""]  # a table's cells stand on the left where nothing is said
    assert text.splitlines()[-1] == "| a | 1 | b | 2 |"


def test_a_number_below_zero_has_a_minus_and_no_hyphen() -> None:
    words = ["-1.0", "2 (-0.3\u00a0…\u00a0-.1)", "A-Softmax", "1e-06", "2026-11-28", "$10^{-6}$", "`--seeds -1`"]
    shown = tables.table(["-"] * len(words), [words]).splitlines()[-1]
    assert shown == "| −1.0 | 2 (−0.3\u00a0…\u00a0−.1) | A-Softmax | 1e-06 | 2026-11-28 | $10^{-6}$ | `--seeds -1` |"


def test_rows_follow_the_first_one_s_columns() -> None:
    assert tables.markdown([{"a": "1", "b": "2"}, {"b": "4", "a": "3"}]).splitlines()[-1] == "| 3 | 4 |"


def test_a_table_is_read_as_one_though_a_column_holds_a_single_sign(made_up) -> None:
    text = tables.toys([made_up(loss="nsl")])
    assert "<td" in MarkdownIt("commonmark").enable("table").render(text)


def test_nobody_writes_a_table_by_hand() -> None:
    own = Path(tables.__file__)
    by_hand = [
        path.name
        for folder in ("cosface_edu", "book")
        for path in (own.parents[2] / folder).rglob("*.*")
        if path.suffix in (".py", ".md")
        and path != own
        and re.search(r"(?:[\"']|\\n)\| ?-{3}", path.read_text("utf-8"))
    ]
    assert by_hand == []
