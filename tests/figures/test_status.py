"""The status page says of each record what it holds, and of each package what is installed."""

import json
import re
from importlib import metadata
from pathlib import Path

from cosface_edu.experiments import record
from cosface_edu.experiments.closure import code_hash
from cosface_edu.figures import status

ROOT = Path(__file__).resolve().parents[2]


def rows(table: str) -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {first: rest for first, *rest in cells}


def test_versions_are_those_installed() -> None:
    found = rows(status.versions())
    assert found["torch"] == [metadata.version("torch")]
    assert found["jupyter-book"] == [metadata.version("jupyter-book")]
    assert re.search(r"commit `[0-9a-f]{7}`|commit `unknown`", found["cosface-edu"][0])


def test_alone_the_book_s_tools_may_be_absent(monkeypatch) -> None:
    monkeypatch.setattr(status, "PACKAGES", ("torch", "absent-here"))
    assert rows(status.versions())["absent-here"] == ["not installed"]


def test_every_record_is_there_once_with_what_it_says() -> None:
    on = {True: rows(status.records(gpu=True)), False: rows(status.records(gpu=False))}
    files = sorted((ROOT / "book" / "results").glob("*.json"))
    shown = sorted(name.strip("`") for table in on.values() for name in table)
    assert shown == sorted(file.stem for file in files)
    for file in files:
        kept = json.loads(file.read_text())
        date, commit, state, took, where, command = on[kept["hardware"]["gpu"] is not None][f"`{file.stem}`"]
        assert (date, command) == (kept["date"], f"`{kept['command']}`")
        assert commit.strip("`") in (kept["commit"] or "unknown")
        today = kept["module"] and code_hash(kept["module"])
        several = len(set(record.said(kept, "code"))) > 1
        known = "of several" if several else "the same" if today == kept["code"] else "changed"
        assert state == ("unknown" if today is None else known)
        assert where.startswith(kept["hardware"]["gpu"] or kept["hardware"]["processor"])
        if kept["seconds"] is not None:
            number, unit = took.split()
            assert abs(float(number) * {"s": 1, "min": 60}[unit] - kept["seconds"]) <= 30


def test_nothing_on_the_page_is_typed() -> None:
    text = (ROOT / "book" / "status.md").read_text().partition("# Status")[2]
    assert not re.findall(r"\d+", re.sub(r"ipython3|```.*?```", "", text, flags=re.S))


def test_runs_made_again_stand_beside_their_records_and_the_others_are_named(monkeypatch) -> None:
    run = {"which": {"loss": "nsl", "s": 8.0}, "seed": 0, "measure": "accuracy, %", "recorded": 90.0}
    runs = [
        run | {"record": "few-pictures", "again": 90.5, "seeds": 0.4},
        run | {"record": "few-pictures", "again": 90.5, "seeds": 0.6},
        run | {"record": "faceworld-search", "again": 90.5, "seeds": None},
    ]
    checked = record.load("spot-checks")
    monkeypatch.setattr(status.shipped, "recorded", lambda name: checked | {"runs": runs})
    text = status.made_again().replace("\u00a0", " ")
    assert "| `few-pictures` | nsl, s = 8, seed 0 | accuracy, % | 90.00 | 90.50 | 0.40 |" in text
    assert "| 90.50 | one seed |" in text
    assert "Of 2 runs with several seeds in their record, 1 came out further" in text
    assert "`cosface-edu record spot-checks`" in text
    others = text.partition("Not made again: ")[2].partition("\n")[0]
    assert "`rehearsal`" in others
    assert "`few-pictures`" not in others
    assert "`spot-checks`" not in others
