"""One batch, three ways to the device: made by workers, sent as bytes, or pointed to in the device's own memory."""

import pytest
import torch

from cosface_edu.data import normalise
from cosface_edu.training.batches import InMemory, Part
from cosface_edu.training.feed import Bytes, feed, resident


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


def test_bytes_are_sent_as_the_decoder_gave_them(rounded) -> None:
    part = Part(rounded, torch.arange(10))
    ((pixels, label, key),) = Bytes(part).__getitems__([(7, 123)])
    assert pixels.dtype == torch.uint8
    assert (label, key) == (1, 123)
    assert torch.equal(pixels, rounded.images[7])
    assert not resident(part)


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
