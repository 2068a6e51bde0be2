"""The record of the two who look alike: a row for each loss and seed, gone on with where it was left."""

import pytest

from cosface_edu.experiments import lookalikes, record, toy


def test_settings_pass_the_bound_and_are_distinct() -> None:
    configs = lookalikes.settings()
    assert len(set(configs)) == len(configs)
    margins = [config.m for config in configs if config.loss == "cosface"]
    assert margins[0] == 0
    assert margins[-1] > 0.2929


def test_a_record_is_gone_on_with(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("COSFACE_CACHE", str(tmp_path / "cache"))
    tiny = dict(epochs=1, train=16, test=4, size=(16, 16))
    configs = [toy.ToyConfig(loss="softmax", **tiny), toy.ToyConfig(loss="cosface", m=0.5, **tiny)]
    monkeypatch.setattr(lookalikes, "settings", lambda: configs)
    out, said = tmp_path / "record.json", []
    lookalikes.main(out, seeds=1, say=said.append)
    lookalikes.main(out, seeds=2, say=said.append)
    assert said == ["seed 0: 2 toys", "seed 1: 4 toys"]
    found = record.load(out)
    assert found["seeds"] == [0, 1]
    past = lookalikes.chosen(found["runs"], "cosface", 0.5)
    assert [row["seed"] for row in past] == [0, 1]
    assert past[0]["asked"] is None  # a gap that cannot be met has no number in JSON
    again = lookalikes.row(toy.cached(configs[0]))
    assert again == pytest.approx(lookalikes.chosen(found["runs"], "softmax")[0], nan_ok=True)
