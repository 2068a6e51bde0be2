"""One batch, three ways to the device: made by workers, sent as bytes, or pointed to in the device's own memory."""

import multiprocessing
import os
import random
import signal
import threading
import time

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, get_worker_info

from cosface_edu.data import normalise
from cosface_edu.data.dataset import PictureDataset
from cosface_edu.data.images import BEFORE_ROWS, BrokenImage
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
            slots = Slots(part, 3, (8, 4), 1, 2, seed=0)
            loader = DataLoader(slots, batch_sampler=[(0, batch), (1, batch)], num_workers=1, collate_fn=_whole)
            _, ((pixels, _), (labels, _), (keys, _)) = slots.in_order(iter(loader), 0)
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
    earlier: list = []  # what may still be copied when the next is asked for
    for batch, ((pixels, _), (labels, _), (keys, _)) in zip(expected, read, strict=True):
        time.sleep(0.01)  # the workers have gone on as far as they may
        assert pixels.untyped_storage().data_ptr() == memory.untyped_storage().data_ptr()
        earlier = [*earlier[-BUFFERS:], (pixels, faces.pictures[[index for index, _ in batch]])]
        assert all(torch.equal(planes(there), expected) for there, expected in earlier)
        assert labels.tolist() == [int(part.labels[index]) for index, _ in batch]
        assert keys.tolist() == [key for _, key in batch]


class Unequal(Decoded):
    """Worker 0 reads its first picture when it may, and each as slowly as it is told."""

    def __init__(self, pause: float = 0.0) -> None:
        super().__init__()
        self.pause = pause
        self.may, self.read_by = torch.ones(1).share_memory_(), torch.zeros(2, dtype=torch.int64).share_memory_()

    def read(self, index: int) -> tuple[torch.Tensor, int]:
        worker = get_worker_info().id
        while worker == 0 and not self.may:
            time.sleep(0.001)
        time.sleep(0 if worker else self.pause)
        self.read_by[worker] += 1
        return super().read(index)


def reading(faces, config, first: int = 0, workers: int = 2):
    part = Part(faces, torch.arange(3))
    return _read(part, Steps(len(part), config, first, 0, 1, 1), workers, torch.Generator())


@pytest.fixture
def little(config):
    return config.replace(size=(8, 4), batch=4, steps=40)


def test_the_free_worker_reads_the_next_batch_and_all_come_in_order(little) -> None:
    faces = Unequal(pause=0.005)
    expected = list(Steps(6, little, 0, 0, 1, 1))
    read, _ = reading(faces, little)
    for batch, ((pixels, _), _, (keys, _)) in zip(expected, read, strict=True):
        assert torch.equal(planes(pixels), faces.pictures[[index for index, _ in batch]])
        assert keys.tolist() == [key for _, key in batch]
    slow, fast = faces.read_by.tolist()
    assert slow + fast == 4 * 40
    assert slow < fast


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_worker_is_ahead_of_a_stuck_one_by_its_places_at_most(little, goes_on: bool) -> None:
    before = multiprocessing.active_children()
    faces = Unequal()
    faces.may.zero_()
    read, memory = reading(faces, little)
    readers = [child for child in multiprocessing.active_children() if child not in before]
    its_own = 4 * len(memory) // 2

    def let_it() -> None:
        while faces.read_by[1] < its_own:
            time.sleep(0.001)
        time.sleep(0.2)  # the other would go on
        faces.may.fill_(1)

    threading.Thread(target=let_it, daemon=True).start()
    next(read)
    assert faces.read_by[1] == its_own
    if goes_on:
        assert len(list(read)) == 39
    del read
    assert [reader.exitcode for reader in readers] == [0, 0], "none is left waiting, to be killed after some seconds"
    if not goes_on:
        assert faces.read_by[1] == its_own, "nothing is written where a copy may be under way"


