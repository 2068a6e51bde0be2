"""The book's own Table 2 as it is shown, its numbers say where they come from; the benchmark's record."""

import math
from dataclasses import replace

import pytest

from cosface_edu.experiments import comparison
from cosface_edu.experiments import record as records
from cosface_edu.figures import comparison as figures
from cosface_edu.figures import performance

TINY = replace(
    comparison.Setting(),
    identities=20,
    strangers=12,
    images=4,
    size=(32, 28),
    people=8,
    steps=2,
    embedding=8,
    pairs=120,
)


@pytest.fixture
def record(tmp_path):
    runs = [
        {
            "row": row,
            "seed": seed,
            "lr": lr,
            "loss": 1.0,
            "seconds": 1.0,
            "accuracy": 80.0 + seed + 5 * (row == "LMCL" and lr < 0.05),
            "standard_error": 0.5,
            "rank1": 50.0,
        }
        for seed in (0, 1)
        for lr in TINY.rates
        for row in comparison.ROWS
    ]
    return records.load(records.save(tmp_path / "table.json", comparison.made(TINY, runs)))


def test_table_sets_ours_beside_the_papers(record):
    text = figures.table(record)
    assert "| Softmax | 80.5 ± 0.5 | 80.5 ± 0.5 | 50.0 ± 0.0 | 50.0 ± 0.0 | 97.88 | 54.85 |" in text
    assert "| NSL | 80.5 ± 0.5 | 80.5 ± 0.5 | 50.0 ± 0.0 | 50.0 ± 0.0 | – | – |" in text
    drawn = {round(float(x), 6) for line in figures.dots(record).axes[0].lines for x in line.get_xdata()}
    assert drawn == {run["accuracy"] for run in record["runs"]}


def test_differences_are_set_against_the_noise(record):
    text = figures.differences(record)
    assert "| NSL | LMCL | +5.0 | 1.4 | beyond it |" in text
    assert "| Softmax | NSL | +0.0 | 1.4 | within the noise |" in text


def test_provenance_says_when_the_code_has_changed(record):
    assert "the same today" in figures.provenance(record)
    assert "changed since" in figures.provenance(record | {"code": "other"})
    assert "`cosface-edu record loss-table`" in figures.provenance(record)


def test_no_benchmark_is_said_with_its_remedy(tmp_path):
    assert "make bench" in performance.provenance(performance.recorded(tmp_path / "none.json"))
    assert performance.time_table(None) == performance.memory_table(None) == ""


def test_benchmark_of_another_machine_is_marked(tmp_path):
    row = {"loss": "cosface", "ms": 12.3, "ratio": 1.05, "ratio_cpu": 1.04, "allowed": 1.1, "pml_ratio": None}
    held = {"C": 1000, "B": 8, "chunk_size": None, "peak_gb": 0.5, "centres_and_gradient_gb": 0.1, "extra_mb": 20.0}
    made = records.new(
        "cosface_edu.losses",
        what="a benchmark",
        command="make bench",
        data={},
        config={"rounds": 9},
        seeds=[0],
        seconds=60.0,
        time=[row],
        memory=[held],
        chunked={"C": 1000, "ratio": 1.1},
    )
    record = performance.recorded(records.save(tmp_path / "losses.json", made))
    assert "by `make bench`" in performance.provenance(record)
    assert performance.provenance(record).endswith("It was this machine.")
    elsewhere = record | {"hardware": record["hardware"] | {"processor": "A Chip"}}
    assert "another machine" in performance.provenance(elsewhere)
    assert "| cosface | 12.3 | 1.05 | 1.04 | 1.1 | – |" in performance.time_table(record)
    assert "| 1,000 | 8 | – | 0.5 | 0.1 | 20 |" in performance.memory_table(record)
    assert "1.10 times" in performance.memory_table(record)


def test_where_memory_is_not_measured_the_figure_says_so(monkeypatch):
    monkeypatch.setattr(performance, "peak_bytes", lambda *given: math.nan)
    assert [text.get_text() for text in performance.memory().axes[0].texts] == ["measured on Linux only"]


def test_chunks_need_less_memory():
    whole, chunked = performance.peak_bytes(60_000, None, B=128), performance.peak_bytes(60_000, 8, B=128)
    if whole != whole:
        pytest.skip("peak memory is told by Linux only")
    assert chunked < whole


def test_losses_fall_with_the_length_on_the_right_side_of_the_border_alone():
    near, nearer, beyond = (line.get_ydata() for line in figures.lengths().axes[0].lines)  # 5°, 20°, 26° of 22.5°
    assert near[-1] < nearer[-1] < near[0]
    assert (near[1:] <= near[:-1]).all()
    assert beyond[-1] > beyond.min() + 1  # it has turned, and rises


def test_ratios():
    assert performance.ratios({"cosface": {}}, B=8, D=8, C=20, rounds=2)["cosface"] > 0
