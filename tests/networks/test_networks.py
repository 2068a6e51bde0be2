"""Every network: shapes, gradients, names; parameter counts of IResNet and MobileFaceNet against their papers."""

import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cosface_edu import networks
from cosface_edu.evaluation import choose_precision, embed
from cosface_edu.networks.sizes import size_of
from cosface_edu.training import Config, train
from cosface_edu.training.checkpoint import build_network, open_network, save


@pytest.mark.parametrize("name", ["sphereface4", "sphereface20", "iresnet18", "mobilefacenet", "small"])
@pytest.mark.parametrize("size", [(32, 32), (56, 48), (29, 45)])
def test_any_size_and_embedding_with_gradients_everywhere(name, size):
    network = networks.create(name, embedding=5, size=size)
    features = network(torch.randn(2, 3, *size))
    assert features.shape == (2, 5)
    (features * torch.randn(5)).sum().backward()
    for key, parameter in network.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, key
            assert torch.isfinite(parameter.grad).all(), key


@pytest.mark.parametrize("name", networks.available())
def test_every_network_is_built_from_what_a_configuration_says(name):
    build_network(Config(network=name, embedding=5, size=(64, 64), loss_options={}))


@pytest.mark.parametrize("size", [(8, 8), (32, 28), (61, 17), (112, 96)])
@pytest.mark.parametrize("embedding", [2, 3])
def test_toy_takes_any_size(size, embedding):
    assert networks.toy(embedding)(torch.randn(2, 3, *size)).shape == (2, embedding)


def test_toy_uses_the_whole_plane():
    """No activation after the last layer: with one, features would fill a single quadrant."""
    features = networks.toy().eval()(torch.randn(200, 3, 16, 16) * torch.randn(200, 3, 1, 1))
    features = features - features.mean(0)
    assert len({(bool(a), bool(b)) for a, b in (features > 0).tolist()}) == 4


def test_toy_learns_eight_classes_quickly():
    patterns = torch.randn(8, 3, 16, 16)
    labels = torch.arange(8).repeat(16)
    images = patterns[labels] + 0.3 * torch.randn(128, 3, 16, 16)
    network, centres = networks.toy(), nn.Linear(2, 8, bias=False)
    optimiser = torch.optim.Adam([*network.parameters(), *centres.parameters()], lr=0.01)
    for _ in range(80):
        optimiser.zero_grad()
        F.cross_entropy(centres(network(images)), labels).backward()
        optimiser.step()
    network.eval()
    assert (centres(network(images)).argmax(1) == labels).float().mean() > 0.95


def residual_count(inputs: int, outputs: int, shortcut: bool) -> int:
    convolutions = 9 * inputs * outputs + 9 * outputs * outputs
    norms_and_slopes = 2 * inputs + 2 * outputs + outputs + 2 * outputs
    return convolutions + norms_and_slopes + (inputs * outputs + 2 * outputs if shortcut else 0)


@pytest.mark.parametrize(
    ("depth", "blocks", "millions"),  # in the last column what the model zoos of ArcFace state
    [(18, (2, 2, 2, 2), 24.03), (34, (3, 4, 6, 3), 34.14), (50, (3, 4, 14, 3), 43.59), (100, (3, 13, 30, 3), 65.16)],
)
def test_iresnet_parameters(depth, blocks, millions):
    with torch.device("meta"):
        network = networks.iresnet(depth)
    count = 27 * 64 + 2 * 64 + 64
    inputs = 64
    for channels, repeats in zip((64, 128, 256, 512), blocks, strict=True):
        count += residual_count(inputs, channels, True) + (repeats - 1) * residual_count(channels, channels, False)
        inputs = channels
    count += 2 * 512 + 512 * 49 * 512 + 512 + 2 * 512
    total = sum(p.numel() for p in network.parameters())
    assert total == count
    assert total / 1e6 == pytest.approx(millions, abs=0.005)
    # the depth counts the convolutions of the residual blocks, the first convolution and the fully connected layer
    assert 2 * sum(blocks) + 2 == depth


def test_iresnet_halves_in_the_second_convolution_of_a_block():
    network = networks.iresnet(18)
    for stage in network.stages:
        assert [(block.conv1.stride[0], block.conv2.stride[0]) for block in stage] == [(1, 2), (1, 1)]
        assert not isinstance(stage[0].shortcut, nn.Identity)
        assert isinstance(stage[1].shortcut, nn.Identity)


