"""A record says where it comes from, is there whole or not at all, and every record of the book is one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cosface_edu.experiments import record, statistics
from cosface_edu.experiments.closure import code_hash, module_name

ROOT = Path(__file__).resolve().parents[2]
MODULE = "cosface_edu.experiments.record"


@pytest.fixture
def found() -> dict:
    return record.new(
        MODULE,
        what="a test",
        command="cosface-edu record test",
        data={"people": 2},
        config={"steps": 3},
        seeds=range(2),
        seconds=0.5,
        runs=[{"loss": "nsl", "seed": 0, "accuracy": 0.5}],
    )


def test_a_record_goes_to_disk_and_back(found: dict, tmp_path: Path) -> None:
    path = record.save(tmp_path / "deep" / "a.json", found)
    assert record.load(path) == found
    assert found["seeds"] == [0, 1]
    assert found["code"] == code_hash(MODULE)
    assert found["hardware"]["cores"] >= 1
    assert record.hardware(threads=7)["threads"] == 7
    assert found["versions"].keys() == {"python", "torch", "cosface_edu"}


def test_a_record_without_a_field_is_refused(found: dict, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.json: the record does not say command \(what was typed"):
        record.save(tmp_path / "a.json", {k: v for k, v in found.items() if k != "command"})
    assert not (tmp_path / "a.json").exists()
    (tmp_path / "b.json").write_text(json.dumps({k: v for k, v in found.items() if k != "note"}))
    with pytest.raises(ValueError, match="does not say note"):
        record.load(tmp_path / "b.json")
    with pytest.raises(ValueError, match="holds nothing that was found"):
        record.save(tmp_path / "a.json", {k: v for k, v in found.items() if k != "runs"})


def test_what_is_not_there_is_made_by_a_command(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.json: no such record; `cosface-edu record absent` makes it"):
        record.load(tmp_path / "absent.json")


def test_an_interrupted_experiment_goes_on_from_runs_of_its_own_code_and_setting(found: dict, tmp_path: Path) -> None:
    path = record.save(tmp_path / "a.json", found)
    assert record.begun(path, MODULE, {"steps": 3}) == (found["runs"], 0.5)
    assert record.begun(path, MODULE, {"steps": 4}) == ([], 0.0)
    record.save(path, found | {"code": "of yesterday"})
    assert record.begun(path, MODULE, {"steps": 3}) == ([], 0.0)
    assert record.begun(tmp_path / "none.json", MODULE, {}) == ([], 0.0)


def test_commit_says_when_files_differ_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package"
    package.mkdir()
    monkeypatch.setattr(record, "PACKAGE", package)
    monkeypatch.delenv("COSFACE_COMMIT", raising=False)
    assert record.commit() is None
    monkeypatch.setenv("COSFACE_COMMIT", "abc")
    assert record.commit() == "abc"
    monkeypatch.delenv("COSFACE_COMMIT")
    (package / "__init__.py").write_text("a = 1\n")
    for words in ("init -q", "add .", "-c user.name=t -c user.email=t@example.org commit -qm t"):
        subprocess.run(["git", "-C", str(package), *words.split()], check=True)
    clean = record.commit()
    assert clean is not None
    assert len(clean) == 40
    (package / "__init__.py").write_text("a = 2\n")
    assert record.commit() == clean + "+"
    monkeypatch.setenv("COSFACE_COMMIT", "abc")  # of a copy with an older history
    assert record.commit() == "abc"


def test_main_is_called_by_its_real_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module_name(MODULE) == MODULE
    monkeypatch.setitem(sys.modules, "__main__", sys.modules[MODULE])
    assert module_name("__main__") == MODULE


def test_intervals_are_student_s() -> None:
    found = statistics.interval([0.90, 0.92, 0.94])
    assert found["mean"] == pytest.approx(0.92)
    assert found["high"] - found["mean"] == pytest.approx(4.302653 * 0.02 / 3**0.5, rel=1e-5)
    assert statistics.percent(found) == "92.00 % (87.03 … 96.97)"
    assert statistics.percent({"mean": -1e-17}) == "0.00 %"
    assert "low" not in statistics.interval([0.9])


def test_paired_differences_forget_what_the_seeds_have_in_common() -> None:
    ours, theirs = [0.90, 0.95, 0.80], [0.89, 0.94, 0.79]
    found = statistics.paired(ours, theirs)
    assert found["low"] == pytest.approx(0.01)
    assert found["high"] == pytest.approx(0.01)
    with pytest.raises(ValueError, match=r"shorter|longer"):
        statistics.paired(ours, theirs[:2])


def test_a_growing_record_is_whole_after_each_run(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    said = {"what": "a test", "command": "none", "data": {}, "threads": 1}
    found = record.Growing(path, MODULE, {"steps": 3}, **said)
    found.add({"seed": 4, "loss": 1.0}, note="one of two")
    first = record.load(path)
    assert (first["runs"], first["seeds"], first["note"]) == ([{"seed": 4, "loss": 1.0}], [4], "one of two")
    again = record.Growing(path, MODULE, {"steps": 3}, **said)
    again.add({"seed": 2, "loss": 0.5}, {"seed": 2, "loss": 0.6})
    second = record.load(path)
    assert [run["loss"] for run in second["runs"]] == [1.0, 0.5, 0.6]
    assert second["seeds"] == [2, 4]
    assert second["seconds"] > first["seconds"] > 0
    assert record.Growing(path, MODULE, {"steps": 4}, **said).runs == []


def test_runs_are_compared_with_those_of_their_seed_in_whatever_order_they_come() -> None:
    accuracy = {"cosface": [0.90, 0.95, 0.80], "nsl": [0.89, 0.93, 0.77]}
    runs = [
        {"loss": loss, "seed": seed, "accuracy": accuracy[loss][seed], "eer": 1 - accuracy[loss][seed]}
        for loss, seed in [("nsl", 2), ("cosface", 0), ("nsl", 0), ("cosface", 2), ("cosface", 1), ("nsl", 1)]
    ]
    assert statistics.compared(runs)["cosface_minus"]["nsl"]["values"] == pytest.approx([0.01, 0.02, 0.03])
    by_error = statistics.compared(runs, lambda run: run["eer"])
    assert by_error["cosface_minus"]["nsl"]["mean"] == pytest.approx(-0.02)
    assert by_error["losses"]["nsl"]["values"] == pytest.approx([0.11, 0.07, 0.23])
    with pytest.raises(ValueError, match=r"cosface has \[0, 1, 2\], nsl \[0, 1, 1\]"):
        statistics.compared([run | {"seed": min(run["seed"], 1)} if run["loss"] == "nsl" else run for run in runs])
