"""A cell: what it prints, what its last line is worth, and where it fails."""

import json

import pytest

from cosface_edu.exercises import cell

NO_KEYBOARD = "there is no keyboard input here: write the value into the code instead of asking for it"


def test_it_shows_what_is_printed_and_what_the_last_line_is_worth() -> None:
    found = cell.run("x = 6\nprint('six')\n7 * x")
    assert (found["printed"], found["value"], found["json"], found["error"]) == ("six\n", "42", "42", "")


def test_a_line_after_the_code_sees_its_names() -> None:
    assert json.loads(cell.run("def double(x): return 2 * x", "[double(1), double(2.5)]")["json"]) == [2, 5.0]
    assert cell.run("x = 1", "x.real")["error"] == ""


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("x = 1\ny = nowhere", "line 2: NameError: name 'nowhere' is not defined"),
        ("x = (\n", "line 1: SyntaxError: '(' was never closed"),
        ("def f():\n    return 1 / 0\n\nf()", "line 2: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit()", "your code left with SystemExit"),
        ("x = 1\nm = float(input('m? '))", f"line 2: EOFError: {NO_KEYBOARD}"),
        ("import sys\nsys.stdin.read()", f"line 2: EOFError: {NO_KEYBOARD}"),
    ],
)
def test_an_error_says_what_and_in_which_line(code: str, says: str) -> None:
    found = cell.run(code)
    assert found["error"] == says
    assert found["verdict"] is None


def test_printing_for_ever_fills_no_memory() -> None:
    found = cell.run("for i in range(100_000): print('x' * 100)")
    assert len(found["printed"]) < cell.MOST + 20
    assert found["printed"].endswith("… and more")


def test_what_just_fits_is_all_there_is() -> None:
    found = cell.run(f"print('x' * {cell.MOST - 1})")
    assert found["printed"] == "x" * (cell.MOST - 1) + "\n"
    found = cell.run(f"print('x' * {cell.MOST}, end='')")
    assert found["printed"] == "x" * cell.MOST
    found = cell.run(f"print('x' * {cell.MOST}, end='')\nprint('yz')\nprint('on')")
    assert found["printed"] == "x" * cell.MOST + "\n… and more"


def test_two_cells_share_no_names() -> None:
    cell.run("kept = 1")
    assert "not defined" in cell.run("kept")["error"]


def test_what_is_printed_is_heard_at_once_and_no_more_than_is_kept() -> None:
    """Whoever has to stop a loop that never ends has heard what it printed."""
    heard: list[str] = []
    found = cell.run("print('before')\n1 / 0", hear=heard.append)
    assert "".join(heard) == found["printed"] == "before\n"
    heard.clear()
    found = cell.run("for i in range(30_000): print(i)", hear=heard.append)
    assert "".join(heard) == found["printed"]
    assert found["printed"].endswith("… and more")