def test_iresnet_starts_and_keeps_unit_features():
    network = networks.iresnet(18, size=(32, 32))
    assert network.features.weight.tolist() == [1.0] * 512
    assert not network.features.weight.requires_grad
    assert network.features.bias.requires_grad
    for convolution in (module for module in network.modules() if isinstance(module, nn.Conv2d)):
        assert convolution.weight.std().item() == pytest.approx(0.1, rel=0.1)
    features = network(torch.randn(64, 3, 32, 32))
    torch.testing.assert_close(features.std(0, unbiased=False), torch.ones(512), atol=1e-2, rtol=0)


def test_mobilefacenet_parameters():
    with torch.device("meta"):
        network = networks.mobilefacenet()
    convolutions = sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.Conv2d))
    by_hand = 27 * 64 + 9 * 64
    inputs = 64
    for expansion, outputs, repeats in ((2, 64, 5), (4, 128, 1), (2, 128, 6), (4, 128, 1), (2, 128, 2)):
        for _ in range(repeats):
            inner = expansion * inputs
            by_hand += inputs * inner + 9 * inner + inner * outputs
            inputs = outputs
    by_hand += 128 * 512 + 49 * 512 + 512 * 128
    assert convolutions == by_hand
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(0.99, abs=0.02)  # the paper: 0.99 M


def still(*norms):
    """Batch normalisation that gives 0: what is left of a residual block is its input, if it has a shortcut."""
    for norm in norms:
        nn.init.zeros_(norm.weight)


def test_mobilefacenet_adds_a_bottleneck_to_its_input_where_the_shape_allows():
    kept = []
    for block in networks.mobilefacenet(size=(16, 16)).eval().layers[2:]:
        _, _, project = block.layers
        assert [type(layer) for layer in project] == [nn.Conv2d, nn.BatchNorm2d]  # linear
        still(project[1])
        x = torch.randn(1, block.layers[0][0].in_channels, 4, 4)
        found = block(x)
        kept.append(found.shape == x.shape)
        assert torch.equal(found, x if kept[-1] else torch.zeros_like(found))
    assert kept == [False, *[True] * 4, False, *[True] * 6, False, *[True] * 2]  # the paper's Table 1


def test_small_has_the_blocks_that_it_is_given_and_each_adds_to_its_input():
    stages = networks.create("small", size=(32, 32), blocks=[1, 0, 2, 0]).eval().stages
    assert [len(stage) - 3 for stage in stages] == [1, 0, 2, 0]
    block, x = stages[2][3], torch.randn(1, 64, 4, 4)
    still(block.bn2)
    torch.testing.assert_close(block(x), block.prelu2(x))


def test_mobilefacenet_ends_linear():
    assert not any(isinstance(m, nn.PReLU) for m in networks.mobilefacenet().read[1:].modules())


def test_names():
    assert {"sphereface64", "iresnet100", "mobilefacenet", "small", "toy"} <= set(networks.available())
    network = networks.create("small", embedding=7, size=(32, 32))
    options = {"embedding": 7, "size": (32, 32), "blocks": (0, 1, 1, 1), "dropout": 0.0, "centre": None}
    assert network.recipe == {"name": "small", "options": options}
    assert networks.create("small").recipe["options"]["size"] == (56, 48)  # defaults too: they may change one day
    with pytest.raises(ValueError, match=r"no network 'resnet'.*sphereface20"):
        networks.create("resnet")
    with pytest.raises(ValueError, match=r"small: .*'embeding'"):
        networks.create("small", embeding=7)


def test_an_ensembles_cosine_is_the_mean_of_its_members_cosines() -> None:
    members = [networks.create("toy", embedding=dim) for dim in (2, 5, 9)]
    x = torch.randn(4, 3, 28, 24)
    ensemble = networks.Ensemble(members).eval()
    with torch.no_grad():
        features = ensemble(x)  # (4, 2 + 5 + 9)
        cosines = torch.stack([torch.cosine_similarity(m(x)[:1], m(x)[1:]) for m in members])  # (3, 3)
    assert features.shape == (4, 16)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(4))
    torch.testing.assert_close(torch.cosine_similarity(features[:1], features[1:]), cosines.mean(0))
    with pytest.raises(ValueError, match="at least one"):
        networks.Ensemble([])
    with pytest.raises(ValueError, match="3 networks and 1 sizes"):
        networks.Ensemble(members, [(28, 24)])


