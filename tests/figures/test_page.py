"""What a chapter shows of the package is the package's own text."""

import re

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
    assert text.startswith("`cosface_edu.losses.cosface.AdditiveCosine`")
    assert "        return cos - self.m\n" in text
    assert '"""' not in text


def test_measured_line_names_time_and_machine(shown: list) -> None:
    page.begin()
    page.end()
    assert "torch" in shown[0].data
    assert re.search(r"ran in \d+\.\d s", shown[0].data)


@pytest.fixture
def found() -> dict:
    return {
        "command": "cosface-edu record rehearsal",
        "commit": "0123456789abcdef+",
        "date": "2026-11-24",
        "hardware": {"processor": "A Chip", "cores": 2, "threads": 1, "gpu": None},
        "versions": {"torch": "2.14"},
        "seconds": 461.0,
        "parents": [],
        "note": "",
    }


def test_a_record_is_shown_with_command_commit_and_date(found: dict) -> None:
    assert page.provenance(found) == (
        "Recorded on 2026-11-24 by `cosface-edu record rehearsal`, commit 0123456 with changes "
        "(A Chip, 2 cores, threads a run: 1, torch 2.14), in 8 minutes."
    )


def test_what_is_put_together_or_made_by_hand_says_so(found: dict) -> None:
    said = page.provenance(found | {"parents": ["one", "two"], "note": "seed 0 had no --seeds", "commit": None})
    assert "**Put together**: runs come from one and two. Note: seed 0 had no `--seeds`." in said
    assert "commit not recorded" in said
    rows = [{"commit": "feedface" * 5}, {"commit": found["commit"]}, {}]
    assert "of commit feedfac." in page.provenance(found | {"results": {"rows": rows}})
    assert "other calls" not in page.provenance(found | {"results": {"rows": rows[1:]}})
    assert "no command makes it again" in page.provenance(found | {"command": None})
    gpu = found["hardware"] | {"gpu": "NVIDIA H100"}
    assert "(NVIDIA H100, torch" in page.provenance(found | {"hardware": gpu, "seconds": 20.0})


def test_what_came_out_otherwise_is_said_and_stops_nothing() -> None:
    assert page.ours("**Ours**: 3°.", holds=True).data == "**Ours**: 3°."
    assert page.ours("**Ours**: 3°.", holds=False).data == f"**Ours**: 3°.\n\n{page.OTHERWISE}"
