"""One batch, three ways to the device: made by workers, sent as bytes, or pointed to in the device's own memory."""

import time

import pytest
import torch
from torch.utils.data import DataLoader

from cosface_edu.data import normalise
from cosface_edu.data.dataset import PictureDataset
from cosface_edu.data.images import BEFORE_ROWS
from cosface_edu.training.ahead import BUFFERS
from cosface_edu.training.batches import InMemory, Part, Steps
from cosface_edu.training.feed import Bytes, Slots, _read, _whole, feed, planes


@pytest.fixture
def changed(config):
    return config.replace(crop=2, colour=0.3, occlude=0.5, channels_last=True)


@pytest.fixture
def rounded(faces) -> InMemory:
    return InMemory(faces)


def batches(faces, config, device: str, **kwargs):
    part = Part(faces, torch.arange(2, 9))
    return list(feed(part, config, torch.device(device), **kwargs))


def test_a_device_makes_the_batches_that_workers_make(rounded, faces, changed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor stands in for the device; the code is the same."""
    expected = batches(rounded, changed, "cpu", first=4)
    monkeypatch.setattr("cosface_edu.training.feed._on_processor", lambda device: False)
    sent = batches(rounded, changed, "cpu", first=4)
    read = batches(faces, changed, "cpu", first=4)
    by_workers = batches(faces, changed.replace(workers=2), "cpu", first=4)
    monkeypatch.setattr("cosface_edu.training.feed.resident", lambda training: True)
    kept = batches(rounded, changed, "cpu", first=4)
    assert len(expected) == changed.steps - 4
    for (images, labels), *others in zip(expected, sent, read, by_workers, kept, strict=True):
        assert images.is_contiguous(memory_format=torch.channels_last)
        for its_images, its_labels in others:
            assert torch.equal(its_labels, labels)
            torch.testing.assert_close(its_images, images, rtol=0, atol=1e-5)


def test_without_changes_a_batch_is_the_pictures(rounded, config) -> None:
    still = config.replace(flip=False)
    part = Part(rounded, torch.arange(10))
    images, labels = next(feed(part, still, torch.device("cpu")))
    for image, label in zip(images, labels, strict=True):
        own = [part[i][0] for i in torch.nonzero(part.labels == label)[:, 0].tolist()]
        assert any(torch.equal(image, normalise(one)) for one in own)


def test_the_loader_leaves_torchs_generator_alone(rounded, config) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    next(feed(Part(rounded, torch.arange(10)), config, torch.device("cpu")))
    assert torch.equal(torch.get_rng_state(), before)


class Decoded(PictureDataset):
    """Pictures that come as bytes."""

    def __init__(self) -> None:
        super().__init__((8, 4), "fail")
        self.pictures = torch.randint(256, (6, 3, 8, 4), dtype=torch.uint8)
        self.labels = torch.tensor([0, 0, 1, 1, 2, 2])

    def __len__(self) -> int:
        return 6

    def read(self, index: int) -> tuple[torch.Tensor, int]:
        return self.pictures[index], int(self.labels[index])


class Drawn(InMemory):
    """The same without a decoder."""

    def __init__(self) -> None:
        self.images, self.labels = (decoded := Decoded()).pictures, decoded.labels


@pytest.mark.parametrize("decoder", [False, True])
def test_bytes_travel_as_they_were_laid_out(decoder: bool) -> None:
    faces = Decoded() if decoder else Drawn()
    pictures = faces.pictures if decoder else faces.images
    part = Part(faces, torch.tensor([1, 2]))
    batch = [(3, 30), (0, 10), (3, 31)]
    for workers in (0, 1):
        if workers:
            slots = Slots(part, 3, (8, 4), 2)
            loader = DataLoader(slots, batch_sampler=[(1, batch)], num_workers=1, collate_fn=_whole)
            (pixels, _), (labels, _), (keys, _) = slots.pieces(next(iter(loader)))
            assert pixels.data_ptr() == slots.memory[1].data_ptr() + BEFORE_ROWS
        else:
            loader = DataLoader(Bytes(part), batch_sampler=[batch], collate_fn=_whole)
            pixels, labels, keys = next(iter(loader))
        assert pixels.is_contiguous()
        if decoder or workers:
            assert pixels.data_ptr() % 16 == BEFORE_ROWS, "or a decoder writes past the cache"
        assert pixels.shape == ((3, 8, 4, 3) if decoder else (3, 3, 8, 4))
        assert torch.equal(planes(pixels), pictures[[5, 2, 5]])
        assert (labels.tolist(), keys.tolist()) == ([1, 0, 1], [30, 10, 31])


def test_a_worker_does_not_write_where_a_batch_is_still_looked_at(config) -> None:
    """Nor where one is still copied: as many places as may be needed, with a reader that is slower than the workers."""
    faces = Decoded()
    part = Part(faces, torch.arange(3))
    config = config.replace(size=(8, 4), batch=4, steps=40)
    expected = list(Steps(len(part), config, 0, 0, 1, 1))
    read, memory = _read(part, Steps(len(part), config, 0, 0, 1, 1), 2, torch.Generator())
    assert len(memory) % 2 == 0, "a worker's places are its own"
    earlier: list = []  # what may still be copied when the next is asked for
    for batch, ((pixels, _), (labels, _), (keys, _)) in zip(expected, read, strict=True):
        time.sleep(0.01)  # the workers have gone on as far as they may
        assert pixels.untyped_storage().data_ptr() == memory.untyped_storage().data_ptr()
        earlier = [*earlier[-BUFFERS:], (pixels, faces.pictures[[index for index, _ in batch]])]
        assert all(torch.equal(planes(there), expected) for there, expected in earlier)
        assert labels.tolist() == [int(part.labels[index]) for index, _ in batch]
        assert keys.tolist() == [key for _, key in batch]


def test_what_has_no_decoder_is_rounded_to_bytes(rounded) -> None:
    pixels, labels = Part(rounded, torch.arange(10)).bytes([7, 0])
    assert torch.equal(pixels, rounded.images[[7, 0]])
    assert labels.tolist() == [1, 0]


def test_what_is_sent_ahead_leaves_torchs_generator_to_the_loop(rounded, changed, monkeypatch) -> None:
    """Dropout and random margins draw from it while the next batches are made."""
    monkeypatch.setattr("cosface_edu.training.feed._on_processor", lambda device: False)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    batches(rounded, changed, "cpu")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_makes_the_batches_of_a_processor(rounded, faces, changed) -> None:
    here = batches(rounded, changed, "cpu")
    sent = batches(rounded, changed, "cuda")
    read = batches(faces, changed.replace(workers=2), "cuda")
    kept = batches(InMemory(faces, "cuda"), changed, "cuda")
    for (images, labels), *others in zip(here, sent, read, kept, strict=True):
        for its_images, its_labels in others:
            assert torch.equal(its_labels.cpu(), labels)
            torch.testing.assert_close(its_images.cpu(), images, rtol=0, atol=1e-4)
