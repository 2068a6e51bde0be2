"""Embeddings: what flipping does, what reaches the network, and other people's embedders."""

import sys
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from cosface_edu import networks
from cosface_edu.data import normalise
from cosface_edu.evaluation import (
    Measured,
    as_one,
    choose_precision,
    cosine_scores,
    embed,
    embedding,
    fastest_precision,
    identify,
    load_embedder,
    pool,
)
from cosface_edu.faces import FaceWorldDataset


class LeftRight(nn.Module):
    """Features that tell an image from its mirror image: the mean brightness of each half."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.dropout = nn.Dropout(0.9)

    def forward(self, x):
        half = x.shape[-1] // 2
        return self.dropout(self.scale * torch.stack([x[..., :half].mean((1, 2, 3)), x[..., half:].mean((1, 2, 3))], 1))


@pytest.fixture
def images():
    images = torch.zeros(5, 3, 4, 4)
    images[:, :, :, 2:] = 1.0
    return images


def test_flips(images):
    network = LeftRight().train()
    dark, bright = normalise(torch.tensor([0.0, 1.0])).tolist()
    for flip, expected in (
        ("none", [dark, bright]),
        ("concat", [dark, bright, bright, dark]),
        ("sum", [dark + bright, dark + bright]),
    ):
        features = embed(network, images, flip, batch=2)
        torch.testing.assert_close(features, torch.tensor([expected] * 5))
    grey = normalise(torch.tensor(0.5)).item()  # dark and bright would be nothing together
    torch.testing.assert_close(embed(network, images / 2, "sum"), torch.full((5, 2), dark + grey))
    assert network.training  # evaluated without dropout, and left as it was
    assert not features.requires_grad


def test_data_sets_and_tensors_give_the_same():
    faces = FaceWorldDataset(3, 2, size=(16, 16))
    stacked = torch.stack([faces[i][0] for i in range(6)])
    network = LeftRight()
    assert torch.equal(embed(network, faces, batch=4), embed(network, stacked, batch=4))


def test_other_peoples_embedders_get_plain_images(images):
    seen = []

    def embedder(x):
        seen.append(x)
        return x.mean((2, 3))

    embed(embedder, images, preprocess=None, batch=3)
    assert [tuple(x.shape) for x in seen] == [(3, 3, 4, 4)] * 2 + [(2, 3, 4, 4)] * 2
    assert torch.equal(seen[0], images[:3])
    assert torch.equal(seen[1], images[:3].flip(-1))


@pytest.mark.parametrize(
    ("embedder", "message"),
    [
        (lambda x: x.mean((2, 3))[:1], r"for 5 images it gave \(1, 3\)"),
        (lambda x: x, r"gave \(5, 3, 4, 4\)"),
        (lambda x: None, "gave NoneType$"),
        (lambda x: (x.mean((2, 3)), x.mean((1, 2, 3))), r"gave tuple: wrap it in an nn\.Module .* network\(x\)\[0\]"),
        (lambda x: x.mean((2, 3)) / 0, "not finite"),
    ],
)
@pytest.mark.parametrize("flip", ["none", "concat", "sum"])
def test_bad_embedders(images, embedder, message, flip):
    with pytest.raises(ValueError, match=message):
        embed(embedder, images, flip)


class WithNorm(LeftRight):
    """AdaFace's own networks give the length beside the direction."""

    def forward(self, x):
        features = super().forward(x)
        return features / features.norm(dim=1, keepdim=True), features.norm(dim=1)


def test_a_network_that_gives_more_than_features_is_told_of_where_precisions_are_timed(images):
    with pytest.raises(ValueError, match="gave tuple: wrap it"):
        choose_precision(WithNorm(), images[:1].expand(600, -1, -1, -1))


def test_bad_arguments(images):
    with pytest.raises(ValueError, match="concat, sum or none"):
        embed(LeftRight(), images, "both")
    with pytest.raises(ValueError, match="no images"):
        embed(LeftRight(), images[:0])


def test_cosines():
    features = torch.tensor([[3.0, 0.0], [1.0, 1.0], [0.0, -2.0], [-5.0, 0.0]])
    scores = cosine_scores(features, torch.tensor([[0, 1], [0, 2], [0, 3], [0, 0]]))
    torch.testing.assert_close(scores, torch.tensor([0.5**0.5, 0.0, -1.0, 1.0]))


