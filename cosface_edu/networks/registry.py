"""Networks by name, and what a training run needs to know of any of them."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from .iresnet import BLOCKS as IRESNET_DEPTHS
from .iresnet import iresnet
from .mobilefacenet import mobilefacenet
from .small import small
from .sphereface import BLOCKS as SPHEREFACE_DEPTHS
from .sphereface import sphereface
from .toy import toy

_FACTORIES: dict[str, Callable[..., nn.Module]] = {
    **{f"sphereface{depth}": partial(sphereface, depth) for depth in SPHEREFACE_DEPTHS},
    **{f"iresnet{depth}": partial(iresnet, depth) for depth in IRESNET_DEPTHS},
    "mobilefacenet": mobilefacenet,
    "small": small,
    "toy": toy,
}


def available() -> list[str]:
    """The names that `create` knows."""
    return list(_FACTORIES)


def create(name: str, **options: Any) -> nn.Module:
    """Build a network by name.

    Args:
        name: one of `available()`.
        **options: what that network's own function takes, such as `embedding` and `size`.

    Returns:
        The network: (B, 3, H, W) normalised images to (B, D) embeddings. Its attribute `recipe` holds the name and
        all options, defaults too, so that a file of its weights can say what they belong to.

    Raises:
        ValueError: if there is no network of that name, or it has no such option.
    """
    if name not in _FACTORIES:
        raise ValueError(f"there is no network {name!r}: choose one of {', '.join(available())}")
    signature = inspect.signature(_FACTORIES[name])
    try:
        bound = signature.bind(**options)
    except TypeError as error:
        raise ValueError(f"{name}: {error}; it takes {signature}") from error
    bound.apply_defaults()
    network = _FACTORIES[name](**options)
    network.recipe = {"name": name, "options": dict(bound.arguments)}  # type: ignore[assignment]
    return network


def parameter_groups(network: nn.Module, lr: float, weight_decay: float) -> list[dict[str, Any]]:
    """Parameter groups by SphereFace's solver: a bias learns twice as fast as the weights and does not decay.

    Biases are those of convolutions and linear layers. PReLU slopes and batch normalisation go with the weights,
    and parameters that do not train are left out.

    Args:
        network: any network.
        lr: learning rate of the weights.
        weight_decay: weight decay of the weights.

    Returns:
        Two groups for a `torch.optim` optimiser (one if there are no biases). A scheduler that multiplies each
        group's rate keeps the factor of two.
    """
    biases = [
        module.bias
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None and module.bias.requires_grad
    ]
    apart = {id(bias) for bias in biases}
    weights = [p for p in network.parameters() if p.requires_grad and id(p) not in apart]
    groups: list[dict[str, Any]] = [{"params": weights, "lr": lr, "weight_decay": weight_decay}]
    if biases:
        groups.append({"params": biases, "lr": 2 * lr, "weight_decay": 0.0})
    return groups
