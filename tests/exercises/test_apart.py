"""Exported answers: each in a Python of its own, and one that never ends holds up no other."""

import inspect

import pytest

from cosface_edu.exercises import apart, built


@pytest.fixture(autouse=True)
def _nothing_passed_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_passed", {})


def test_an_endless_answer_is_stopped() -> None:
    found = apart.run("while True:\n    print('on')", {}, seconds=3)
    assert found["error"] == "stopped after 3 seconds. Is there a loop that never ends?"
    assert found["verdict"] is None


def test_no_answer_changes_another(capsys) -> None:
    apart.answer("boundaries-cross", "\nimport math\nmath.pi = 3\nprint('three')")
    apart.answer("boundaries-width", "\nimport math\nmath.pi")
    apart.answer("eight-gap", "\nimport os\nos._exit(7)")
    assert capsys.readouterr().out.splitlines() == [
        "three",
        "",
        "boundaries-cross: it runs; it was not checked",
        "boundaries-width: it runs; it was not checked",
        "eight-gap: your code ended Python, with exit code 7",
    ]
    assert apart.run("import math\nmath.pi", {})["value"].startswith("3.14")


@pytest.mark.parametrize("written", [b"5\n", b"\xff\xfe", b'{"verdict": null}\n'])
def test_what_is_written_past_print_is_no_verdict(written: bytes, capsys) -> None:
    apart.answer("eight-gap", f"\nimport os\nos.write(1, {written!r})\nos._exit(0)")
    apart.answer("eight-gap", f"\nimport os\nos.write(1, {written!r})\nprint('on')")
    assert capsys.readouterr().out.splitlines() == [
        "eight-gap: your code ended Python, with exit code 0",
        "on",
        "",
        "eight-gap: it runs; it was not checked",
    ]


def test_characters_that_no_file_takes_are_shown_as_their_numbers(capsys) -> None:
    apart.answer("eight-gap", "\nprint('\\ud800')\nraise ValueError('\\udfff')")
    said = capsys.readouterr().out
    assert "\\ud800" in said
    assert "ValueError: \\udfff" in said


def test_pieces_of_the_thread_that_passed_are_there_for_those_after_them(capsys) -> None:
    scores = inspect.getsource(built.scores).replace(": Vector", "").replace(": Rows", "").replace("-> Vector", "")
    after = "\nfrom cosface_edu.exercises import built\nprint(built.earlier('scores').__code__.co_filename)"
    apart.answer("build-cosines", after)
    apart.answer("build-scores", f'\n{scores}\nexercises.check("build-scores", scores)\n')
    apart.answer("build-cosines", after)
    said = capsys.readouterr().out
    assert said.count("scores: the book's") == 1
    assert "build-scores: ✓" in said
    assert said.index("<your build-scores>") > said.index("build-scores: ✓")