class Clocked(nn.Module):
    """Takes a set time in each precision, by a clock that the test owns."""

    def __init__(self, clock, bfloat16, rounding=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.clock, self.seconds, self.rounding = clock, bfloat16, rounding

    def forward(self, x):
        half = torch.is_autocast_enabled(x.device.type)
        self.clock[0] += self.seconds if half else 1.0
        features = x.flatten(1)
        return features + (self.rounding * torch.linspace(0, 1, features.shape[1]) if half else 0.0)


@pytest.mark.parametrize(
    ("bfloat16", "rounding", "expected"),
    [(0.5, 0.0, "bfloat16"), (2.0, 0.0, "float32"), (0.95, 0.0, "float32"), (0.5, 9.0, "float32")],
)
def test_the_measurement_decides_on_the_precision(monkeypatch, bfloat16, rounding, expected):
    """Faster, slower, as good as equal, and faster but wrong."""
    clock = [0.0]
    monkeypatch.setattr(embedding.time, "perf_counter", lambda: clock[0])
    network = Clocked(clock, bfloat16, rounding).eval()
    assert fastest_precision(network, torch.rand(8, 3, 4, 4)) == expected
    many, few = torch.rand(600, 3, 4, 4), torch.rand(60, 3, 4, 4)
    assert choose_precision(network, many) == expected
    before = clock[0]
    assert choose_precision(network, many) == expected
    assert clock[0] == before  # measured once
    assert choose_precision(network, few) == "float32"
    assert choose_precision(lambda x: x, many) == "float32"


def test_emulated_bfloat16_is_given_up_after_one_image(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(embedding.time, "perf_counter", lambda: clock[0])
    network = Clocked(clock, bfloat16=30.0).eval()
    assert fastest_precision(network, torch.rand(8, 3, 4, 4)) == "float32"
    assert clock[0] == 31.0


def test_bfloat16_is_used_when_asked_for():
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 4))
    images = torch.rand(3, 3, 4, 4)
    exact, rounded = (embed(network, images, precision=p) for p in ("float32", "bfloat16"))
    assert rounded.dtype == torch.float32
    assert not torch.equal(exact, rounded)
    torch.testing.assert_close(exact, rounded, atol=0.03, rtol=0.03)


def test_load_embedder(tmp_path, monkeypatch):
    (tmp_path / "their_network.py").write_text("def embed(x):\n    return x.mean((2, 3))\n\nsize = 3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    embedder = load_embedder("their_network:embed")
    assert embedder(torch.ones(2, 3, 4, 4)).shape == (2, 3)
    for spec, message in (
        ("their_network", "module:function"),
        (":embed", "module:function"),
        ("their_netwerk:embed", "their_netwerk.*looked in"),
        ("their_network:embedd", "has no function embedd"),
        ("their_network:size", "has no function size"),
    ):
        with pytest.raises(ValueError, match=message):
            load_embedder(spec)


def test_bytes_are_the_same_picture_and_other_ranges_are_refused(images):
    expected = embed(LeftRight(), images)
    assert torch.equal(embed(LeftRight(), (255 * images).to(torch.uint8)), expected)
    for wrong, told in (
        (255 * images, r"between 0 and 255: divide by 255"),
        (normalise(images), r"between -0\.9961 and 0\.9961: .*preprocess=None"),
        ((255 * images).long(), r"got torch\.int64"),
    ):
        with pytest.raises(ValueError, match=told):
            embed(LeftRight(), wrong)
    embed(LeftRight(), 255 * images, preprocess=lambda x: x / 255)  # whoever prepares images may want any


PICTURE = Image.new("RGB", (4, 4))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (lambda x: x.permute(0, 2, 3, 1), r"got \(5, 4, 4, 3\): use images\.permute\(0, 3, 1, 2\)"),
        (lambda x: x.permute(0, 2, 3, 1).numpy(), r"got \(5, 4, 4, 3\): use images\.transpose\(0, 3, 1, 2\)"),
        (lambda x: list(x.permute(0, 2, 3, 1)), r"got \(5, 4, 4, 3\): put the channels of each image first"),
        (lambda x: x[0], r"got \(3, 4, 4\): one image is images\[None\]"),
        (lambda x: x[0].numpy(), r"got \(3, 4, 4\): one image is images\[None\]"),
        (lambda x: x[:, 0], r"got \(5, 4, 4\)$"),
        (lambda x: x[:, :1], r"got \(5, 1, 4, 4\): repeat .* images\[:, \[0, 0, 0\]\]"),
        (lambda x: list(x[:, :1]), r"got \(5, 1, 4, 4\): repeat .* image\[\[0, 0, 0\]\]"),
        (lambda x: x[:, [0, 1, 2, 0]], r"got \(5, 4, 4, 4\): leave out .* images\[:, :3\]"),
        (lambda x: [x[0], x[1, :, :3]], r"of one size, got \(3, 4, 4\) and \(3, 3, 4\): data\.fit"),
        (lambda x: [PICTURE, PICTURE], "must be tensors .*, got Image: .*pil_to_tensor"),
        (lambda x: [(PICTURE, 0)], "must be tensors .*, got Image: .*pil_to_tensor"),
        (lambda x: DataLoader(x), r"got a DataLoader: give its data set, loader\.dataset"),
        (lambda x: iter(x), "a tensor .* or a data set, got "),
        (lambda x: PICTURE, "a tensor .* or a data set, got Image"),
    ],
)
def test_what_people_hold_beside_images_is_told_with_the_way_out(images, given, told):
    with pytest.raises(ValueError, match=told):
        embed(LeftRight(), given(images))


