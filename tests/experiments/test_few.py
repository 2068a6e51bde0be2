"""Few pictures of many people: every setting once, and a record that goes on where it was stopped."""

import json
from pathlib import Path

import pytest

from cosface_edu import geometry
from cosface_edu.experiments import few


@pytest.fixture
def small(monkeypatch) -> None:
    for name, value in {"PEOPLE": 22, "EPOCHS": 21, "STRANGERS": 22, "STRANGERS_PICTURES": 4, "PAIRS": 40}.items():
        monkeypatch.setattr(few, name, value)
    monkeypatch.setattr(few, "SETTINGS", (("softmax", {}), ("cosface", {"s": 14.0, "m": 0.2})))


def test_record_is_kept_after_each_run_and_goes_on(small, tmp_path: Path) -> None:
    path, said = tmp_path / "few.json", []
    few.main(path, seeds=1, say=said.append)
    found = json.loads(path.read_text())
    assert [run["loss"] for run in found["runs"]] == ["softmax", "cosface"]
    for run in found["runs"]:
        assert 0 <= run["met"] <= run["known"] <= 1
        assert 0 <= run["tar"] <= 1
        assert run["last_loss"] < run["first_loss"]
    found["runs"].pop()
    path.write_text(json.dumps(found))
    few.main(path, seeds=1, say=said.append)
    assert len(json.loads(path.read_text())["runs"]) == 2
    assert len(said) == 3


def test_two_settings_are_those_that_the_advice_names() -> None:
    tries = geometry.advise(people=few.PEOPLE, features=128, pictures=few.PICTURES).tries
    named = [(options.get("s"), options.get("m", 0.0)) for _, options in few.SETTINGS]
    assert [(one.s, one.m) for one in tries[:2]] == named[1:3]
