"""Batches on their way to a device while it computes: gathered, staged and copied one or two ahead.

A copy can run beside the network's kernels only if three things hold: it is asked for on another stream than theirs,
its bytes lie in memory that the system will not move (pinned), and nobody waits for it but the first kernel that reads
it. Pinning costs more than copying, so a few staging buffers are pinned once and used again, each when its last copy
has left it. All of this is done by one thread in the background; the thread that starts the network's kernels takes
what is ready.

Rows are gathered by NumPy, which uses one thread. Torch's team, a thread for each core, takes three times the processor
time for a batch (`benchmarks/bench_data.py`), and the thread that starts kernels needs a core too.
"""

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

#: Values, and which rows of them are wanted; None: all.
Piece = tuple[Tensor, Tensor | None]

AHEAD = 2  # batches that wait on the device
_BUFFERS = 2  # one is filled while the other is copied


class Lane(Protocol):
    """The way to a device. A ticket stands for a copy that may still be under way."""

    def buffer(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Memory of the host to copy from."""

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


def ahead(batches: Iterator[Sequence[Piece]], way: Lane) -> Iterator[list[Tensor]]:
    """Batches on the device, in order; up to `AHEAD` of them are sent before they are asked for.

    Args:
        batches: run through by a thread of its own. What it raises is raised here.
        way: to the device.

    Yields:
        A tensor on the device for each piece of a batch.
    """
    ready: queue.Queue[tuple[list[Tensor], Any] | BaseException | None] = queue.Queue(AHEAD)
    stopped = threading.Event()

    def work() -> None:
        buffers: list[list[Tensor]] = [[] for _ in range(_BUFFERS)]
        tickets: list[Any] = [None] * _BUFFERS
        try:
            for number, batch in enumerate(batches):
                if stopped.is_set():
                    return
                turn = number % _BUFFERS
                if number >= _BUFFERS:
                    way.left(tickets[turn])
                buffers[turn] = _staged(batch, buffers[turn], way)
                sent, tickets[turn] = way.send(buffers[turn])
                ready.put((sent, tickets[turn]))
            ready.put(None)
        except BaseException as error:
            ready.put(error)

    # a daemon: a program that ends in the middle of a run need not wait for it
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


def _staged(batch: Sequence[Piece], buffers: list[Tensor], way: Lane) -> list[Tensor]:
    """Write a batch into buffers, into new ones where there are none of its shape yet."""
    staged = []
    for place, (values, rows) in enumerate(batch):
        shape = (len(values) if rows is None else len(rows), *values.shape[1:])
        old = buffers[place] if place < len(buffers) else None
        buffer = old if old is not None and old.shape == shape else way.buffer(shape, values.dtype)
        if rows is None:
            buffer.copy_(values)
        else:  # 'clip' writes straight into the buffer, where 'raise' would copy once more; no row is out of bounds
            np.take(values.numpy(), rows.numpy(), axis=0, out=buffer.numpy(), mode="clip")
        staged.append(buffer)
    return staged
