"""Strangers: rates as their definition says, settings as the page says, a record that is gone on with."""

import numpy as np
import pytest
import torch

from cosface_edu.experiments import record, strangers, toy


def test_rates_of_perfect_and_of_chance_features() -> None:
    owner = torch.arange(4).repeat_interleave(5)
    apart = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])[owner]
    perfect = strangers.pair_rates(apart, owner)
    assert perfect["eer"] == 0
    assert perfect["tar"] == 1
    assert perfect["within"] == pytest.approx(0, abs=1e-4)
    assert perfect["between"] == pytest.approx(90)
    torch.manual_seed(0)
    assert 0.3 < strangers.pair_rates(torch.randn(20, 2), owner)["eer"] < 0.7


def test_settings_hold_both_scales_and_pass_the_bound() -> None:
    configs = strangers.settings()
    assert {c.s for c in configs if c.loss == "cosface"} == {10.0, 64.0}
    assert max(c.m for c in configs if c.loss == "cosface") > 0.2929
    assert len(set(configs)) == len(configs)


def test_a_record_is_gone_on_with(tmp_path, monkeypatch) -> None:
    tiny = toy.ToyConfig(epochs=1, train=80, test=16, identities=2, size=(16, 16))
    monkeypatch.setattr(strangers, "settings", lambda: [tiny])
    monkeypatch.setattr(strangers, "more_features", lambda: [])
    monkeypatch.setattr(strangers, "PEOPLE", 3)
    out = tmp_path / "record.json"
    strangers.main(seeds=1, more_seeds=0, out=out)
    strangers.main(seeds=2, more_seeds=0, out=out)
    rows = record.load(out)["runs"]
    assert [row["seed"] for row in rows] == [0, 1]
    assert all(0 <= row["strangers"]["eer"] <= 1 for row in rows)
    assert "degrees" in rows[0]
    assert "degrees" not in rows[1]


def test_more_features_than_two_train() -> None:
    run, network = toy.train_network(
        toy.ToyConfig(loss="nsl", features=5, epochs=1, train=80, test=16, identities=2, size=(16, 16))
    )
    assert run.features.shape[-1] == 5
    assert not network.training
    assert np.isfinite(run.losses).all()
