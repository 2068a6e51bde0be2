"""The book's own Table 2: every row trains, pairs are what they claim, and numbers say where they come from."""

import json
from dataclasses import replace

import pytest
import torch

from cosface_edu.experiments import comparison
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
    assert loss == loss
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
    comparison.write(tmp_path / "table.json", TINY, runs)
    return figures.recorded(tmp_path / "table.json")


def test_table_sets_ours_beside_the_papers(record):
    text = figures.table(record)
    assert "| Softmax | 80.5 ± 0.5 | 80.5 ± 0.5 | 50.0 ± 0.0 | 50.0 ± 0.0 | 97.88 | 54.85 |" in text
    assert "| NSL | 80.5 ± 0.5 | 80.5 ± 0.5 | 50.0 ± 0.0 | 50.0 ± 0.0 | – | – |" in text
    assert figures.dots(record).axes


def test_differences_are_set_against_the_noise(record):
    text = figures.differences(record)
    assert "| NSL | LMCL | +5.0 | 1.4 | beyond it |" in text
    assert "| Softmax | NSL | +0.0 | 1.4 | within the noise |" in text


def test_an_interrupted_comparison_goes_on(record, tmp_path):
    path = tmp_path / "table.json"
    assert comparison.kept(path, TINY) == record["runs"]
    assert comparison.kept(path, replace(TINY, steps=3)) == []
    assert comparison.kept(tmp_path / "none.json", TINY) == []


def test_provenance_says_when_the_code_has_changed(record):
    assert "as they are now" in figures.provenance(record)
    assert "earlier state" in figures.provenance(record | {"code": "other"})


def test_no_record_is_said_with_its_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m cosface_edu"):
        figures.recorded(tmp_path / "none.json")
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


def test_lengths_and_ratios():
    assert figures.lengths().axes
    assert performance.ratios({"cosface": {}}, B=8, D=8, C=20, rounds=2)["cosface"] > 0
