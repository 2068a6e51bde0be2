"""The search: every try once, and a record that goes on where it was stopped."""

import json
from pathlib import Path

import pytest

from cosface_edu.experiments import search
from cosface_edu.experiments.settings import Size


def test_record_is_kept_after_each_run_and_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # 500 strangers' pictures have enough impostor pairs for one false accept in ten thousand
    tiny = Size(people=8, pictures=4, unseen=50, pairs=60, epochs=4)
    both = (("nsl", {"s": 4.0}), ("cosface", {"s": 4.0, "m": 0.2}))
    monkeypatch.setattr(search, "SEARCH", ((tiny, both),))
    path, said = tmp_path / "search.json", []
    search.main(path, say=said.append)
    found = json.loads(path.read_text())
    assert [run["loss"] for run in found["runs"]] == ["nsl", "cosface"]
    assert found["note"].startswith("single runs, to choose settings by: 2 of 2")
    for run in found["runs"]:
        assert (run["people"], run["pictures"], run["epochs"], run["strangers"]) == (8, 4, 4, 50)
        assert 0 <= run["tar"]["0.0001"] <= run["tar"]["0.001"] <= 1
    kept = found["runs"].pop(0)
    path.write_text(json.dumps(found))
    search.main(path, say=said.append)
    again = json.loads(path.read_text())["runs"]
    assert [run["loss"] for run in again] == ["cosface", "nsl"]
    assert again[0] == found["runs"][0]
    assert again[1]["tar"] == kept["tar"]
    assert len(said) == 6
