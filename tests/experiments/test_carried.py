"""From drawings to photographs: every change does what its name says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cosface_edu import networks
from cosface_edu.data import Pairs, to_bytes
from cosface_edu.experiments.jobs import Job, carried
from cosface_edu.faces import FaceWorld, FaceWorldDataset
from cosface_edu.training import Config
from cosface_edu.training.batches import InMemory


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
    images = torch.randint(0, 90, (300, 3, 56, 48), dtype=torch.uint8)
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


def test_everything_is_compared_with_a_base_of_its_seed() -> None:
    base = Config(loss_options={}, steps=10)
    first = carried.queue(base, [])
    assert [what for what, _ in first] == [{"variant": "base", "seed": seed} for seed in carried.SEEDS]
    one = carried.queue(base, [{"variant": "base", "seed": 1}])
    assert [what for what, _ in one[3:]] == [
        {"variant": name, "seed": 1} for name in carried.VARIANTS if name != "base"
    ]
    longer = {what["variant"]: config.steps for what, config in one}
    assert longer["four times the steps"] == 40
    assert longer["grey"] == 10


def test_pictures_are_altered_as_their_names_say() -> None:
    images = FaceWorldDataset(2, 2, (56, 48)).__getitems__([0, 1, 2, 3])
    images = to_bytes(torch.stack([image for image, _ in images]))
    grey, blurred, grain = (carried.altered(images, change) for change in ("grey", "blurred", "grain"))
    assert carried.altered(images, "") is images
    assert torch.equal(grey[:, 0], grey[:, 2])
    assert (grey.float().mean() - images.float().mean()).abs() < 20
    sharp, soft = (values.float().diff(dim=-1).abs().mean() for values in (images, blurred))
    assert soft < 0.7 * sharp
    noise = (grain.float() - images.float())[(images > 40) & (images < 215)]  # nothing is clipped there
    assert noise.std() == pytest.approx(carried.GRAIN, rel=0.05)
    pairs = Pairs(InMemory.of(images, torch.arange(4) // 2), *torch.tensor([[0, 1], [1, 2], [1, 0], [0, 0]]))
    assert torch.equal(carried.altered_pairs(pairs, "grey").images.images, grey)
    assert carried.altered_pairs(pairs, "grain") is pairs


def test_real_people_come_instead_or_beside() -> None:
    job = Job(1.0, True, torch.device("cpu"), Path(), lambda found: None)
    real = InMemory.of(torch.zeros(6, 3, 56, 48, dtype=torch.uint8), torch.arange(6) // 3)
    tiny = carried.variants(True)
    instead, beside = (carried.seen(job, tiny[name], real) for name in ("photographs", "photographs too"))
    assert torch.equal(instead.images, real.images)
    assert beside.labels.tolist() == [*sorted([0, 1, 2, 3] * 4), 4, 4, 4, 5, 5, 5]
    assert beside.images[-6:].max() == 0 < beside.images[:-6].max()