def test_members_of_an_ensemble_may_compute_in_different_numbers() -> None:
    members = [networks.create("small", embedding=8, size=(28, 24)).eval() for _ in range(2)]
    members[0].half()
    x = torch.rand(3, 3, 28, 24)
    with torch.no_grad():
        for order in (members, members[::-1]):
            expected = torch.cat([nn.functional.normalize(m(x.to(m.fc.weight.dtype)).float()) for m in order], dim=1)
            ensemble = networks.Ensemble(order)
            torch.testing.assert_close(ensemble(x), expected / 2**0.5)
            assert torch.equal(embed(ensemble, x, flip="none", preprocess=None), ensemble(x))
            assert choose_precision(ensemble, x.expand(3, 3, 28, 24).repeat(200, 1, 1, 1)) == "float32"


def test_members_of_an_ensemble_may_take_images_of_different_sizes() -> None:
    sizes = [(28, 24), (56, 48)]
    members = [networks.create("small", embedding=8, size=size).eval() for size in sizes]
    x = torch.rand(3, 3, 56, 48)
    with torch.no_grad():
        small, large = networks.Ensemble(members, sizes)(x).chunk(2, dim=1)
        smaller = nn.functional.interpolate(x, (28, 24), mode="bilinear", antialias=True)
        torch.testing.assert_close(small, nn.functional.normalize(members[0](smaller)) / 2**0.5)
        torch.testing.assert_close(large, nn.functional.normalize(members[1](x)) / 2**0.5)


def test_small_looks_at_the_centre_alone() -> None:
    network = networks.create("small", embedding=8, size=(40, 36), centre=[32, 30]).eval()
    whole = networks.create("small", embedding=8, size=(32, 30)).eval()
    whole.load_state_dict(network.state_dict())  # it costs no weights
    x = torch.randn(2, 3, 40, 36)
    with torch.no_grad():
        torch.testing.assert_close(network(x), whole(x[..., 4:36, 3:33]))
        with pytest.raises(ValueError, match=r"takes images of \(40, 36\), got \(32, 30\)"):
            network(x[..., 4:36, 3:33])
    with pytest.raises(ValueError, match="no part of images"):
        networks.small(size=(32, 30), centre=(33, 30))


@pytest.mark.parametrize("name", ["small", "iresnet18"])
def test_features_are_dropped_in_training_alone(name) -> None:
    """With dropout the same batch gives another output each time, in evaluation the same."""
    x = torch.randn(4, 3, 28, 24)
    for share, same in ((0.0, True), (0.5, False)):
        torch.manual_seed(0)
        network = networks.create(name, embedding=8, size=(28, 24), dropout=share)
        assert torch.equal(network(x), network(x)) == same
        network.eval()
        assert torch.equal(network(x), network(x))


SIZED = ["sphereface4", "iresnet18", "mobilefacenet", "small"]


@pytest.mark.parametrize("name", SIZED)
@pytest.mark.parametrize("given", [(32, 32), (29, 30), (32, 48)])  # the middle one has the same last map
def test_images_of_another_size_are_refused(name, given):
    network = networks.create(name, embedding=5, size=[32, 30]).eval()
    assert network(torch.randn(2, 3, 32, 30)).shape == (2, 5)
    with pytest.raises(ValueError, match=rf"takes images of \(32, 30\), got \({given[0]}, {given[1]}\)"):
        network(torch.randn(2, 3, *given))


@pytest.mark.parametrize("name", SIZED)
def test_the_size_is_asked_where_networks_are_compiled(name):
    network = networks.create(name, embedding=5, size=(32, 32)).eval()
    images = torch.randn(3, 3, 32, 32)
    with torch.no_grad():
        expected = network(images)
        whole = torch.compile(network, backend="eager", fullgraph=True)
        batch = torch.export.Dim("batch")
        exported = torch.export.export(network, (images[:2],), dynamic_shapes=({0: batch},)).module()
        for made in (whole, exported, torch.jit.trace(network, images[:2])):
            torch.testing.assert_close(made(images), expected)
        with pytest.raises(ValueError, match=r"takes images of \(32, 32\), got \(48, 32\)"):
            torch.compile(network, backend="eager")(torch.randn(3, 3, 48, 32))


