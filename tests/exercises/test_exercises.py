"""A check says what is wrong, survives answers that raise, and never passes an empty answer."""

import pytest

from cosface_edu import exercises


def test_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(KeyError, match="no exercise 'nonsense'"):
        exercises.check("nonsense", None)


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
