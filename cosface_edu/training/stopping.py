"""A run that is asked to stop ends after a step, and that step is saved."""

import signal
import threading
from collections.abc import Generator, Iterator
from types import FrameType
from typing import Any, Self, TypeVar

import torch

from . import distributed
from .diagnose import finite
from .journal import READERS_GONE, Journal

#: What asks, and what Python does about it where nobody has said otherwise: a queue or `kill`; Ctrl-C, or a notebook's
#: button. A handler of the user's own stays as it is.
ASKING: dict[signal.Signals, Any] = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}

Item = TypeVar("Item")


class Stopping:
    """Within this context the first signal to stop is noted, for the loop to ask about; a second one is obeyed at once.

    Python gives signals to a process's main thread: a run in another one is stopped as ever, and so is one that has no
    folder to save in.

    Args:
        journal: of the run.
        whole: whether a step is one batch of one process: where it is not, batches that end within it leave half of it
            in running statistics.
    """

    def __init__(self, journal: Journal, whole: bool) -> None:
        self.journal, self.whole = journal, whole
        self.noted: signal.Signals | None = None
        self.before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if self.journal.out is not None and threading.current_thread() is threading.main_thread():
            for number, usual in ASKING.items():
                if signal.getsignal(number) == usual:
                    self.before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, *failure: object) -> None:
        self._let_go()
        if kind is None and self.noted is not None:  # in the last step: that was saved, and there is no other
            raise self.end()

    def asked_here(self) -> bool:
        """Whether this process was asked to stop."""
        return self.noted is not None

    def asked(self, device: torch.device) -> bool:
        """Whether this process was asked to stop, or any other of the run: all of them have to ask together."""
        return distributed.anywhere(self.asked_here(), device)

    def end(self) -> BaseException:
        """Says what was saved; the exception that ends the run as the signal would have ended it."""
        name = self.noted.name if self.noted else "a signal to another process"
        step, steps = self.journal.state.step, self.journal.config.steps
        way_on = "continue with --resume" if step < steps else "the run is done"
        self.journal.say(f"stopped by {name}: step {step:,} is saved, {way_on}")
        return KeyboardInterrupt() if self.noted is signal.SIGINT else SystemExit(128 + signal.SIGTERM)

    def reading(self, batches: Iterator[Item]) -> Generator[Item, None, None]:
        """The batches. A queue may signal the processes that read them too: then the last whole step is saved here."""
        try:
            yield from batches
        except READERS_GONE:
            state = self.journal.state
            if self.noted is None or not self.whole or not finite(state.network, state.centres):
                raise
            self.journal.save(improved=False, ends=True)
            raise self.end() from None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.noted is not None:
            self._let_go()
            signal.raise_signal(number)  # Windows' os.kill would end the process, and no handler be asked
            return
        self.noted = signal.Signals(number)
        # A loader raises an error wherever this thread is, in the midst of saving too, when one of its workers dies.
        # They do if they were asked as well: `reading` finds out.
        if self.before and hasattr(signal, "SIGCHLD"):
            self.before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def _let_go(self) -> None:
        while self.before:
            signal.signal(*self.before.popitem())
