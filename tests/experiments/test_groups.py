"""Crowds are made up as asked for, and errors by group are counted as their definition says."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from cosface_edu.experiments import groups
from cosface_edu.faces import FaceWorld


def test_crowd_has_the_make_up_asked_for() -> None:
    chosen = groups.people({"A": 7, "C": 2}, first=500)
    names = [FaceWorld.groups[g] for g in FaceWorld(0).group(chosen)]
    assert names == ["A"] * 7 + ["C"] * 2
    assert len(chosen.unique()) == 9
    assert int(chosen.min()) >= 500


def test_unknown_group_is_named() -> None:
    with pytest.raises(ValueError, match="no group Z: FaceWorld has A"):
        groups.people({"Z": 1})


def test_crowd_is_a_data_set_of_faceworlds_own_images() -> None:
    who = groups.people({"B": 2})
    crowd = groups.drawn(who, 3, (28, 24))
    image, label = crowd[4]
    assert label == 1
    drawn = FaceWorld(0).sample(int(who[1]), 2, (28, 24))[0][1]
    assert (image - drawn).abs().max() <= 0.5 / 255 + 1e-6


def test_threshold_is_shared_and_rates_average_to_the_one_asked_for() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 28 * 24, 16))
    found = groups.errors_by_group(network, (28, 24), per_group=6, images=3, far=0.1)
    assert list(found) == list(FaceWorld.groups)
    mean = sum(e.false_accepts for e in found.values()) / len(found)
    assert abs(mean - 0.1) < 0.005  # all groups have equally many impostor pairs
    assert len({e.false_accepts for e in found.values()}) > 1  # an untrained network does not treat groups alike


def test_no_more_are_accepted_than_asked_for_where_scores_are_tied(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 28 * 24, 16))
    exact = groups.evaluation.cosine_scores
    monkeypatch.setattr(groups.evaluation, "cosine_scores", lambda *given: exact(*given).round(decimals=1))
    found = groups.errors_by_group(network, (28, 24), per_group=4, images=2, far=0.1).values()
    assert 0 < sum(e.false_accepts for e in found) / len(found) <= 0.1


def test_every_seed_has_people_and_strangers_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[torch.Tensor] = []  # identities, of training and of strangers in turn
    strangers = dict.fromkeys(FaceWorld.groups, 30)
    monkeypatch.setattr(groups, "drawn", lambda who, *_: found.append(who))
    monkeypatch.setattr(groups, "train", lambda *_, **__: SimpleNamespace(network=None))
    monkeypatch.setattr(groups, "errors_by_group", lambda *_, first: found.append(groups.people(strangers, first)))
    for seed in range(5):
        groups.run("skewed crowd", seed)
    assert len(torch.cat(found).unique()) == 5 * (120 + 6 * 30)
    groups.run("balanced crowd", 4)
    assert torch.equal(found[-1], found[-3])  # the same strangers judge both crowds of a seed


def test_relative_rates_compare_the_crowds_seed_by_seed() -> None:
    rates = {"balanced crowd": 0.01, "skewed crowd": 0.03}
    runs = [
        {
            "crowd": crowd,
            "seed": seed,
            "groups": {g: {"false_accepts": rate * (1 + seed), "false_rejects": 0.5} for g in FaceWorld.groups},
        }
        for crowd, rate in rates.items()
        for seed in (0, 1)
    ]
    assert groups.relative(runs, "false_accepts")["A"] == pytest.approx([3, 3])
    assert groups.relative(runs, "false_rejects")["F"] == pytest.approx([1, 1])
