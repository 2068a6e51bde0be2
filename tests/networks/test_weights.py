"""Weights on disk: round trips, other people's files, and what must be refused."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel

from cosface_edu import data, evaluation, networks
from cosface_edu.training import CheckpointError
from cosface_edu.training.checkpoint import open_network


class Trap:
    """A pickle of it writes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


class ReleasedBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.prelu1 = nn.PReLU(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.prelu2 = nn.PReLU(channels)

    def forward(self, x):
        return x + self.prelu2(self.conv2(self.prelu1(self.conv1(x))))


class Released(nn.Module):
    """The released networks' layout in plain PyTorch: layer1 to layer4, each a flat list, and fc."""

    def __init__(self, blocks, places=7 * 6):
        super().__init__()
        inputs = 3
        for number, (channels, repeats) in enumerate(zip((64, 128, 256, 512), blocks, strict=True), start=1):
            parts = [nn.Conv2d(inputs, channels, 3, 2, 1), nn.PReLU(channels)]
            parts += [ReleasedBlock(channels) for _ in range(repeats)]
            setattr(self, f"layer{number}", nn.Sequential(*parts))
            inputs = channels
        self.fc = nn.Linear(512 * places, 512)
        for parameter in self.parameters():  # so that no two layers could be mistaken for each other
            nn.init.normal_(parameter, std=0.05)

    def forward(self, x):
        for number in range(1, 5):
            x = getattr(self, f"layer{number}")(x)
        return self.fc(x.flatten(1))


@pytest.mark.parametrize(
    ("blocks", "options"),
    [
        ((1, 2, 4, 1), {}),
        ((3, 7, 16, 3), {"_use_new_zipfile_serialization": False}),  # as PyTorch wrote it in 2018
    ],
)
def test_released_checkpoints_give_equal_outputs(tmp_path, blocks, options):
    theirs = Released(blocks).eval()
    torch.save(theirs.state_dict(), tmp_path / "released.pth", **options)
    ours = networks.load_released(tmp_path / "released.pth")
    images = torch.randn(1, 3, 112, 96)
    with torch.inference_mode():
        assert torch.equal(ours(images), theirs(images))
    assert not ours.training


def test_the_fully_connected_layer_tells_the_size_of_the_crops(tmp_path):
    theirs = Released((1, 2, 4, 1), places=7 * 7).eval()
    torch.save(theirs.state_dict(), tmp_path / "square.pth")
    ours, size = open_network(tmp_path / "square.pth")
    assert size == (112, 112)
    images = torch.randn(1, 3, 112, 112)
    with torch.inference_mode():
        assert torch.equal(ours(images), theirs(images))
    torch.save(Released((1, 2, 4, 1), places=6 * 6).state_dict(), tmp_path / "small.pth")
    with pytest.raises(ValueError, match=r"small\.pth: .* 18432 inputs: wanted .* 112×96 \(21504 .* 112×112 \(25088"):
        networks.load_released(tmp_path / "small.pth")


def test_released_checkpoint_saved_from_data_parallel(tmp_path):
    theirs = Released((1, 2, 4, 1))
    torch.save({f"module.{k}": v for k, v in theirs.state_dict().items()}, tmp_path / "released.pth")
    ours = networks.load_released(tmp_path / "released.pth")
    assert torch.equal(ours.stages[3][2].conv2.weight, theirs.layer4[2].conv2.weight)


def test_released_checkpoint_with_code_is_refused_and_not_run(tmp_path):
    trap = tmp_path / "ran"
    torch.save({"layer1.0.weight": Trap(trap)}, tmp_path / "evil.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Trap(trap), protocol=2))
    for name in ("evil.pth", "plain.pth"):
        with pytest.raises(ValueError, match=f"{name}: damaged, or holds code"):
            networks.load_released(tmp_path / name)
    assert not trap.exists()


@pytest.mark.parametrize("length", [0, 1, 100, 5000])
def test_truncated_released_checkpoint(tmp_path, length):
    torch.save(networks.toy().state_dict(), tmp_path / "whole.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "whole.pth").read_bytes()[:length])
    with pytest.raises(ValueError, match=r"cut\.pth"):
        networks.load_released(tmp_path / "cut.pth")


@pytest.mark.parametrize(("name", "shape"), [("fc.weight", (512,)), ("layer1.0.weight", ())])
def test_weights_with_too_few_dimensions_are_named(tmp_path, name, shape):
    weights = {**Released((1, 2, 4, 1)).state_dict(), name: torch.zeros(shape)}
    torch.save(weights, tmp_path / "flat.pth")
    with pytest.raises(ValueError, match=r"flat\.pth: (fc|stages\.0\.0)\.weight is \(.*\), wanted \d dimensions"):
        networks.load_released(tmp_path / "flat.pth")


def test_other_networks_are_not_released_ones(tmp_path):
    torch.save(networks.toy().state_dict(), tmp_path / "toy.pth")
    with pytest.raises(ValueError, match="neither sphere20 nor sphere64"):
        networks.load_released(tmp_path / "toy.pth")
    for state in ({"epoch": 3, "model": {}}, {0: torch.zeros(3)}):
        torch.save(state, tmp_path / "run.pth")
        with pytest.raises(ValueError, match="not a state dict"):
            networks.load_released(tmp_path / "run.pth")
    grey = Released((1, 2, 4, 1)).state_dict()
    grey["layer1.0.weight"] = grey["layer1.0.weight"][:, :1]
    torch.save(grey, tmp_path / "grey.pth")
    with pytest.raises(ValueError, match="1 channel, not 3"):
        networks.load_released(tmp_path / "grey.pth")
    lacking = Released((1, 2, 4, 1)).state_dict()
    del lacking["layer2.0.bias"]
    torch.save(lacking, tmp_path / "lacking.pth")
    with pytest.raises(ValueError, match=r"stages\.1\.0\.bias is missing"):
        networks.load_released(tmp_path / "lacking.pth")


@pytest.mark.parametrize("name", ["small", "toy"])
def test_round_trip(tmp_path, name):
    network = networks.create(name)
    network(torch.randn(4, 3, 56, 48))  # moves the statistics of batch normalisation off their start
    networks.save(network, tmp_path / "network.safetensors")
    again = networks.load(tmp_path / "network.safetensors", name)
    assert [p.name for p in tmp_path.iterdir()] == ["network.safetensors"]
    images = torch.randn(2, 3, 56, 48)
    with torch.inference_mode():
        assert torch.equal(again(images), network.eval()(images))


def test_a_network_in_another_order_of_memory_is_saved_too(tmp_path):
    network = networks.create("toy").to(memory_format=torch.channels_last).eval()
    networks.save(network, tmp_path / "n.safetensors")
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(networks.load(tmp_path / "n.safetensors")(images), network(images))


def test_options_travel_with_the_file(tmp_path):
    networks.save(networks.create("sphereface4", embedding=3, size=(16, 16)), tmp_path / "n.safetensors")
    assert networks.load(tmp_path / "n.safetensors")(torch.zeros(1, 3, 16, 16)).shape == (1, 3)


def test_wrong_network_for_the_file(tmp_path):
    networks.save(networks.create("small"), tmp_path / "n.safetensors")
    with pytest.raises(ValueError, match="holds small, not sphereface20"):
        networks.load(tmp_path / "n.safetensors", "sphereface20")
    save_file(networks.toy().state_dict(), tmp_path / "anonymous.safetensors")
    with pytest.raises(ValueError, match="does not say which network"):
        networks.load(tmp_path / "anonymous.safetensors")
    with pytest.raises(ValueError, match=r"networks\.create"):
        networks.save(networks.toy(), tmp_path / "x.safetensors")


def test_damaged_file(tmp_path):
    networks.save(networks.create("toy"), tmp_path / "whole.safetensors")
    data = (tmp_path / "whole.safetensors").read_bytes()
    for length in (0, 7, 60, len(data) // 2, len(data) - 1):
        (tmp_path / "cut.safetensors").write_bytes(data[:length])
        with pytest.raises(ValueError, match="not a whole safetensors file"):
            networks.load(tmp_path / "cut.safetensors")


@pytest.mark.parametrize(
    "recipe",
    ["{", "[" * 100_000, "[]", '{"name": "toy"}', '{"name": 3, "options": {}}', '{"name": "toy", "options": 3}'],
)
def test_a_recipe_that_is_none_is_refused(tmp_path, recipe):
    save_file(networks.toy().state_dict(), tmp_path / "odd.safetensors", metadata={"recipe": recipe})
    with pytest.raises(ValueError, match=r"odd\.safetensors: does not say which network"):
        networks.load(tmp_path / "odd.safetensors")


def test_a_folder_is_no_file_of_weights(tmp_path):
    (tmp_path / "x.safetensors").mkdir()
    with pytest.raises(FileNotFoundError, match=r"x\.safetensors: no such file"):
        networks.load(tmp_path / "x.safetensors")
    with pytest.raises(FileNotFoundError, match=r"x\.safetensors.last\.pt: no such checkpoint"):
        open_network(tmp_path / "x.safetensors")


@pytest.mark.parametrize("options", [{"name": 1}, {"size": "112x96"}, {"size": [0, 0]}, {"embedding": [1]}])
def test_options_that_no_network_takes_are_told_with_the_file_s_name(tmp_path, options):
    recipe = json.dumps({"name": "small", "options": options})
    save_file(networks.toy().state_dict(), tmp_path / "odd.safetensors", metadata={"recipe": recipe})
    with pytest.raises(ValueError, match=r"odd\.safetensors: the network that it describes cannot be made"):
        networks.load(tmp_path / "odd.safetensors")


def test_a_small_file_that_speaks_of_a_large_network_takes_no_memory(tmp_path, monkeypatch):
    made = []

    def create(name, **options):
        made.append(torch.empty(0).device.type)
        return networks.create(name, **options)

    monkeypatch.setattr("cosface_edu.networks.weights.create", create)
    recipe = json.dumps({"name": "sphereface20", "options": {"embedding": 30_000}})
    save_file({"fc.weight": torch.zeros(1)}, tmp_path / "small.safetensors", metadata={"recipe": recipe})
    weights = Released((1, 2, 4, 1)).state_dict()
    torch.save(weights | {"fc.weight": torch.zeros(1).expand(20_000, 21_504)}, tmp_path / "small.pth")
    with torch.device("meta"):
        shapes = networks.create("sphereface20", embedding=20_000).state_dict()
    repeated = {name: torch.zeros(1).expand(value.shape) for name, value in shapes.items()}
    torch.save(repeated, tmp_path / "fits.pth")
    for name, told in (("small.safetensors", "mismatches"), ("small.pth", "mismatches"), ("fits.pth", "fewer numbers")):
        with pytest.raises(ValueError, match=rf"{name}: .*{told}"):
            open_network(tmp_path / name)
    assert made == ["meta"] * 3


def test_a_failed_save_keeps_the_old_file(tmp_path, monkeypatch):
    network = networks.create("toy")
    networks.save(network, tmp_path / "n.safetensors")
    before = (tmp_path / "n.safetensors").read_bytes()

    def full(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cosface_edu.networks.weights.save_file", full)
    with pytest.raises(OSError, match="No space"):
        networks.save(network, tmp_path / "n.safetensors")
    assert (tmp_path / "n.safetensors").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["n.safetensors"]


def test_wrong_weights_change_nothing():
    network = networks.create("toy")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    other = networks.create("toy", embedding=3).state_dict()
    with pytest.raises(
        ValueError, match=r"file: not the weights of this toy: fc\.weight is \(3, 1024\), wanted \(2, 1024\)"
    ):
        networks.load_weights(network, other, "file")
    with pytest.raises(ValueError, match="extra is not known"):
        networks.load_weights(network, before | {"extra": torch.zeros(1)}, "file")
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    "wrap",
    [
        nn.DataParallel,
        torch.compile,
        lambda network: nn.DataParallel(torch.compile(network)),
        lambda network: torch.compile(nn.DataParallel(network)),
        torch.optim.swa_utils.AveragedModel,
    ],
)
def test_the_names_of_pytorch_s_wrappers_do_not_matter(wrap):
    wrapped = networks.create("toy")
    weights = wrap(wrapped).state_dict()
    assert not weights.keys() <= wrapped.state_dict().keys()
    network = networks.create("toy")
    networks.load_weights(network, weights, "file")
    assert torch.equal(network.fc.weight, wrapped.fc.weight)


def test_a_prefix_of_somebody_s_own_is_named():
    weights = {f"backbone.{name}": weight for name, weight in networks.create("toy").state_dict().items()}
    with pytest.raises(ValueError, match=r"'backbone\.' before their names: take that away"):
        networks.load_weights(networks.create("toy"), weights | {"head.weight": torch.zeros(3, 2)}, "file")


class InsightFaceBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.bn2, self.prelu = nn.BatchNorm2d(outputs), nn.PReLU(outputs)
        self.conv2, self.bn3 = nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn3(self.conv2(self.prelu(self.bn2(self.conv1(self.bn1(x))))))
        return y + (x if self.downsample is None else self.downsample(x))


class InsightFace(nn.Module):
    """An IResNet under the names of InsightFace's arcface_torch, with random weights."""

    def __init__(self, blocks, embedding=512, places=7 * 7):
        super().__init__()
        self.conv1, self.bn1, self.prelu = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        inputs = 64
        for number, (channels, repeats) in enumerate(zip((64, 128, 256, 512), blocks, strict=True), start=1):
            stage = [InsightFaceBlock(inputs, channels, 2)]
            stage += [InsightFaceBlock(channels, channels, 1) for _ in range(repeats - 1)]
            setattr(self, f"layer{number}", nn.Sequential(*stage))
            inputs = channels
        self.bn2, self.fc = nn.BatchNorm2d(512), nn.Linear(512 * places, embedding)
        self.features = nn.BatchNorm1d(embedding)
        for name, value in self.state_dict().items():  # so that no two layers could be mistaken for each other
            if value.is_floating_point():
                value.uniform_(0.5, 1.5) if "var" in name else value.normal_(std=0.05)

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x)))
        for number in range(1, 5):
            x = getattr(self, f"layer{number}")(x)
        return self.features(self.fc(self.bn2(x).flatten(1)))


@pytest.mark.parametrize(("blocks", "name"), [((2, 2, 2, 2), "iresnet18"), ((3, 4, 14, 3), "iresnet50")])
def test_insightface_s_weights_give_equal_outputs(tmp_path, blocks, name):
    theirs = InsightFace(blocks, embedding=16).eval()
    torch.save(theirs.state_dict(), tmp_path / "backbone.pth")
    ours, size = open_network(tmp_path / "backbone.pth")
    assert (ours.recipe["name"], size, ours.training) == (name, (112, 112), False)
    images = torch.randn(2, 3, 112, 112)
    with torch.inference_mode():
        assert torch.equal(ours(images), theirs(images))


def test_an_iresnet_that_is_not_there_is_refused(tmp_path):
    for file, theirs in (("deep", InsightFace((2, 2, 3, 2), 4)), ("narrow", InsightFace((2, 2, 2, 2), 4, places=42))):
        torch.save(theirs.state_dict(), tmp_path / file)
        with pytest.raises(ValueError, match=rf"{file}: no IResNet of 18, 34, 50, 100 layers for 112×112"):
            networks.load_released(tmp_path / file)


def test_a_toy_says_no_size_and_is_opened(tmp_path):
    networks.save(networks.create("toy"), tmp_path / "toy.safetensors")
    assert open_network(tmp_path / "toy.safetensors")[1] == (112, 96)


@pytest.mark.parametrize("name", ["theirs.pth", "ours.safetensors", "lfw.bin", "train.rec", "blufr_lfw_config.mat"])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0d71\nsize 19332096\n", "git lfs pull"),
        (b"<!DOCTYPE html><html><head><title>Virus scan warning</title>", "a web page lies in the file's place"),
    ],
)
def test_a_pointer_or_a_web_page_in_a_file_s_place_is_called_so(tmp_path, name, content, told):
    readers = {".bin": data.open, ".rec": data.open, ".mat": evaluation.read_blufr}
    (tmp_path / name).write_bytes(content)
    (tmp_path / "train.idx").write_text("0\t0\n")
    with pytest.raises((ValueError, CheckpointError), match=told) as raised:
        readers.get(Path(name).suffix, open_network)(tmp_path / name)
    assert name in str(raised.value)
    assert "weights_only" not in str(raised.value)  # PyTorch's advice to run what is in the file


def test_a_whole_network_in_a_pickle_is_told_what_to_save_instead(tmp_path):
    torch.save(networks.toy(), tmp_path / "whole.pth")
    for read in (open_network, networks.load_released):
        with pytest.raises((ValueError, CheckpointError), match=r"it names cosface_edu\S*Toy\S*; wanted .*state_dict"):
            read(tmp_path / "whole.pth")


def test_a_network_in_wrappers_of_pytorch_is_saved_and_exported_as_itself(tmp_path):
    network = networks.create("small", size=(28, 24), embedding=8).eval()
    compiled = torch.compile(network, backend="eager")
    parallel = nn.DataParallel(network)
    for wrapped in (parallel, compiled, AveragedModel(network), AveragedModel(nn.DataParallel(compiled))):
        networks.save(wrapped, tmp_path / "n.safetensors")
        with safe_open(tmp_path / "n.safetensors", "pt") as file:
            assert set(file.keys()) == network.state_dict().keys()
    assert networks.export_onnx(nn.DataParallel(compiled), tmp_path / "n.onnx") < 1e-3
