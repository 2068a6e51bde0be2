"""A check says what is wrong, survives answers that raise, and never passes an empty answer."""

import re
import subprocess
import sys

import pytest

from cosface_edu import exercises
from cosface_edu.exercises import answers, truth


def test_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(KeyError, match="no exercise 'nonsense'"):
        exercises.check("nonsense", None)


def test_two_exercises_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two exercises are called 'eight-gap'"):
        exercises.exercise("eight-gap")(lambda answer: None)


def test_a_notebook_gives_the_hint_that_a_page_has() -> None:
    assert all(exercises.hint(name) == hint for name, (_, hint) in exercises.in_page().items())
    assert exercises.hint("find-the-bug-normalise").startswith("The answer is: (fc, x) -> cosines between")
    assert all(len(exercises.hint(name).split()) > 4 for name in exercises.available())
    with pytest.raises(KeyError, match="no exercise 'nonsense'"):
        exercises.hint("nonsense")


def test_a_check_of_plain_python_imports_no_torch() -> None:
    """The exported answers are checked one process each: importing torch takes seconds."""
    code = "import sys; from cosface_edu import exercises; exercises.check('boundaries-width', 1); "
    done = subprocess.run([sys.executable, "-c", f"{code}assert 'torch' not in sys.modules"], check=False)
    assert done.returncode == 0


def _raises(*args, **kwargs):
    raise RuntimeError("the reader's own mistake")


@pytest.mark.parametrize("name", exercises.available())
@pytest.mark.parametrize(
    "answer", [None, float("nan"), _raises, lambda *a, **k: None], ids=["none", "nan", "raises", "empty"]
)
def test_no_check_passes_an_empty_answer(name: str, answer: object) -> None:
    verdict = exercises.check(name, answer)
    assert not verdict.passed
    assert verdict.message
    assert "check-open" in verdict._repr_html_()


@pytest.mark.parametrize("name", exercises.available())
def test_a_number_where_a_function_is_wanted_is_told_so(name: str) -> None:
    assert "not callable" not in exercises.check(name, 0.1414).message


def _said(name: str, answer: object) -> str:
    verdict = exercises.check(name, answer)
    assert not verdict.passed
    return verdict.message


def test_what_is_wrong_by_little_is_shown_with_the_digits_that_differ() -> None:
    said = _said("boundaries-width", lambda m: 2**0.5 * m + 2e-6)
    assert said == "for m = 0.1 the lines are 0.141421 apart, you say 0.141423"
    said = _said("performance-chunks", lambda head, x, labels, chunk: head(x, labels).item() + 1e-7)
    yours, whole = re.search(r"16: (\S+), whole (\S+)\.$", said).groups()
    assert yours != whole
    assert answers.told(0.5, 0.5004, ".1%") == ("50.00%", "50.04%")
    assert answers.told(-1.25, 1.5, "+.2f") == ("-1.25", "+1.50")
    assert answers.told(0.3, 0.3, ".4f") == ("0.3000", "0.3000")


def test_a_count_is_not_rounded_in_the_reader_s_favour() -> None:
    assert "11,010,560 parameters, you say 11,010,560.9" in _said(
        "network-fc", lambda h, w: truth.fc_parameters(h, w) + 0.9
    )
    assert exercises.check("network-fc", lambda h, w: float(truth.fc_parameters(h, w))).passed
    assert "convolutions, you say" in _said("network-depth", lambda blocks: 4 + 2 * sum(blocks) + 0.5)
    by_name = {blocks: depth for depth, blocks in truth.BLOCKS.items()}
    assert "one block less" in _said("network-depth", lambda blocks: by_name.get(blocks, 64))


def test_the_largest_threshold_is_asked_for_and_no_other() -> None:
    def largest(scores, far):
        if far * len(scores) < 1:
            raise ValueError
        return sorted(scores)[-int(far * len(scores))]

    def lower(scores, far):
        return (largest(scores, far) + sorted(scores)[-int(far * len(scores)) - 1]) / 2

    assert exercises.check("your-own-loop-threshold", largest).passed
    assert "the largest is asked for" in _said("your-own-loop-threshold", lower)
    assert "yours accepts 199" in _said("your-own-loop-threshold", lambda scores, far: largest(scores, far) + 1e-9)


def test_a_threshold_for_a_rate_that_no_pair_can_show_is_refused() -> None:
    def rounded(scores, far):
        return sorted(scores, reverse=True)[round(far * len(scores)) - 1]

    def cut_down(scores, far):
        return sorted(scores, reverse=True)[int(far * len(scores)) - 1]

    assert "3 of 2,000 impostor pairs may be accepted, and yours accepts 4" in _said("your-own-loop-threshold", rounded)
    assert "not one of 435 pairs, and yours accepts 435" in _said("your-own-loop-threshold", cut_down)
