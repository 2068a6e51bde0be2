"""Losses: rules on a cosine (`margins`), heads that hold the class centres (`heads`), schedules."""

from typing import Any

from torch import nn

from .heads import LMCL, NSL, AMSoftmax, ArcFace, ASoftmax, CombinedMargin, CosFace, Head, Softmax
from .margins import AdditiveAngle, AdditiveCosine, Combined, MultiplicativeAngle, NoMargin, Rule
from .schedules import LambdaAnnealing, MarginWarmUp

_HEADS: dict[str, type[nn.Module]] = {
    "softmax": Softmax,
    "nsl": NSL,
    "asoftmax": ASoftmax,
    "cosface": CosFace,
    "lmcl": LMCL,
    "amsoftmax": AMSoftmax,
    "arcface": ArcFace,
    "combined": CombinedMargin,
}


def available() -> list[str]:
    """Names that `create` knows."""
    return list(_HEADS)


def create(name: str, *, in_features: int, num_classes: int, **options: Any) -> nn.Module:
    """A head by its name.

    Args:
        name: one of `available()`.
        in_features: D, length of an embedding.
        num_classes: C.
        **options: the head's own arguments, such as s and m.

    Returns:
        The head, an nn.Module: head(features, labels) is the loss.

    Raises:
        ValueError: for an unknown name.
    """
    if name not in _HEADS:
        raise ValueError(f"name must be one of {', '.join(available())}; got {name!r}")
    return _HEADS[name](in_features, num_classes, **options)


__all__ = [
    "LMCL",
    "NSL",
    "AMSoftmax",
    "ASoftmax",
    "AdditiveAngle",
    "AdditiveCosine",
    "ArcFace",
    "Combined",
    "CombinedMargin",
    "CosFace",
    "Head",
    "LambdaAnnealing",
    "MarginWarmUp",
    "MultiplicativeAngle",
    "NoMargin",
    "Rule",
    "Softmax",
    "available",
    "create",
]
