"""Each job at full size has a tiny run: the same lines, on a processor, with a record at its end."""

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from cosface_edu.experiments import jobs, record
from cosface_edu.experiments.jobs import casia, chapters, checks
from cosface_edu.experiments.jobs.__main__ import app

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


@pytest.mark.parametrize("name", jobs.QUEUE)
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
