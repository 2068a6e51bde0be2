"""Every record of the book says where it comes from, and a command makes it again."""

from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from cosface_edu.cli import app
from cosface_edu.experiments import catalogue, record, shipped
from cosface_edu.experiments.closure import code_hash

BOOK = Path(__file__).resolve().parents[2] / "book"
RECORDS = sorted((BOOK / "results").glob("*.json"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_command_makes_it_again(path: Path) -> None:
    found = record.load(path)
    known = path.stem in {*catalogue.MAKERS, *catalogue.KEEPERS}
    assert known or found["command"].startswith("python -m cosface_edu.")
    if found["commit"] is None:
        assert "before records named their commit" in found["note"]


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_parents_are_there(path: Path) -> None:
    for parent in record.load(path)["parents"]:
        assert any((BOOK / folder / f"{parent}.json").is_file() for folder in ("results", "by-hand")), parent


@pytest.mark.parametrize("path", sorted((BOOK / "by-hand").glob("*.json")), ids=lambda path: path.stem)
def test_what_was_made_by_hand_does_not_stand_among_the_results(path: Path) -> None:
    assert record.load(path)["command"] is None


def test_photographs_are_not_called_faceworld() -> None:
    for path in [*RECORDS, *(BOOK / "by-hand").glob("*.json")]:
        found = record.load(path)
        if path.stem.startswith("casia-mini") and found["config"]:
            assert found["config"]["data"] == "casia-mini", path.stem


def test_a_record_is_made_by_its_name(monkeypatch, tmp_path: Path) -> None:
    found = record.load("rehearsal")
    monkeypatch.setitem(catalogue.MAKERS, "rehearsal", lambda say: say("drawing") or found)
    lines: list[str] = []
    assert record.load(catalogue.make("rehearsal", tmp_path / "a.json", lines.append)) == found
    assert lines == ["drawing"]
    with pytest.raises(ValueError, match=r"no record 'rehearsel': choose one of .*rehearsal"):
        catalogue.make("rehearsel")


@pytest.mark.parametrize(
    ("codes", "state"),
    [((), "the same"), (("now",), "the same"), (("now", "before"), "of several"), (("before",), "of several")],
)
def test_rows_of_other_code_than_the_record_s_are_said(codes, state: str, monkeypatch, tmp_path: Path) -> None:
    found = record.load("gpu-table")
    now = code_hash(found["module"])
    rows = [{"n": 0}, *({"n": 1, "code": now if code == "now" else code} for code in codes)]
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "cosface_edu")
    beside = tmp_path / "book" / "results" / "gpu-table.json"
    record.save(beside, found | {"code": now, "results": {"rows": rows}})
    (listed,) = catalogue.listed()
    assert listed.state == state
    record.save(beside, found | {"code": "before", "results": {"rows": [{"n": 0}, {"n": 1, "code": "before"}]}})
    (listed,) = catalogue.listed()
    assert listed.state == "changed"


def test_the_command_lists_them() -> None:
    done = CliRunner().invoke(app, ["record"], env={"COLUMNS": "300", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    for path in RECORDS:
        assert path.stem in done.output
        assert record.load(path)["date"] in done.output


def test_installed_alone_it_lists_what_the_wheel_brought_or_says_that_there_is_nothing(
    monkeypatch, tmp_path: Path
) -> None:
    def listed() -> str:
        done = CliRunner().invoke(app, ["record"], env={"COLUMNS": "300", "TERM": "dumb"})
        assert done.exit_code == 0, done.output
        return done.output

    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "site" / "cosface_edu")
    monkeypatch.setattr(metadata, "files", lambda name: [])
    assert listed() == "no records here: neither in a clone beside the package nor installed with it\n"
    brought = ("book/results/gpu-table.json", "book/results/groups.json", "book/by-hand/faceworld-tries.json")
    files = [
        SimpleNamespace(as_posix=lambda n=n: f"../../../{shipped.SHARE}/{n}", locate=lambda n=n: BOOK.parent / n)
        for n in reversed(brought)
    ]
    monkeypatch.setattr(metadata, "files", lambda name: files)
    names = [line.split()[0] for line in listed().splitlines() if not line.startswith(" ")]
    assert names == ["gpu-table", "groups"]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(record, "PACKAGE", shipped.PACKAGE)
    with pytest.raises(ValueError, match="gpu-table: made by another command: python -m"):
        catalogue.make("gpu-table")