def test_evaluating_leaves_every_module_as_it_was():
    network = networks.create("small", size=(32, 32))
    network.bn.eval()
    before = [module.training for module in network.modules()]
    with networks.evaluating(network):
        assert not any(module.training for module in network.modules())
    assert [module.training for module in network.modules()] == before
    with pytest.raises(ZeroDivisionError), networks.evaluating(network):
        1 / 0  # noqa: B018
    assert [module.training for module in network.modules()] == before
    with networks.evaluating(len):  # no network
        pass


OWN = """
from __future__ import annotations
from torch import nn

class Net(nn.Module):
    def __init__(self, embedding, size, width=4):
        super().__init__()
        height, breadth = size
        self.layers = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.Flatten())
        self.fc = nn.Linear(width * height * breadth, embedding)

    def forward(self, x):
        return self.fc(self.layers(x))

def net(embedding, size, **options) -> nn.Module:
    return Net(embedding, size, **options)

class Sized(Net):
    def __init__(self, size=(64, 64)):
        super().__init__(8, size)
        self.size = size

def unannotated(embedding, size):
    raise SystemExit("it was called")

def command(text: str) -> int:
    raise SystemExit("it was called")
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_network.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("own_network", None)


@pytest.mark.parametrize("name", ["own_network:Net", "own_network:net"])
def test_one_s_own_network_is_trained_and_opened_again(own, tmp_path, name):
    config = Config(
        identities=8, per_identity=4, size=(16, 16), network=name, network_options={"width": 2}, embedding=8, batch=8,
        steps=2, held_out=4, held_out_pairs=4, loss_options={"s": 16.0},
    )  # fmt: skip
    trained = train(config, tmp_path / "run", say=lambda line: None).network
    opened, size = open_network(tmp_path / "run", own=[name])
    images = torch.randn(2, 3, 16, 16)
    assert size == (16, 16)
    assert torch.equal(opened(images), trained(images))
    networks.save(opened, tmp_path / "own.safetensors")
    assert torch.equal(open_network(tmp_path / "own.safetensors", own=[name])[0](images), trained(images))


def test_a_network_made_for_its_own_size_is_opened_and_exported_at_it(own, tmp_path):
    network = networks.create("own_network:Sized")
    networks.save(network, tmp_path / "own.safetensors")
    opened, size = open_network(tmp_path / "own.safetensors", own=["own_network:Sized"])
    assert size == size_of(opened) == size_of(network) == (64, 64)
    networks.export_onnx(opened.eval(), tmp_path / "own.onnx")


def test_the_size_that_create_was_given_goes_before_an_attribute():
    network = networks.create("small", size=(32, 30))
    network.size = (8, 8)
    assert size_of(network) == (32, 30)
    del network.recipe
    assert size_of(network) == (8, 8)


def test_a_checkpoint_is_opened_at_the_size_that_its_network_was_made_for(tmp_path):
    config = Config(network="small", size=(28, 24), network_options={"size": (32, 30)}, embedding=8)
    save(tmp_path / "last.pt", {"config": config.to_dict(), "network": build_network(config).state_dict()})
    assert open_network(tmp_path)[1] == (32, 30)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own_network:unannotated", "nor annotated to return one: write 'def unannotated"),
        ("own_network:command", "nor annotated to return one"),
        ("os:system", "nor annotated to return one"),
        ("builtins:dict", "neither a subclass"),
        ("own_network:nothing", "no such callable"),
        ("own_network:", "wanted module:callable"),
        ("no_such_file:Net", "no_such_file.*looked in"),
        ("tiny", "there is no network 'tiny': .* or module:callable for your own"),
    ],
)
def test_what_is_no_network_is_not_called(own, name, message):
    with pytest.raises(ValueError, match=message):
        networks.create(name)


@pytest.mark.parametrize("name", ["torch.nn:Module", "own_network:Net", "own_network:net"])
def test_an_option_that_one_s_own_network_does_not_take_is_said(own, name):
    with pytest.raises(ValueError, match=f"{name} with the options .*foo"):
        networks.create(name, foo=1)


def test_a_network_of_one_s_own_that_takes_no_size_is_told_so(own):
    with pytest.raises(
        ValueError, match=r"torch\.nn:Linear with the options .*'size': \(112, 96\).*unexpected keyword argument"
    ):
        build_network(Config(network="torch.nn:Linear"))
