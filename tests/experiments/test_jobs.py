"""Each job at full size has a tiny run: the same lines, on a processor, with a record at its end."""

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from cosface_edu.experiments import jobs, record
from cosface_edu.experiments.jobs import casia, chapters, checks, table, worth
from cosface_edu.experiments.jobs.__main__ import app
from cosface_edu.training import Config

PAGE = """---
kernelspec:
  display_name: Python 3
  name: python3
---

```{code-cell} ipython3
import torch

assert torch.ones(2).sum() == 2
```
"""


SWEEPS = ("table", "worth")


@pytest.mark.parametrize("name", [name for name in jobs.QUEUE if name not in SWEEPS])
def test_a_tiny_run_leaves_a_record(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = tmp_path / "book"
    book.mkdir()
    (book / "page.md").write_text(PAGE)
    monkeypatch.setattr(chapters, "BOOK", book)
    monkeypatch.setattr(checks, "check_losses", lambda device, few: iter([checks.checked("nsl", "fp32", device, None)]))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    result = CliRunner().invoke(app, [name, "--tiny", "--minutes", "2", "--device", "cpu", "--out", str(tmp_path)])
    torch.set_num_threads(threads)
    assert result.exit_code == 0, result.output
    found = record.load(tmp_path / f"{name}.json")
    assert found["finished"]
    assert "tiny" in found["note"]
    if name == "checks":
        rows = [*found["results"]["losses"], *found["results"]["other"].values()]
        assert [row for row in rows if not row["right"]] == []
    if name == "chapters":
        assert found["results"]["chapters"]["page"]["error"] is None
        assert found["results"]["chapters"]["page"]["cells"] == 1
    if name == "casia":
        assert found["results"]["million"]["distractors"] == 1000


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_goes_on_where_its_minutes_ended(name: str, tmp_path: Path) -> None:
    rows = []
    for _ in range(2):
        arguments = [name, "--tiny", "--minutes", "0.02", "--device", "cpu", "--out", str(tmp_path)]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        found = record.load(tmp_path / f"{name}.json")
        assert not found["finished"]
        assert found["results"]["rows"][: len(rows)] == rows
        assert len(found["results"]["rows"]) > len(rows)
        rows = found["results"]["rows"]
    assert {"accuracy", "tar_0.0001", "tar_1e-06", "rank1"} <= rows[0].keys()


def finished(plan, value) -> list[dict]:
    """The rows of a sweep whose runs are all as good as `value` says."""
    rows: list[dict] = []
    while (following := plan(rows)) is not None:
        rows.append(following[0] | {"tar_0.0001": value(following[0])})
    return rows


def test_the_table_chooses_on_another_world_and_judges_with_three_seeds() -> None:
    base = Config(loss_options={})
    rows = finished(lambda rows: table.plan(base, rows), lambda row: row["options"].get("s", 0) == 16)
    search, final = ([r for r in rows if r["part"] == part] for part in ("search", "table"))
    assert {r["world"] for r in search} == {1}
    assert {r["world"] for r in final} == {0}
    nsl = {r["options"]["s"] for r in search if r["loss"] == "nsl"}
    assert nsl == {r["options"]["s"] for r in search if r["loss"] == "cosface"}  # at every scale that NSL is
    assert {r["options"].get("s") for r in final if r["loss"] in ("nsl", "cosface")} == {16}
    assert len(final) == 3 * len(table.CANDIDATES)
    margins = [r for r in rows if r["part"] == "margin"]
    assert {(r["options"]["s"], r["options"].get("m", 0)) for r in margins} == {
        (s, m) for s in (64, 16) for m in table.MARGINS
    }


def test_the_map_fills_cell_after_cell() -> None:
    rows = finished(lambda rows: worth.plan(Config(loss_options={}), rows), lambda row: row["options"].get("m", 0))
    assert list(dict.fromkeys((r["people"], r["pictures"]) for r in rows)) == list(worth.CELLS)
    final = [r for r in rows if r["world"] == 0]
    assert len(final) == 6 * len(worth.CELLS)
    assert {r["options"].get("m") for r in final} == {None, 0.35}


def test_the_queue_leaves_out_what_has_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "QUEUE", {"heads": 1.0, "casia": 1.0})
    ran = []
    monkeypatch.setattr(jobs, "run", lambda name: lambda job: ran.append(name) or {"rows": [1]})
    for expected in (["heads", "casia"], []):
        ran.clear()
        assert CliRunner().invoke(app, ["--tiny", "--device", "cpu", "--out", str(tmp_path)]).exit_code == 0
        assert ran == expected


def test_a_wrong_gradient_is_seen() -> None:
    """The checks of losses fail where they should: here half precision, asked to be as exact as float32."""
    right = checks.checked("cosface", "fp32", torch.device("cpu"), None)
    assert right["right"]
    assert 0 < right["gradient"] < 1e-5
    rounded = checks.checked("cosface", "bf16", torch.device("cpu"), torch.bfloat16)
    assert rounded["gradient"] > 1e-4  # what comes back to the embeddings is rounded to bf16


def test_the_schedule_is_shortened_in_proportion() -> None:
    from cosface_edu.training import preset

    config = casia.shortened(preset("casia"), 3000, {"margin_warm_up": 1 / 3, "lr_warm_up": 500})
    assert config.milestones == (1600, 2400, 2800)
    assert (config.steps, config.margin_warm_up, config.lr_warm_up) == (3000, 1000, 300)
