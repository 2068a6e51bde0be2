"""The book's own Table 2: every row trains, pairs are what they claim, and numbers say where they come from."""

import json
import math
from dataclasses import replace

import pytest
import torch

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


@pytest.mark.parametrize("row", comparison.ROWS)
def test_each_row_trains_and_is_tested(row):
    images = torch.rand(TINY.identities, TINY.images, 3, *TINY.size)
    network, loss = comparison.train(row, images, TINY, seed=0, lr=0.05)
    assert math.isfinite(loss)
    start = comparison.train(row, images, replace(TINY, steps=1), seed=0, lr=0.05)[0]
    moved = [not torch.equal(a, b) for a, b in zip(network.parameters(), start.parameters(), strict=True)]
    assert any(moved)  # the second step changed the network: the loss has a gradient
    found = comparison.test(network, images[: TINY.strangers], TINY)
    assert all(0 <= value <= 100 for value in found.values())


def test_rows_of_one_seed_see_the_same_batches_and_seeds_differ():
    images = torch.rand(TINY.identities, TINY.images, 3, *TINY.size)
    losses = [comparison.train("NSL", images, TINY, seed, 0.05)[1] for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]


def test_pairs_are_genuine_and_impostor():
    pairs, same = comparison._pairs(people=12, shots=4, n=200)
    assert same.sum() == 200 == (~same).sum()
    assert ((pairs[:, 0] // 4 == pairs[:, 1] // 4) == same).all()
    assert (pairs[:, 0] != pairs[:, 1]).all()


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


def test_an_interrupted_comparison_goes_on(record, tmp_path):
    path = tmp_path / "table.json"
    assert comparison.kept(path, TINY) == record["runs"]
    assert comparison.kept(path, replace(TINY, steps=3)) == []
    assert comparison.kept(tmp_path / "none.json", TINY) == []


def test_a_comparison_is_recorded_run_by_run(tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "ROWS", {"NSL": comparison.ROWS["NSL"]})
    path, setting, lines = tmp_path / "table.json", replace(TINY, rates=(0.05,)), []
    found = comparison.record_table(1, setting, path, lines.append)
    assert [(run["row"], run["seed"], run["lr"]) for run in found["runs"]] == [("NSL", 0, 0.05)]
    more = comparison.record_table(2, setting, path, lines.append)
    assert more["runs"][0] == found["runs"][0]  # not trained again
    assert (more["seeds"], len(lines)) == ([0, 1], 2)


def test_provenance_says_when_the_code_has_changed(record):
    assert "the same today" in figures.provenance(record)
    assert "changed since" in figures.provenance(record | {"code": "other"})
    assert "`cosface-edu record loss-table`" in figures.provenance(record)


def test_no_benchmark_is_said_with_its_remedy(tmp_path):
    assert "make bench" in performance.provenance(performance.recorded(tmp_path / "none.json"))
    assert performance.time_table(None) == performance.memory_table(None) == ""


def test_benchmark_of_another_machine_is_marked(tmp_path):
    machine = {"processor": "A Chip", "system": "Linux", "torch": "2", "load_average": 0.1, "date": "2026-01-02"}
    row = {"loss": "cosface", "ms": 12.3, "ratio": 1.05, "ratio_cpu": 1.04, "allowed": 1.1, "pml_ratio": None}
    held = {"C": 1000, "B": 8, "chunk_size": None, "peak_gb": 0.5, "centres_and_gradient_gb": 0.1, "extra_mb": 20.0}
    path = tmp_path / "losses.json"
    path.write_text(
        json.dumps(
            {
                "setting": {"threads": 2, "rounds": 9},
                "machine": machine,
                "time": [row],
                "memory": [held],
                "chunked": {"C": 1000, "ratio": 1.1},
            }
        )
    )
    record = performance.recorded(path)
    assert "another machine" in performance.provenance(record)
    assert "| cosface | 12.3 | 1.05 | 1.04 | 1.1 | – |" in performance.time_table(record)
    assert "| 1,000 | 8 | – | 0.5 | 0.1 | 20 |" in performance.memory_table(record)
    assert "1.10 times" in performance.memory_table(record)


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
