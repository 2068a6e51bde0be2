"""The book's own Table 2: every row trains, pairs are what they claim, and each run is recorded at once."""

import math
from dataclasses import replace

import pytest
import torch

from cosface_edu.experiments import comparison

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


def test_a_comparison_is_recorded_run_by_run(tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "ROWS", {"NSL": comparison.ROWS["NSL"]})
    path, setting, lines = tmp_path / "table.json", replace(TINY, rates=(0.05, 0.02)), []
    found = comparison.record_table(1, setting, path, lines.append)
    assert [(run["row"], run["seed"], run["lr"]) for run in found["runs"]] == [("NSL", 0, 0.05), ("NSL", 0, 0.02)]
    more = comparison.record_table(2, setting, path, lines.append)
    assert more["runs"][:2] == found["runs"]  # not trained again
    assert (more["seeds"], len(lines)) == ([0, 1], 4)


def test_networks_are_judged_by_people_they_never_saw_and_by_other_pictures_than_those_enrolled(monkeypatch):
    trained, judged, looked_for = [], [], []
    network = torch.nn.Flatten()
    monkeypatch.setattr(comparison, "train", lambda row, images, *_: trained.append(images) or (network, 0.0))
    test, identify = comparison.test, comparison.identify
    monkeypatch.setattr(
        comparison, "test", lambda network, images, *_: judged.append(images) or test(network, images, TINY)
    )
    monkeypatch.setattr(comparison, "identify", lambda *parts: looked_for.append(parts) or identify(*parts))
    list(comparison.compare(TINY, [("NSL", 0, 0.05)], lambda line: None))
    assert (len(trained[0]), len(judged[0])) == (TINY.identities, TINY.strangers)
    assert not any(torch.equal(one, other) for one in trained[0] for other in judged[0])
    probes, owner, gallery, enrolled = looked_for[0]
    assert enrolled.tolist() == list(range(TINY.strangers))
    assert owner.bincount().tolist() == [TINY.images - 1] * TINY.strangers
    assert not any(torch.equal(probe, other) for probe in probes for other in gallery)
