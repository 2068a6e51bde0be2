"""Where to compute: a device by its name, asked for before any work is done."""

import torch


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
