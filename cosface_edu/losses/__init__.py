"""Losses, one file each: what it does to a cosine (its rule), its head, its card. Shared parts have files of their own.

`head` holds the class centres and is the one way to the loss, `settings` make the constructors, `registry` knows every
loss by name, `margins` is the base of the rules, `fused` computes the softmax over margin scores with its gradient,
`partial` samples classes, `schedules` change a loss in training, `limits` and `checks` refuse or warn of what cannot
work. A new loss is one more file here: it is found by being there.
"""

import importlib
import pkgutil
from typing import Any

from torch import nn

from .fused import Scores
from .head import Batch, Head
from .limits import max_margin
from .margins import NoMargin, Rule
from .partial import PartialFC, sample_classes
from .registry import Card, available, card, create, register
from .schedules import LambdaAnnealing, MarginWarmUp
from .settings import Choice, Count, Given, Scale, Setting

__all__ = [
    "Batch",
    "Card",
    "Choice",
    "Count",
    "Given",
    "Head",
    "LambdaAnnealing",
    "MarginWarmUp",
    "NoMargin",
    "PartialFC",
    "Rule",
    "Scale",
    "Scores",
    "Setting",
    "available",
    "card",
    "create",
    "max_margin",
    "register",
    "sample_classes",
]


def _gather() -> None:
    """Every loss and every rule that a file of this package defines, under its own name."""
    for found in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{found.name}")
        for name, value in vars(module).items():
            own = isinstance(value, type) and value.__module__ == module.__name__ and not name.startswith("_")
            if own and issubclass(value, (nn.Module, Rule)) and name not in globals():
                globals()[name] = value
                __all__.append(name)


_gather()


def __getattr__(name: str) -> Any:
    """For type checkers, which do not see what `_gather` found."""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
