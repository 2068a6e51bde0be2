"""Networks by name, and what a training run needs to know of any of them."""

import inspect
import os
import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, get_type_hints

from torch import nn

from cosface_edu import named

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


def create(name: str, /, **options: Any) -> nn.Module:
    """Build a network by name.

    One's own network is a class, or a function that says by its annotation that it returns one, so that a slip in the
    name calls nothing else. That is no guard against a stranger: `module:callable` imports the module and calls what
    it names, so it comes from you, and never from a file alone; see `load`.

    Args:
        name: one of `available()`, or `module:callable` for one's own: a subclass of `torch.nn.Module`, or a function
            annotated to return one. The module is looked for where Python looks, and in the current folder.
        **options: what that network's own function takes. `train` gives each network `embedding` and `size`, the
            (height, width) of its images, and what stands in `network_options`.

    Returns:
        The network: (B, 3, H, W) normalised images to (B, D) embeddings. Its attribute `recipe` holds the name and
        all options, defaults too (of one's own network those given), so that a file of its weights can say what they
        belong to.

    Raises:
        ValueError: if there is no network of that name, or it does not take these options.
    """
    if ":" in name:
        network = _called(name, _own(name), options)
        network.recipe = {"name": name, "options": options}  # type: ignore[assignment]
        return network
    if name not in _FACTORIES:
        choices = ", ".join(available())
        raise ValueError(f"there is no network {name!r}: choose one of {choices}, or module:callable for your own")
    signature = inspect.signature(_FACTORIES[name])
    try:
        bound = signature.bind(**options)
    except TypeError as error:
        raise ValueError(f"{name}: {error}; it takes {signature}") from error
    bound.apply_defaults()
    network = _called(name, _FACTORIES[name], options)
    network.recipe = {"name": name, "options": dict(bound.arguments)}  # type: ignore[assignment]
    return network


def _called(name: str, factory: Callable[..., nn.Module], options: Mapping[str, Any]) -> nn.Module:
    """The network; what its function cannot take, by name or by kind, is the options' fault."""
    try:
        return factory(**options)
    except (TypeError, RuntimeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{name} with the options {dict(options)}: {reason}") from error


def check_own(name: str, own: Collection[str], path: str | os.PathLike[str]) -> None:
    """Refuse a file that names code which nobody here has named: a stranger's file decides on no import and no call.

    Args:
        name: of the network, as the file has it.
        own: each `module:callable` that whoever opens the file has named.
        path: the file's, for the error.

    Raises:
        ValueError: if the name is `module:callable` and not among them, before anything is imported.
    """
    own = [own] if isinstance(own, str) else own  # a part of a string would be in it too
    if ":" in name and name not in own:
        remedy = "No code has such a name: do not open the file"
        if re.fullmatch(r"[\w.]+:[\w.]+", name):  # nothing that a shell would run, as the line may be copied there
            remedy = (
                f"If you know that code and trust it, name it yourself: --own-network {name}, in Python "
                f"own=[{name!r}]; for a run that starts from it, --network {name}"
            )
        raise ValueError(
            f"{path}: holds a network of somebody's own and names {name!r} as what builds it, which would be imported "
            f"and called with the file's options. {remedy}"
        )


def _own(name: str) -> Callable[..., nn.Module]:
    """What makes somebody's own network. It is asked what it makes before it is called."""
    module, _, attribute = name.partition(":")
    factory = named.find(module, attribute) if module and attribute else None
    if not callable(factory):
        raise ValueError(f"{name}: wanted module:callable, and there is no such callable")
    try:
        made = factory if isinstance(factory, type) else get_type_hints(factory).get("return")
    except (NameError, AttributeError, TypeError):  # names of type checkers alone, or no annotations
        made = None
    if not (isinstance(made, type) and issubclass(made, nn.Module)):
        raise ValueError(
            f"{name}: neither a subclass of torch.nn.Module nor annotated to return one: write 'def {attribute}("
            "embedding, size) -> nn.Module'"
        )
    return factory


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
