"""Batches go to a device ahead of their use. A stand-in for a GPU copies as late as it may, so that haste is seen."""

import threading
import time
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from cosface_edu.training.ahead import AHEAD, BUFFERS, Piece, Plain, SideStream, ahead


class Late:
    """A copy is done when somebody waits for it, and not before: until then the bytes are still in the buffer."""

    def __init__(self, reached: Tensor | None = None) -> None:
        self.buffers, self.pinned = 0, 0
        self.reached = reached  # memory that copies may begin in

    def pin(self, memory):
        assert memory is self.reached
        self.pinned += 1
        return self.let_go

    def let_go(self) -> None:
        self.pinned -= 1

    def reaches(self, memory) -> bool:
        return self.pinned > 0 and memory.untyped_storage().data_ptr() == self.reached.untyped_storage().data_ptr()

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


def in_places(memory: Tensor, count: int) -> Iterator[list[Piece]]:
    """Batches in the places of a memory, taken in turn, as workers fill them: at the latest when one is asked for."""
    for step in range(count):
        place = memory[step % len(memory)]
        place.fill_(step)
        yield [(place, None), (torch.full((3,), step), None)]


def test_what_lies_in_pinned_memory_is_copied_from_where_it_is() -> None:
    memory = torch.empty(BUFFERS + 1, 3, dtype=torch.int64)
    way = Late(memory)
    for step, (values, number) in enumerate(ahead(in_places(memory, 30), way, memory)):
        assert way.pinned == 1
        time.sleep(0.002)
        assert values.tolist() == number.tolist() == [step] * 3
    assert step == 29
    assert way.buffers == 2, "two buffers for the numbers, none for what lies there"
    assert way.pinned == 0, "let go at the end"


def test_fewer_places_would_be_written_to_while_they_are_copied() -> None:
    memory = torch.empty(BUFFERS, 3, dtype=torch.int64)
    found = []
    for values, _ in ahead(in_places(memory, 30), Late(memory), memory):
        time.sleep(0.01)  # the other thread is ahead by now
        found.append(values.tolist())
    assert found != [[step] * 3 for step in range(30)]


def test_memory_is_let_go_after_the_last_copy_has_left_it_and_when_nobody_asks_any_more() -> None:
    class Watched(Late):
        def let_go(self) -> None:
            assert not any(copies for _, copies in tickets)
            super().let_go()

        def send(self, staged):
            sent, ticket = super().send(staged)
            tickets.append(ticket)
            return sent, ticket

    memory = torch.empty(8, 3, dtype=torch.int64)
    for count in (1, 2, 5):
        tickets: list = []
        way = Watched(memory)
        found = ahead(in_places(memory, 5), way, memory)
        for _ in range(count):
            next(found)
        found.close()
        assert way.pinned == 0


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
def test_memory_that_others_share_is_pinned_for_a_gpu_and_let_go() -> None:
    way = SideStream(torch.device("cuda"))
    memory = torch.arange(6 * 1000).view(6, 1000).share_memory_()
    batches = ([(memory[step % 6], None)] for step in range(12))
    for step, (values,) in enumerate(ahead(batches, way, memory)):
        assert memory.is_pinned()
        assert torch.equal(values.cpu(), memory[step % 6])
    assert not memory.is_pinned()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_refusal_to_pin_is_no_error_of_what_comes_next() -> None:
    way = SideStream(torch.device("cuda"))
    memory = torch.zeros(5000)
    let_go = way.pin(memory)
    way.pin(memory)()  # refused: it is pinned
    assert torch.ones(3, device="cuda").sum().item() == 3
    assert memory.is_pinned()
    let_go()
    assert not memory.is_pinned()


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
