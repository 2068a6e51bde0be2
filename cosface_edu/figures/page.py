"""What every chapter begins and ends with: seeds and figure settings first, the measured time and machine last."""

import inspect
import os
import random
import re
import textwrap
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from IPython.display import HTML, Markdown, display

from cosface_edu.experiments import record
from cosface_edu.experiments.closure import docstrings

OTHERWISE = (
    "**This machine got another result than the text tells of.** Processors round differently, and for a training that "
    "is like another seed. The numbers are this machine's; the conclusions around them were drawn from another run."
)

_started = 0.0


def hardware() -> str:
    """One line that says what a number was measured on: device, threads, torch version."""
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name()
    else:
        device = f"{record.processor()}, {os.cpu_count()} logical cores, {torch.get_num_threads()} torch threads"
    return f"{device}; torch {torch.__version__.partition('+')[0]}"


def begin(seed: int = 0) -> torch.device:
    """Fix the seeds, set the figures for light and dark pages, start the chapter's clock.

    Args:
        seed: for Python, NumPy and torch; said on the page.

    Returns:
        The device that the chapter's cells use: a GPU where there is one.
    """
    global _started
    _started = time.perf_counter()
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    _figure_settings()
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _figure_settings() -> None:
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    from cosface_edu.figures import style

    # Two pixels per CSS pixel: sharp on phones and laptops, and still a small file.
    set_matplotlib_formats("retina")
    style.apply()


def end() -> None:
    """Show how long the chapter's cells took, and on what: measured, not guessed."""
    seconds = time.perf_counter() - _started
    display(
        HTML(
            f'<p class="measured"><strong>Measured:</strong> the cells of this page ran in {seconds:.1f} s '
            f"on {hardware()}. Results kept from an earlier run of the same code count as read, not trained.</p>"
        )
    )


def ours(text: str, holds: bool) -> Markdown:
    """What a training on this page found, and a line that says so where it is not what the text around it says.

    A page whose cells train is not of one machine: an assertion would end it on a processor that rounds otherwise.

    Args:
        text: Markdown, with the numbers of this run.
        holds: whether these bear out the text.
    """
    return Markdown(text if holds else f"{text}\n\n{OTHERWISE}")


def provenance(found: Mapping[str, Any]) -> str:
    """What a page says of a record that it draws: command, commit, date, machine, and what a reader must know besides.

    Args:
        found: of `experiments.record.load`.

    Returns:
        Sentences, as Markdown.
    """
    machine, command, commit, seconds = (found[name] for name in ("hardware", "command", "commit", "seconds"))
    device = machine["gpu"] or f"{machine['processor']}, {machine['cores']} cores, threads a run: {machine['threads']}"
    by = f" by `{command}`" if command else ", **by hand: no command makes it again**"
    changed = " with changes" if commit and commit.endswith("+") else ""
    at = f", commit {commit[:7]}{changed}" if commit else ", commit not recorded"
    time = "" if seconds is None else f", in {duration(seconds)}"
    says = f"Recorded on {found['date']}{by}{at} ({device}, torch {found['versions']['torch']}){time}."
    if found["parents"]:
        says += f" **Put together**: runs come from {' and '.join(found['parents'])}."
    if others := sorted({one[:7] for one in record.said(found, "commit") if one} - {(commit or "")[:7]}):
        says += f" Rows that other calls made are of commit {' and '.join(others)}."
    note = re.sub(r"--\w+", r"`\g<0>`", found["note"])  # as code: else two hyphens are set as a dash
    return says + (f" Note: {note}." if note else "")


def duration(seconds: float, minute: str = "minutes", second: str = "seconds") -> str:
    """A time in words, in minutes from a minute and a half on.

    Args:
        seconds: how long.
        minute: what minutes are called.
        second: what seconds are called.
    """
    return f"{seconds / 60:.0f} {minute}" if seconds >= 90 else f"{seconds:.0f} {second}"


def source(thing: Callable | type) -> None:
    """Show the package's own source of a function or class, so that the page cannot drift from the code.

    Docstrings are left out: the page itself explains.

    Args:
        thing: a function or a class of the package.
    """
    module = inspect.getmodule(thing)
    name = getattr(thing, "__qualname__", str(thing))
    where = f"{module.__name__}.{name}" if module else name
    display(Markdown(f"`{where}`\n\n```python\n{_without_docstrings(inspect.getsource(thing))}\n```"))


def _without_docstrings(code: str) -> str:
    code = textwrap.dedent(code)
    said = {number for numbers, alone in docstrings(code) if not alone for number in numbers}
    return "\n".join(line for number, line in enumerate(code.splitlines()) if number not in said)
