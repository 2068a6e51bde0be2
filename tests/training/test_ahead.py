"""Batches go to a device ahead of their use. A stand-in for a GPU copies as late as it may, so that haste is seen."""

import threading
import time
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from cosface_edu.training.ahead import AHEAD, Piece, Plain, SideStream, ahead


class Late:
    """A copy is done when somebody waits for it, and not before: until then the bytes are still in the buffer."""

    def __init__(self) -> None:
        self.buffers = 0

    def buffer(self, shape, dtype) -> Tensor:
        self.buffers += 1
        return torch.empty(*shape, dtype=dtype)

    def send(self, staged):
        sent = [torch.full_like(tensor, 99) for tensor in staged]
        return sent, (threading.Lock(), [(there, here) for there, here in zip(sent, staged, strict=True)])

    def left(self, ticket) -> None:
        lock, copies = ticket
        with lock:
            for there, here in copies:
                there.copy_(here)
            copies.clear()

    def arrived(self, sent, ticket) -> None:
        self.left(ticket)


def numbered(count: int) -> Iterator[list[Piece]]:
    values = torch.arange(40).view(20, 2)
    for step in range(count):
        rows = torch.tensor([step % 20, (7 * step) % 20, 3])
        yield [(values, rows), (torch.full((3,), step), None)]


def test_batches_come_whole_and_in_order_whoever_is_slower() -> None:
    for slow in (0.0, 0.002):
        way = Late()
        for step, (values, number) in enumerate(ahead(numbered(30), way)):
            time.sleep(slow)
            assert torch.equal(number, torch.full((3,), step))
            assert values[:, 0].tolist() == [2 * (step % 20), 2 * (7 * step % 20), 6]
        assert step == 29
        assert way.buffers == 4, "two pieces, two buffers each, used again"


def test_a_buffer_is_not_written_to_while_it_is_copied() -> None:
    """The stand-in shows it: without the wait, an early batch would hold a later one's bytes."""

    class Hasty(Late):
        def left(self, ticket) -> None:
            pass

        def arrived(self, sent, ticket) -> None:
            time.sleep(0.02)  # the other thread is ahead by now
            Late.left(self, ticket)

    found = [int(number[0]) for _, number in ahead(numbered(10), Hasty())]
    assert found != list(range(10))


def test_another_shape_takes_another_buffer() -> None:
    sizes = [4, 4, 2, 2, 4]
    batches = ([(torch.full((size, 3), float(size)), None)] for size in sizes)
    assert [tuple(values.shape) for (values,) in ahead(batches, Plain(torch.device("cpu")))] == [
        (size, 3) for size in sizes
    ]


def test_what_fails_behind_is_raised_in_front() -> None:
    def broken() -> Iterator[list[Piece]]:
        yield from numbered(2)
        raise ValueError("picture 7 cannot be decoded")

    found = ahead(broken(), Late())
    assert len([next(found), next(found)]) == 2
    with pytest.raises(ValueError, match="picture 7"):
        next(found)


def test_it_is_ahead_by_a_few_and_ends_when_nobody_asks() -> None:
    made = []

    def endless() -> Iterator[list[Piece]]:
        for batch in numbered(10**9):
            made.append(1)
            yield batch

    found = ahead(endless(), Late())
    next(found)
    deadline = time.monotonic() + 10
    while len(made) < AHEAD + 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert len(made) == AHEAD + 2, "one taken, two waiting, one in the thread's hands"
    assert any(thread.name == "batches ahead" for thread in threading.enumerate())
    found.close()
    assert not any(thread.name == "batches ahead" for thread in threading.enumerate())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_s_own_stream_finds_what_another_copied() -> None:
    device = torch.device("cuda")
    pixels = torch.randint(256, (500, 3, 112, 96), dtype=torch.uint8)
    rows = [torch.randint(500, (256,)) for _ in range(30)]
    sums = []
    for (batch,) in ahead(([(pixels, chosen)] for chosen in rows), SideStream(device)):
        busy = torch.randn(2048, 2048, device=device)
        for _ in range(5):  # the network's stream is behind
            busy = busy @ busy
        sums.append(batch.long().sum())
    assert [int(total) for total in sums] == [int(pixels[chosen].long().sum()) for chosen in rows]
