"""What a chapter shows of the package is the package's own text."""

import pytest

from cosface_edu.figures import page
from cosface_edu.losses import margins


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list:
    """What a cell would display."""
    things: list = []
    monkeypatch.setattr(page, "display", things.append)
    return things


def test_source_is_the_code_without_its_docstrings(shown: list) -> None:
    page.source(margins.AdditiveCosine)
    text = shown[0].data
    assert text.startswith("`cosface_edu.losses.margins.AdditiveCosine`")
    assert "        return cos - self.m\n" in text
    assert '"""' not in text


def test_measured_line_names_time_and_machine(shown: list) -> None:
    page.begin()
    page.end()
    assert "torch" in shown[0].data
    assert "ran in 0." in shown[0].data
