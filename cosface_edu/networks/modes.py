"""Evaluation mode for a while."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def evaluating(network: nn.Module | Callable[..., Any]) -> Iterator[None]:
    """Evaluation mode inside the block; afterwards every submodule is in the mode that it was in.

    `network.train()` would set them all, and so thaw batch normalisation that a training loop has frozen. The modes
    belong to the network: threads that share one call `.eval()` once, before they begin.

    Args:
        network: a network; what is no `nn.Module` has no modes and is left alone.

    Example:
        >>> from cosface_edu import networks
        >>> network = networks.toy()
        >>> frozen = network.convolutions.eval()  # in a network that trains
        >>> with networks.evaluating(network):
        ...     network.training
        False
        >>> network.training, frozen.training
        (True, False)
    """
    modules = list(network.modules()) if isinstance(network, nn.Module) else []
    modules = [module for module in modules if hasattr(module, "training")]  # TorchScript's frozen ones have no mode
    modes = [module.training for module in modules]
    if isinstance(network, nn.Module) and hasattr(network, "training"):
        try:
            network.eval()
        except NotImplementedError:  # one of torch.export stays in the mode that it was exported in
            for module in modules:
                module.training = False
    try:
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