def test_what_a_data_set_draws_is_the_batch_s_whoever_reads_it(little) -> None:
    """And whether or not the run was stopped before."""

    class Drawing(Unequal):
        def read(self, index: int) -> tuple[torch.Tensor, int]:
            _, label = super().read(index)
            drawn = [random.randrange(256), np.random.randint(256), int(torch.randint(256, ()))]
            return torch.tensor(drawn, dtype=torch.uint8)[:, None, None].expand(3, 8, 4), label

    def drawn(pause: float, first: int, workers: int) -> list[torch.Tensor]:
        return [pixels.clone() for (pixels, _), *_ in reading(Drawing(pause), little, first, workers)[0]]

    unbroken, unequal, continued = drawn(0, 0, 2), drawn(0.005, 0, 2), drawn(0, 7, 1)
    assert len({pixels.numpy().tobytes() for pixels in unbroken}) == 40
    assert all(map(torch.equal, unbroken, unequal))
    assert all(map(torch.equal, unbroken[7:], continued))


class Random(torch.utils.data.Dataset):
    """Somebody's own: what it shows is drawn anew at every look."""

    labels = torch.tensor([0, 0, 1, 1, 2, 2])

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        drawn = [random.random(), np.random.rand(), float(torch.rand(()))]
        return torch.tensor(drawn)[:, None, None].expand(3, 8, 4), int(self.labels[index])


@pytest.mark.parametrize("on_processor", [True, False])
def test_what_workers_draw_differs_from_seed_to_seed_and_process_to_process(
    on_processor: bool, little, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cosface_edu.training.feed._on_processor", lambda device: on_processor)
    config = little.replace(flip=False, workers=2, steps=6)

    def drawn(config, first: int = 0, rank: int = 0, world: int = 1) -> list[torch.Tensor]:
        part = Part(Random(), torch.arange(3))
        return [images for images, _ in feed(part, config, torch.device("cpu"), first, rank, world)]

    once = drawn(config)
    assert all(map(torch.equal, once, drawn(config)))
    assert all(map(torch.equal, once[4:], drawn(config, first=4)))
    assert all(map(torch.equal, once, drawn(config.replace(workers=1))))
    for other in (drawn(config.replace(seed=1)), drawn(config, rank=1, world=2)):
        seen = [{tuple(image[:, 0, 0].tolist()) for batch in run for image in batch} for run in (once, other)]
        assert not seen[0] & seen[1]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_is_raised_when_its_batch_is_asked_for(workers: int, little) -> None:
    class Broken(Decoded):
        def read(self, index: int) -> tuple[torch.Tensor, int]:
            time.sleep(0 if index == 3 else 0.002)
            if index == 3:
                raise BrokenImage("train.rec, record 4: cannot be decoded")
            return super().read(index)

    order = list(Steps(4, little, 0, 0, 1, 1))
    part = Part(Broken(), torch.arange(2))  # pictures 0 to 3
    read, _ = _read(part, Steps(len(part), little, 0, 0, 1, 1), workers, torch.Generator())
    good = next(number for number, batch in enumerate(order) if 3 in [index for index, _ in batch])
    found: list = []
    with pytest.raises(BrokenImage, match=rf"batch {good}\b[\s\S]*record 4"):
        found.extend(read)
    assert len(found) == good


def test_what_fails_in_a_worker_is_raised_here(little) -> None:
    class Broken(Decoded):
        def __init__(self, die: bool) -> None:
            super().__init__()
            self.die = die

        def read(self, index: int) -> tuple[torch.Tensor, int]:
            if self.die and index == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            if index == 3:
                raise BrokenImage("train.rec, record 4: cannot be decoded")
            return super().read(index)

    for die, kind, told in (
        (False, BrokenImage, r"train\.rec, record 4"),
        (True, RuntimeError, "DataLoader worker .*pid"),
    ):
        with pytest.raises(kind, match=told):
            list(reading(Broken(die), little)[0])


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
