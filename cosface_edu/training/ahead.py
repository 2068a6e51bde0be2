"""Batches on their way to a device while it computes: gathered, staged and copied one or two ahead.

A copy can run beside the network's kernels only if three things hold: it is asked for on another stream than theirs,
its bytes lie in memory that the system will not move (pinned), and nobody waits for it but the first kernel that reads
it. Pinning costs more than copying, so it is done once: to the memory that workers write whole batches into, which are
then copied from where they lie, and for rows that must be gathered to a few staging buffers, used again when their last
copy has left them. All of this is done by one thread in the background; the thread that starts the network's kernels
takes what is ready.

Bytes are moved by NumPy, which uses one thread. Torch's team, a thread for each core, takes three times the processor
time for a batch (`benchmarks/bench_data.py`), and the thread that starts kernels needs a core too.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

#: Values, and which rows of them are wanted; None: all.
Piece = tuple[Tensor, Tensor | None]

AHEAD = 2  # batches that wait on the device
BUFFERS = (
    2  # one is filled while the other is copied: so many earlier batches may be on their way when one is asked for
)


class Lane(Protocol):
    """The way to a device. A ticket stands for a copy that may still be under way."""

    def buffer(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Memory of the host to copy from."""

    def pin(self, memory: Tensor) -> Callable[[], None]:
        """Have memory that is there already stay where it is, if the system allows it, until the answer is called."""

    def reaches(self, memory: Tensor) -> bool:
        """Whether copies may begin in this memory itself: `send` needs no buffer for what lies there."""

    def send(self, staged: list[Tensor]) -> tuple[list[Tensor], Any]:
        """Begin to copy buffers; the tensors on the device, and a ticket."""

    def left(self, ticket: Any) -> None:
        """Wait until the buffers may be written to again."""

    def arrived(self, sent: list[Tensor], ticket: Any) -> None:
        """Let what this thread asks of the device from now on find the tensors there; the thread does not wait."""


class Plain:
    """Copies that are done when they return: to a device that is no NVIDIA GPU.

    Args:
        device: where to.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def buffer(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Any memory."""
        return torch.empty(*shape, dtype=dtype)

    def pin(self, memory: Tensor) -> Callable[[], None]:
        """There is no need."""
        return lambda: None

    def reaches(self, memory: Tensor) -> bool:
        """It does: what is sent has arrived."""
        return True

    def send(self, staged: list[Tensor]) -> tuple[list[Tensor], None]:
        """Copy."""
        return [tensor.to(self.device, copy=True) for tensor in staged], None

    def left(self, ticket: None) -> None:
        """They have."""

    def arrived(self, sent: list[Tensor], ticket: None) -> None:
        """They have."""


class SideStream:
    """Copies to an NVIDIA GPU on a stream of their own.

    Args:
        device: which GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self.device, self.stream = device, torch.cuda.Stream(device)

    def buffer(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Pinned memory."""
        return torch.empty(*shape, dtype=dtype, pin_memory=True)

    def pin(self, memory: Tensor) -> Callable[[], None]:
        """By the driver; where it refuses, as a system with a limit on such memory may, buffers are used."""
        runtime = torch.cuda.cudart()
        with torch.cuda.device(self.device):
            if runtime.cudaHostRegister(memory.data_ptr(), memory.nbytes, 0) == runtime.cudaError.success:
                return lambda: runtime.cudaHostUnregister(memory.data_ptr())
            with suppress(RuntimeError):  # the refusal would be told as the error of whatever kernel comes next
                torch.zeros(1, device=self.device).add_(1)
        return lambda: None

    def reaches(self, memory: Tensor) -> bool:
        """Pinned memory, whoever pinned it."""
        return memory.is_pinned()

    def send(self, staged: list[Tensor]) -> tuple[list[Tensor], torch.cuda.Event]:
        """Ask for the copies; the ticket is an event behind them. A thread that waits for it sleeps."""
        with torch.cuda.stream(self.stream):
            sent = [tensor.to(self.device, non_blocking=True) for tensor in staged]
            behind = torch.cuda.Event(blocking=True)
            behind.record(self.stream)
        return sent, behind

    def left(self, ticket: torch.cuda.Event) -> None:
        """Sleep until the copies are done."""
        ticket.synchronize()

    def arrived(self, sent: list[Tensor], ticket: torch.cuda.Event) -> None:
        """The network's stream waits for the event, and the memory stays the batch's until that stream is done."""
        here = torch.cuda.current_stream(self.device)
        here.wait_event(ticket)
        for tensor in sent:
            tensor.record_stream(here)


def lane(device: torch.device) -> Lane:
    """The way to a device."""
    return SideStream(device) if device.type == "cuda" else Plain(device)


def ahead(batches: Iterator[Sequence[Piece]], way: Lane, memory: Tensor | None = None) -> Iterator[list[Tensor]]:
    """Batches on the device, in order; up to `AHEAD` of them are sent before they are asked for.

    Args:
        batches: run through by a thread of its own. What it raises is raised here. What a batch points to must stay as
            it is until the batch `BUFFERS` + 1 after it is asked for.
        way: to the device.
        memory: of the host, that batches point into. It is pinned as long as this goes on.

    Yields:
        A tensor on the device for each piece of a batch.
    """
    ready: queue.Queue[tuple[list[Tensor], Any] | BaseException | None] = queue.Queue(AHEAD)
    stopped = threading.Event()

    def work() -> None:
        buffers: list[list[Tensor | None]] = [[] for _ in range(BUFFERS)]
        tickets: list[Any] = [None] * BUFFERS
        try:
            for number, batch in enumerate(batches):
                if stopped.is_set():
                    return
                turn = number % BUFFERS
                if number >= BUFFERS:
                    way.left(tickets[turn])
                sent, tickets[turn] = way.send(_staged(batch, buffers[turn], way))
                ready.put((sent, tickets[turn]))
            ready.put(None)
        except BaseException as error:
            ready.put(error)
        finally:
            for ticket in filter(None, tickets):  # memory must not be let go while it is copied
                way.left(ticket)

    # a daemon: a program that ends in the middle of a run need not wait for it
    let_go = way.pin(memory) if memory is not None else lambda: None
    thread = threading.Thread(target=work, name="batches ahead", daemon=True)
    thread.start()
    try:
        while (found := ready.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            sent, ticket = found
            way.arrived(sent, ticket)
            yield sent
    finally:
        stopped.set()
        while thread.is_alive():  # it may be waiting for room
            try:
                ready.get(timeout=0.05)
            except queue.Empty:
                continue
        thread.join()
        let_go()


def _staged(batch: Sequence[Piece], buffers: list[Tensor | None], way: Lane) -> list[Tensor]:
    """A batch where it can be copied from: where it lies, or in buffers, new ones where there are none of its shape."""
    staged = []
    for place, (values, rows) in enumerate(batch):
        if place == len(buffers):
            buffers.append(None)
        if rows is None and way.reaches(values):
            staged.append(values)
            continue
        shape = (len(values) if rows is None else len(rows), *values.shape[1:])
        old = buffers[place]
        buffer = old if old is not None and old.shape == shape else way.buffer(shape, values.dtype)
        if rows is None:
            np.copyto(buffer.numpy(), values.numpy())
        else:  # 'clip' writes straight into the buffer, where 'raise' would copy once more; no row is out of bounds
            np.take(values.numpy(), rows.numpy(), axis=0, out=buffer.numpy(), mode="clip")
        buffers[place] = buffer
        staged.append(buffer)
    return staged
