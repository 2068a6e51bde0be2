"""An error says what failed, in which line of the reader's, and whether it was the reader's code at all."""

import math

import pytest

from cosface_edu import exercises
from cosface_edu.exercises import cell


def said(code: str, name: str, answer: str) -> str:
    """What a page says to a cell whose last line is a check."""
    found = cell.run(code, f"exercises.check({name!r}, {answer})")
    assert found["error"] == ""
    assert not found["verdict"]["passed"]
    return found["verdict"]["message"]


def test_an_error_while_checking_names_the_reader_s_line() -> None:
    code = "import json\n\ndef width(m):\n    return [m][1]\n"
    raised = "✗ not yet: line 4: your code raised IndexError: list index out of range"
    assert said(code, "boundaries-width", "width") == raised
    within = code.replace("[m][1]", "json.loads('no')")  # the library's frame is the last, the reader's counts
    assert "line 4: your code raised json.decoder.JSONDecodeError: " in said(within, "boundaries-width", "width")
    installed = "import numpy\n\ndef width(m):\n    return numpy.linalg.inv([[m, m], [m, m]])\n"
    assert "line 4: your code raised numpy.linalg.LinAlgError" in said(installed, "boundaries-width", "width")


def test_a_notebook_s_cell_has_lines_too(tmp_path) -> None:
    """Its file is one that the kernel makes up."""
    names: dict = {}
    exec(compile("def width(m):\n    return nowhere", str(tmp_path / "ipykernel_7" / "1234.py"), "exec"), names)
    message = exercises.check("boundaries-width", names["width"]).message
    assert message == "line 2: your code raised NameError: name 'nowhere' is not defined"


@pytest.mark.parametrize("answer", [math.hypot, lambda m, n: m, math.sqrt(2), {}.__getitem__])
def test_what_fails_outside_the_reader_s_code_is_about_the_answer(answer: object) -> None:
    message = exercises.check("boundaries-width", answer).message
    assert "your code raised" not in message


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("before-margins-count", 3),
        ("align-fit", "lambda p, q: 1 + 1j"),
        ("align-fit", "lambda p, q: (1, 2, 3)"),
        ("performance-fit", "lambda *given: (1, 2, 3)"),
    ],
)
def test_a_check_s_own_error_is_not_called_the_reader_s(name: str, answer: object) -> None:
    assert "your code raised" not in said("", name, answer)


def test_a_callable_object_is_told_what_it_lacks() -> None:
    code = "class Cosines:\n    def __call__(self, x, W):\n        return [0.0 for w in W]\n"
    assert "Keep the function length" in said(code, "build-cosines", "Cosines()")


def test_a_message_of_several_lines_is_told_whole_with_its_type() -> None:
    found = cell.run("x = 1\nraise ValueError('wrong size:\\n  got 3')")
    assert found["error"] == "line 2: ValueError: wrong size: got 3"
    assert cell.run("compile('a b', 'theirs.py', 'exec')")["error"].startswith("line 1: SyntaxError: invalid syntax")


def test_an_error_that_cannot_be_shown_is_no_error_of_the_check() -> None:
    code = "class Odd(Exception):\n    def __str__(self):\n        return 1 / 0\n\ndef width(m):\n    raise Odd\n"
    assert "line 6: your code raised Odd" in said(code, "boundaries-width", "width")
