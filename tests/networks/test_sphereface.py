"""SphereFace as it was released: layers, parameters, initialisation, the solver's bias rule."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cosface_edu import networks

BLOCKS = {4: (0, 0, 0, 0), 10: (0, 1, 2, 0), 20: (1, 2, 4, 1), 36: (2, 4, 8, 2), 64: (3, 8, 16, 3)}


def count_by_hand(blocks: tuple[int, ...], places: int = 7 * 6, embedding: int = 512) -> int:
    total, inputs = 0, 3
    for channels, repeats in zip((64, 128, 256, 512), blocks, strict=True):
        total += 9 * inputs * channels + channels + channels  # stride-2 convolution, its bias, its PReLU
        total += repeats * 2 * (9 * channels * channels + channels)  # two convolutions without bias, two PReLUs
        inputs = channels
    return total + 512 * places * embedding + embedding


@pytest.mark.parametrize("depth", BLOCKS)
def test_depth_counts_convolutions_and_parameters_agree(depth):
    network = networks.create(f"sphereface{depth}")
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == depth
    assert sum(p.numel() for p in network.parameters()) == count_by_hand(BLOCKS[depth])
    assert not any(isinstance(m, nn.BatchNorm2d | nn.BatchNorm1d | nn.ReLU | nn.Dropout) for m in network.modules())


def test_released_64_has_one_block_less():
    network = networks.sphereface(64, blocks=networks.RELEASED_64)
    assert sum(p.numel() for p in network.parameters()) == count_by_hand((3, 7, 16, 3))


def test_forward_is_the_paper_written_out():
    network = networks.sphereface(10, embedding=8, size=(40, 33)).eval()
    x = images = torch.randn(2, 3, 40, 33)
    for stage in network.stages:
        conv, prelu, *blocks = stage
        x = F.prelu(F.conv2d(x, conv.weight, conv.bias, stride=2, padding=1), prelu.weight)
        for block in blocks:
            y = F.prelu(F.conv2d(x, block.conv1.weight, padding=1), block.prelu1.weight)
            x = x + F.prelu(F.conv2d(y, block.conv2.weight, padding=1), block.prelu2.weight)
    assert x.shape == (2, 512, 3, 3)  # 40 -> 20 -> 10 -> 5 -> 3, 33 -> 17 -> 9 -> 5 -> 3
    torch.testing.assert_close(network(images), x.reshape(2, -1) @ network.fc.weight.T + network.fc.bias)


def test_initialisation():
    network = networks.create("sphereface20")
    for name, module in network.named_modules():
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        n = module.weight.numel()
        if ".conv" in name:
            assert module.bias is None
            assert module.weight.std().item() == pytest.approx(0.01, rel=5 / math.sqrt(n))
            assert module.weight.abs().max() > 0.03  # a normal law, not a uniform one of the same spread
        else:
            assert torch.count_nonzero(module.bias) == 0
            bound = math.sqrt(3 / module.weight[0].numel())  # Caffe's Xavier: fan-in only
            assert module.weight.abs().max() <= bound
            assert module.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=5 / math.sqrt(n))
        if isinstance(module, nn.Conv2d) and ".conv" not in name:
            assert module.stride == (2, 2)


def test_biases_learn_twice_as_fast_and_do_not_decay():
    network = networks.sphereface(4, embedding=4, size=(16, 16))
    weights, biases = networks.parameter_groups(network, lr=0.1, weight_decay=5e-4)
    assert (weights["lr"], weights["weight_decay"]) == (0.1, 5e-4)
    assert (biases["lr"], biases["weight_decay"]) == (0.2, 0.0)
    names = {id(p): name for name, p in network.named_parameters()}
    assert {names[id(p)] for p in biases["params"]} == {*(f"stages.{i}.0.bias" for i in range(4)), "fc.bias"}
    assert len(weights["params"]) + len(biases["params"]) == len(names)

    optimiser = torch.optim.SGD([weights, biases])
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimiser, [1], gamma=0.1)
    optimiser.step()
    scheduler.step()
    assert [group["lr"] for group in optimiser.param_groups] == pytest.approx([0.01, 0.02])


def test_frozen_parameters_are_left_out():
    network = networks.iresnet(18, size=(16, 16))
    groups = networks.parameter_groups(network, lr=0.1, weight_decay=5e-4)
    trained = {id(p) for group in groups for p in group["params"]}
    assert id(network.features.weight) not in trained
    assert id(network.features.bias) in trained
    own = networks.toy()
    own.fc.bias.requires_grad_(False)
    (weights,) = networks.parameter_groups(own, lr=0.1, weight_decay=5e-4)  # no bias is left: one group
    assert all(p is not own.fc.bias for p in weights["params"])


def test_unknown_depth_is_named():
    with pytest.raises(ValueError, match="no depth 50"):
        networks.sphereface(50)
