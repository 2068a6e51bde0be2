"""What a run says, draws and keeps while it trains: the log, the validations, the checkpoints."""

import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch

from cosface_edu.files import alone_in

from . import checkpoint, distributed
from .config import Config
from .state import Run, State
from .validation import HeldOut

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


#: What a loader raises whose processes were ended: a finished one, or one that is still starting them.
READERS_GONE = (RuntimeError, ConnectionError)


def tell(line: str) -> None:
    """Print a line of progress; what standard output's encoding lacks, such as × on some Windows, is shown as '?'."""
    try:
        print(line)
    except UnicodeEncodeError:
        print(line.encode(sys.stdout.encoding, "replace").decode(sys.stdout.encoding))


class Journal:
    """Called after a step; what is due is up to the loop. Its context is the run's, alone in its folder.

    Args:
        config: of the run.
        state: of the run, whose `step` says how many are done.
        out: folder for checkpoints and TensorBoard; None keeps the run in memory.
        held_out: people to validate on, if any.
        rank: of this process; the first one alone writes.
        device: that this process trains on.
        say: takes a line of progress.
    """

    def __init__(
        self,
        config: Config,
        state: State,
        out: str | os.PathLike[str] | None,
        held_out: HeldOut | None,
        rank: int,
        device: torch.device,
        say: Callable[[str], None],
    ) -> None:
        self.config, self.state, self.held_out, self.rank, self.device = config, state, held_out, rank, device
        self.out, self.say = Path(out) if out is not None else None, say
        self.run = Run(state.network, state.centres.head)
        self.curves: SummaryWriter | None = None
        self.alone = ExitStack()
        self.logged, self.began = state.step, time.perf_counter()
        self.since = self.began

    def __enter__(self) -> Self:
        """Raises FileExistsError: another run is writing to this folder now."""
        if self.out is not None and self.rank == 0:
            from torch.utils.tensorboard import SummaryWriter  # takes a second to import: only where it is used

            self.alone.enter_context(alone_in(self.out))
            with self._unless_full():
                # what a run that was killed drew after its checkpoint is not shown; the checkpoint's own step is
                self.curves = SummaryWriter(str(self.out), purge_step=self.state.step + 1)
        return self

    def __exit__(self, *failure: object) -> None:
        with self.alone:
            if self.curves:
                with self._unless_full():
                    self.curves.close()

    @property
    def seconds(self) -> float:
        """Time spent in the loop, before it was resumed too."""
        return self.state.seconds + time.perf_counter() - self.began

    def log(self, loss: float, accuracy: float, rate: float) -> None:
        """The step that is done: its loss, its accuracy without the margin, and the images a second since the last."""
        done, now = self.state.step, time.perf_counter()
        speed = self.config.batch * (done - self.logged) / (now - self.since)
        self.since, self.logged = now, done
        values = {"loss": loss, "accuracy": accuracy, "lr": rate, "speed": speed}
        self.run.history.append({"step": done, **values})
        self.say(f"step {done:,}: loss {loss:.4f}, accuracy {accuracy:.3f}, lr {rate:.4g}, {speed:,.0f} images/s")
        self._draw("train", values)

    def validate(self, asked: Callable[[], bool]) -> bool:
        """Verify held-out people, and say whether the accuracy is the best so far.

        Args:
            asked: whether this process was asked to stop. What asked may have ended the processes that read too: then
                the run goes without this validation.
        """
        if self.held_out is None:
            return False
        # one process's verdict for all: whether to save must not depend on the last digit
        verdict = self._verdict(self.held_out, asked) if self.rank == 0 else None
        accuracy, error = distributed.agree(verdict, self.device)
        if math.isnan(accuracy):
            return False
        improved, self.state.best = accuracy > self.state.best, max(self.state.best, accuracy)
        done = self.state.step
        self.run.validation.append({"step": done, "accuracy": accuracy, "standard_error": error})
        self.say(f"step {done:,}: {accuracy:.4f} ± {error:.4f} on pairs of {self.held_out.people} held-out people")
        self._draw("validation", {"accuracy": accuracy})
        return improved

    def save(self, improved: bool, ends: bool) -> None:
        """Write `last.pt`, and `best.pt` before it if the run has never been better.

        Args:
            improved: whether it has not.
            ends: whether the run ends here.

        Raises:
            CheckpointError: at the end; earlier, hours of work are worth more than one checkpoint.
        """
        if self.out is None:
            return
        state = self.state.to_dict(self.config, self.seconds)  # with the other processes
        if self.rank > 0:
            return
        self.out.mkdir(parents=True, exist_ok=True)
        failed: checkpoint.CheckpointError | None = None
        for name in ("best.pt", "last.pt") if improved else ("last.pt",):  # one may fit where two do not
            try:
                checkpoint.save(self.out / name, state)
            except checkpoint.CheckpointError as error:
                failed = failed or error
        if failed is not None and ends:
            raise failed
        if failed is not None:
            self.say(f"step {self.state.step:,}: {failed}; training goes on")

    def done(self) -> Run:
        """The finished run."""
        self.run.seconds = self.seconds
        self.run.network.eval()
        self.run.head.eval()
        return self.run

    def _verdict(self, held_out: HeldOut, asked: Callable[[], bool]) -> tuple[float, float]:
        """Accuracy and its standard error; NaN where the processes that read were asked to stop as well."""
        try:
            found = held_out.verify(self.state.network)
        except READERS_GONE:
            if not asked():
                raise
            self.say(f"step {self.state.step:,}: no validation, the processes that read were asked to stop too")
            return math.nan, math.nan
        return found.accuracy, found.standard_error

    def _draw(self, group: str, values: dict[str, float]) -> None:
        if self.curves:
            with self._unless_full():
                for name, value in values.items():
                    self.curves.add_scalar(f"{group}/{name}", value, self.state.step)

    @contextmanager
    def _unless_full(self) -> Iterator[None]:
        """Hours of work are worth more than curves: where they cannot be written they end, and training goes on."""
        try:
            yield
        except OSError as error:
            self.curves = None
            self.say(f"step {self.state.step:,}: no more curves for TensorBoard: {error}; training goes on")