def test_the_way_out_works(images):
    grey, four = images[:, :1], images[:, [0, 1, 2, 0]]
    expected = embed(LeftRight(), images)
    for right in (grey[:, [0, 0, 0]], grey.numpy()[:, [0, 0, 0]], four[:, :3], [image[[0, 0, 0]] for image in grey]):
        assert torch.equal(embed(LeftRight(), right), expected)
    assert torch.equal(embed(LeftRight(), images[0][None]), expected[:1])


def test_other_channels_pass_where_somebody_prepares_them(images):
    grey = images[:, :1]
    assert torch.equal(embed(LeftRight(), grey, preprocess=None), embed(LeftRight(), images, preprocess=None))


def test_a_batch_of_nothing_is_refused(images):
    with pytest.raises(ValueError, match="batch must be at least 1, got 0"):
        embed(LeftRight(), images, batch=0)


class Statistics(nn.Module):
    """Batch normalisation over the colours' means."""

    def __init__(self):
        super().__init__()
        self.bn, self.fc = nn.BatchNorm1d(3), nn.Linear(3, 4)

    def forward(self, x):
        return self.fc(self.bn(x.mean((2, 3))))


def test_batch_normalisation_that_is_frozen_stays_frozen():
    network = Statistics()
    network.bn.eval()
    for look in (embed, choose_precision):
        look(network, torch.rand(600, 3, 4, 4))
        assert (network.training, network.bn.training, network.fc.training) == (True, False, True)
    before = network.bn.running_mean.clone()
    network(torch.rand(8, 3, 4, 4))
    assert torch.equal(network.bn.running_mean, before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_network_gets_images_in_the_numbers_of_its_weights(dtype):
    network, images = Statistics(), torch.rand(600, 3, 4, 4)
    expected = embed(network, images, precision="float32")
    features = embed(network.to(dtype), images)
    assert features.dtype == torch.float32
    torch.testing.assert_close(features, expected, atol=0.03, rtol=0.03)


def test_cosines_of_arrays():
    assert cosine_scores(np.eye(3), [[0, 0], [0, 1]]).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (torch.triu_indices(6, 6, 1), r"shape \(n, 2\), .* got \(2, 15\): give pairs\.T"),
        (np.triu_indices(6, 1), r"got \(2, 15\): give np\.stack\(pairs, axis=1\)"),
        (torch.zeros(3, 3, dtype=torch.int64), r"got \(3, 3\)$"),
        (torch.tensor([0, 1]), r"got \(2,\)$"),
        ([[0.0, 1.0]], "pairs must be whole numbers .* got torch.float64"),
        ([[True, False]], "pairs must be whole numbers .* got torch.bool"),
        ([[0, 1], [-1, 2]], "pairs must lie between 0 and 5, as there are 6 features; got -1"),
        ([[0, 6]], "pairs must lie between 0 and 5, as there are 6 features; got 6"),
    ],
)
def test_pairs_that_are_no_rows_of_the_features_are_refused(pairs, told):
    with pytest.raises(ValueError, match=told):
        cosine_scores(torch.eye(6), pairs)


def test_pairs_turned_as_the_message_says_serve():
    features = torch.randn(6, 4)
    expected = cosine_scores(features, torch.triu_indices(6, 6, 1).T)
    assert torch.equal(cosine_scores(features, np.stack(np.triu_indices(6, 1), axis=1)), expected)
    assert torch.equal(cosine_scores(features, torch.triu_indices(6, 6, 1).T.to(torch.uint8)), expected)  # no mask


