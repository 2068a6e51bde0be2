"""From drawings to photographs: every change does what its name says, and the record goes on where it was stopped."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from cosface_edu import networks
from cosface_edu.data import to_bytes
from cosface_edu.experiments import carried
from cosface_edu.faces import FaceWorld


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Drawn people in the photographs' place, and as many runs as are needed to see all kinds of them."""
    root = tmp_path / "real"
    for folder in (root / "celeba-1000", root / "cfp"):
        for person in range(6):
            (folder / f"p{person}").mkdir(parents=True)
            for number, picture in enumerate(FaceWorld(seed=3).sample(person, 4)[0], 1):
                pixels = to_bytes(picture).permute(1, 2, 0).numpy()
                Image.fromarray(pixels).save(folder / f"p{person}" / f"p{person}_{number:04}.jpg")
    folds = ""
    for fold in range(2):
        mine = range(3 * fold, 3 * fold + 3)
        folds += "".join(f"p{a}\t1\t{b}\n" for a in mine for b in (2, 3))
        folds += "".join(f"p{a}\t{b}\tp{3 * fold + (a + 1) % 3}\t{b}\n" for a in mine for b in (2, 3))
    (root / "cfp-ff.txt").write_text(f"2\t6\n{folds}")
    for name, value in {"PEOPLE": 4, "PICTURES": 4, "STEPS": 2, "BATCH": 8, "SAMPLES": 5, "FAR": 0.5}.items():
        monkeypatch.setattr(carried, name, value)
    kinds = {"people": 4, "pictures": 4}
    names = ("photographs", "no pose", "grey")
    some = {name: carried.VARIANTS[name]._replace(**kinds) for name in (carried.BASE, *names)}
    monkeypatch.setattr(carried, "VARIANTS", some)
    monkeypatch.setenv("COSFACE_DATA", str(root))
    carried.faces_of.cache_clear()
    return root


def test_record_is_kept_after_each_change_and_goes_on(small: Path, tmp_path: Path) -> None:
    path, said = tmp_path / "carried.json", []
    carried.main(path, say=said.append)
    runs = json.loads(path.read_text())["runs"]
    parts = (["base", "untrained", "statistics"], ["photographs", "no pose", "grey"])
    wanted = [(name, seed) for names in parts for seed in (0, 1) for name in names]
    assert [(run["variant"], run["seed"]) for run in runs] == wanted
    assert "difference" not in runs[0]
    for run in runs[1:]:
        assert run["interval"][0] <= run["interval"][1]
    assert ["scores" in run for run in runs] == [run["variant"] == "base" for run in runs]
    assert runs[10]["difference"] == pytest.approx(runs[10]["accuracy"] - runs[3]["accuracy"])
    found = json.loads(path.read_text())
    found["runs"] = runs[:-1]
    path.write_text(json.dumps(found))
    carried.main(path, say=said.append)
    again = json.loads(path.read_text())["runs"][-1]
    assert {k: v for k, v in again.items() if k != "training_seconds"} == {
        k: v for k, v in runs[-1].items() if k != "training_seconds"
    }
    assert len(said) == 13


def test_without_photographs_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSFACE_DATA", str(tmp_path / "nothing"))
    with pytest.raises(FileNotFoundError, match=r"cfp-ff\.txt: not there.*COSFACE_DATA"):
        carried.main(tmp_path / "carried.json")


def test_names_are_the_world_s() -> None:
    who = torch.arange(2)
    known = FaceWorld().traits(who) | FaceWorld().shot(who, who)
    for name, variant in carried.VARIANTS.items():
        assert set(variant.names) <= known.keys(), name


def test_a_changed_world_is_changed_there_only() -> None:
    who, which = torch.arange(50), torch.zeros(50, dtype=torch.int64)
    world = FaceWorld(seed=0)
    still, wild = carried.Changed(carried.POSE, 0.0), carried.Changed(carried.POSE, 2.0)
    for name in carried.POSE:
        assert still.shot(who, which)[name].std() < 1e-6
        assert wild.shot(who, which)[name].std() == pytest.approx(
            2 * world.shot(who, which)[name].std().item(), rel=1e-4
        )
    assert torch.equal(still.shot(who, which)["smile"], world.shot(who, which)["smile"])
    alike = carried.Changed(carried.COLOURING, 0.0)
    assert alike.traits(who)["skin"].std(dim=0).max() < 1e-6
    assert torch.equal(alike.traits(who)["jaw"], world.traits(who)["jaw"])


def test_statistics_are_those_of_the_pictures() -> None:
    """The first normalisation's input, over all pictures at once, has the statistics that are put in its place."""
    torch.manual_seed(0)
    network = networks.create("small", embedding=8, size=(56, 48))
    images = torch.randint(0, 90, (2 * carried.BATCH, 3, 56, 48), dtype=torch.uint8)
    found = carried.with_statistics_of(network, images)
    first = next(module for module in found.modules() if isinstance(module, nn.BatchNorm2d))
    with torch.no_grad():
        into = network.stages[0][0](carried.data.normalise(carried.data.to_float(images)))
    assert torch.allclose(first.running_mean, into.mean(dim=(0, 2, 3)), atol=1e-4)
    assert not any(module.training for module in found.modules())
    untouched = next(module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    assert torch.equal(untouched.running_mean, torch.zeros(len(untouched.running_mean)))


def test_scores_are_kept_to_the_fourth_digit() -> None:
    scores = np.linspace(-1, 1, 1001)
    assert np.abs(carried.unpacked(carried.packed(scores)) - scores).max() < 2e-5


def test_values_lie_about_the_mean_of_a_thousand_people_and_not_about_nothing() -> None:
    plain, everyone = FaceWorld(seed=0), torch.arange(1000)
    skin, side = plain.traits(everyone)["skin"], plain.shot(everyone, torch.zeros_like(everyone))["light_side"]
    some, first = torch.arange(3), torch.zeros(3, dtype=torch.long)
    alike = carried.Changed(("skin", "light_side"), 0.0)
    torch.testing.assert_close(alike.traits(some)["skin"], skin.mean(dim=0, keepdim=True).expand_as(skin[:3]))
    torch.testing.assert_close(alike.shot(some, first)["light_side"], side.mean(dim=0, keepdim=True).expand(3))
    twice = carried.Changed(("skin",), 2.0).traits(some)["skin"]
    torch.testing.assert_close(twice, 2 * skin[:3] - skin.mean(dim=0, keepdim=True))
    assert skin.mean().abs() > 0.1
