"""The rehearsal goes through every room, judges on unseen people, and says what it did."""

import json

import pytest
from rich.console import Console

from cosface_edu.training import rehearsal
from cosface_edu.training.rehearsal import Size, draw_scenes, interval, recipe, summary, table, write

TINY = Size(people=3, pictures=2, unseen=20, pairs=10, epochs=1)


def test_scenes_to_table(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(rehearsal, "QUICK", TINY)
    lines: list[str] = []
    report = rehearsal.rehearse(quick=True, work=tmp_path, say=lines.append)
    assert report["data"]["scenes"] == 46
    assert report["data"]["faces_found"] > 40
    assert list(report["losses"]) == ["softmax", "nsl", "cosface"]
    assert {run["seed"] for run in report["runs"]} == {0}
    assert all("low" not in found for found in report["losses"].values())  # one seed says nothing of the spread
    write(report, tmp_path / "out" / "report.json")
    assert json.loads((tmp_path / "out" / "report.json").read_text())["losses"] == report["losses"]
    console = Console(width=120, record=True)
    console.print(table(report))
    assert "cosface s=" in console.export_text()
    before = sorted((tmp_path / "quick" / "scenes").rglob("*.jpg"))
    stamps = [path.stat().st_mtime_ns for path in before]
    draw_scenes(TINY, tmp_path / "quick" / "scenes")
    assert [path.stat().st_mtime_ns for path in before] == stamps  # what is there is not drawn again


def test_a_grid_holds_every_point_and_softmax(monkeypatch) -> None:
    report = rehearsal.grid(scales=(8.0,), margins=(0.0, 0.2), seeds=(0,), size=TINY, say=lambda line: None)
    assert [(run["loss"], run.get("s"), run.get("m")) for run in report["runs"]] == [
        ("softmax", None, None),
        ("nsl", 8.0, None),
        ("cosface", 8.0, 0.2),
    ]


def test_losses_differ_in_the_loss_alone() -> None:
    one, other = recipe("softmax", {}, 1, 100, 2), recipe("cosface", {"s": 16.0, "m": 0.2}, 1, 100, 2)
    assert one.replace(loss="cosface", loss_options={"s": 16.0, "m": 0.2}) == other
    assert one.steps == 4  # 200 images, 64 a step


def test_intervals_are_student_s() -> None:
    found = summary([0.90, 0.92, 0.94])
    assert found["mean"] == pytest.approx(0.92)
    assert found["high"] - found["mean"] == pytest.approx(4.302653 * 0.02 / 3**0.5, rel=1e-5)
    assert interval(found) == "92.00 % (87.03 … 96.97)"