def test_cosines_of_half_precision_are_not_rounded_again():
    features = torch.randn(20, 64).bfloat16()
    pairs = torch.triu_indices(20, 20, 1).T
    assert torch.equal(cosine_scores(features, pairs), cosine_scores(features.float(), pairs))
    assert cosine_scores(features.double(), pairs).dtype == torch.float64


def test_a_data_set_that_draws_its_pictures_does_so_in_its_own_precision() -> None:
    """As they are asked for, when the network is to compute in halves: FaceWorld failed there, others were rounded."""
    faces = FaceWorldDataset(identities=3, per_identity=2, size=(56, 48))
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 56 * 48, 8))
    stacked = torch.stack([image for image, _ in faces])
    assert torch.equal(embed(network, faces, precision="bfloat16"), embed(network, stacked, precision="bfloat16"))

    class Mixed(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> torch.Tensor:
            image = torch.rand(3, 8, generator=torch.Generator().manual_seed(0)) @ torch.eye(8)
            assert image.dtype == torch.float32
            assert not image.is_inference()
            return image[:, :, None].expand(3, 8, 8)

    embed(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 2)), Mixed(), precision="bfloat16")


def test_arrays_are_taken_as_they_lie(images, recwarn):
    array = images.numpy()
    kept = array.copy()
    kept.setflags(write=False)
    for given, flipped in ((array[..., ::-1], True), (array.astype(">f4"), False), (kept, False), (list(kept), False)):
        expected = embed(LeftRight(), images.flip(-1) if flipped else images)
        assert torch.equal(embed(LeftRight(), given), expected)
    features = np.random.default_rng(0).normal(size=(4, 3))
    turned, numbers = features[::-1], np.arange(4)[::-1]
    assert torch.equal(cosine_scores(turned, numbers.reshape(2, 2)), cosine_scores(features, [[0, 1], [2, 3]]))
    assert identify(turned, numbers, features.astype(">f8"), np.arange(4)).rank(1) == 1
    assert torch.equal(pool(turned, numbers), pool(features, [0, 1, 2, 3]))
    assert not recwarn.list


def test_modules_without_a_mode_are_embedded():
    network = networks.small(size=(28, 24)).eval()
    images = torch.rand(3, 3, 28, 24)
    exported = torch.export.export(network, (images,)).module()
    with warnings.catch_warnings(action="ignore"):  # TorchScript is deprecated, and used
        frozen = torch.jit.freeze(torch.jit.trace(network, images))
    expected = embed(network, images)
    for other in (exported, frozen, nn.Sequential(exported, nn.Dropout()), nn.Sequential(frozen, nn.Dropout())):
        torch.testing.assert_close(embed(other, images), expected)
        assert not isinstance(other, nn.Sequential) or other[1].training


def test_a_network_that_takes_float32_alone_is_not_cast():
    class Stubborn(nn.Module):  # as a quantised layer is
        def forward(self, x):
            rows = nn.functional.linear(x.flatten(1), torch.eye(48))
            return torch.zeros(rows.shape).index_add_(0, torch.arange(len(x)), rows)

    assert fastest_precision(Stubborn(), torch.rand(8, 3, 4, 4)) == "float32"


def test_networks_of_several_sizes_get_crops_that_hold_what_each_needs():
    """The largest height and the largest width, and no less than a whole crop."""
    first, second = LeftRight(), LeftRight()
    assert as_one([(first, (56, 48)), (second, (112, 112))])[1] == (112, 112)
    assert as_one([(first, (28, 24)), (second, (56, 48))])[1] == (112, 96)
    assert as_one([(first, (28, 24)), (second, (56, 48))], whole=(40, 60))[1] == (56, 60)
    together, size = as_one([(first, (56, 48)), (second, (56, 48))])
    assert (list(together.networks), size) == ([first, second], (56, 48))
    assert as_one([(first, (28, 24))]) == (first, (28, 24))


def test_what_is_asked_of_a_measurement_reaches_the_network(images):
    batches = []

    def embedder(x):
        batches.append(len(x))
        return x.flatten(1)

    for flip, length in (("none", 48), ("sum", 48), ("concat", 96)):
        measured = Measured(embedder, flip=flip, preprocess=None, batch=2)
        for some in (images, images[:2]):
            measured.features(some)
        told = measured.described()
        assert (told["flip"], told["dimension"]) == (flip, length)
        assert told["images_per_second"] == 7 / measured.seconds
    assert set(batches) == {1, 2}
