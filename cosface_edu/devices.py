"""Where to compute: a device by its name, asked for before any work is done, and how many cores there are."""

import os
import sys

import torch

_WINDOWS = 61  # a process of Windows waits for no more others


def cores() -> int:
    """How many processes may work side by side: the cores that this process may use."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(own, _WINDOWS) if sys.platform == "win32" else own


def device_named(name: str) -> torch.device:
    """A device of this machine.

    Args:
        name: 'cpu', 'cuda', 'cuda:1' or 'mps'.

    Raises:
        ValueError: no such device here; the message names those that there are.
    """
    here = ["cpu"]
    if torch.cuda.is_available():
        here += ["cuda", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        here.append("mps")
    if name not in here:
        raise ValueError(f"device must be one that is here: {', '.join(here)}; got {name!r}")
    return torch.device(name)
