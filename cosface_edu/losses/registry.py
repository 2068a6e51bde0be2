"""Losses by name: what `create`, the command line, the figures and the tests know of them.

A loss registers itself, with its card, in the file that it stands in; the files of this package are found by being
there. One's own loss does the same in one's own file, and is then named `module:Class` or by its name:

    from cosface_edu.losses import Head, Setting, register

    @register("mine", title="My loss")
    class Mine(Head):
        ...
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import nn

from cosface_edu import named, palette

from .head import Head
from .partial import PartialFC

Loss = TypeVar("Loss", bound=type[nn.Module])


@dataclass(frozen=True)
class Card:
    """What a reader is told of a loss.

    Attributes:
        name: what `create` calls it.
        loss: its class.
        title: what figures and tables call it.
        in_paper: what the CosFace paper's own tables and figures call it, and so their copies in the book.
        paper: key of the paper in the book's references.bib.
        colour: in figures, everywhere the same.
        aliases: other names that `create` knows it by.

    Example:
        >>> from cosface_edu.losses import card
        >>> card("cosface").paper, card("cosface").aliases
        ('wang2018cosface', ('lmcl', 'amsoftmax'))
    """

    name: str
    loss: type[nn.Module]
    title: str
    in_paper: str
    paper: str | None = None
    colour: str = palette.TEXT
    aliases: tuple[str, ...] = ()

    def takes(self, argument: str) -> bool:
        """Whether the loss has a setting of this name, such as s, m or annealing."""
        return argument in inspect.signature(self.loss).parameters


_CARDS: dict[str, Card] = {}


def register(
    name: str,
    *,
    title: str | None = None,
    in_paper: str | None = None,
    paper: str | None = None,
    colour: str = Card.colour,
    aliases: str | tuple[str, ...] = (),
) -> Callable[[Loss], Loss]:
    """A class decorator: from now on `create`, the command line and the figures know the loss.

    Args:
        name: what `create` and `--loss` call it.
        title: what figures and tables call it; the class's name by default.
        in_paper: what the CosFace paper calls it; the title by default.
        paper: key of its paper in references.bib.
        colour: its colour in figures, "#rrggbb".
        aliases: other names for the same loss, or one.

    Returns:
        The decorator, which hands the class back.

    Raises:
        ValueError: another loss has the name already. (The same class of the same module may be defined anew, as a
            notebook's cell does.)

    Example:
        >>> from cosface_edu.losses import Head, Setting, create, register
        >>> @register("named", title="One of my own")
        ... class Named(Head):
        ...     m = Setting(0.1, 0, 1, "a margin in cosine units")
        >>> create("named", in_features=8, num_classes=4).m
        0.1
    """

    aliases = (aliases,) if isinstance(aliases, str) else aliases  # a string is its letters otherwise

    def add(loss: Loss) -> Loss:
        for key in (name, *aliases):
            other = _CARDS.get(key)
            if other and (other.loss.__module__, other.loss.__qualname__) != (loss.__module__, loss.__qualname__):
                raise ValueError(f"the name {key!r} is taken by {other.loss.__module__}.{other.loss.__qualname__}")
        called = title or loss.__name__
        made = Card(name, loss, called, in_paper or called, paper, colour, aliases)
        _CARDS.update(dict.fromkeys((name, *aliases), made))
        return loss

    return add


def available() -> list[str]:
    """Names that `create` knows, other names of the same loss among them.

    Returns:
        Names in the order in which the losses registered themselves.

    Example:
        >>> from cosface_edu.losses import available
        >>> {"cosface", "lmcl", "amsoftmax"} <= set(available())  # three names of one loss
        True
    """
    return list(_CARDS)


def card(name: str) -> Card:
    """What is known of a loss.

    Args:
        name: one of `available()`, or `module:Class` for one's own: a `torch.nn.Module` made from in_features and
            num_classes, a `Head` if `train` is to train it. The module is looked for where Python looks, and in the
            current folder.

    Returns:
        Its card; a new one for a class that is not registered.

    Raises:
        ValueError: no such loss.

    Example:
        >>> from cosface_edu.losses import card
        >>> card("lmcl").title
        'CosFace'
        >>> card("arcface").takes("m")
        True
        >>> card("cosfase")
        Traceback (most recent call last):
            ...
        ValueError: name must be one of adacos, adaface, arcface, asoftmax, sphereface, ...
    """
    if name in _CARDS:
        return _CARDS[name]
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ValueError(f"name must be one of {', '.join(available())}, or module:Class for your own; got {name!r}")
    loss = named.find(module, attribute)
    if not (isinstance(loss, type) and issubclass(loss, nn.Module)):
        raise ValueError(f"{name}: {module} has no class {attribute!r} that is a torch.nn.Module")
    known = next((card for card in _CARDS.values() if card.loss is loss), None)
    return known or Card(name, loss, loss.__name__, loss.__name__)


def create(
    name: str, *, in_features: int, num_classes: int, sample_rate: float | None = None, **options: Any
) -> nn.Module:
    """A loss by its name.

    Args:
        name: one of `available()`, or `module:Class` for one's own.
        in_features: D, length of an embedding.
        num_classes: C.
        sample_rate: share of the classes that take part in a step (`PartialFC`); None for all.
        **options: the loss's own arguments, such as s, m and chunk_size.

    Returns:
        An nn.Module: loss(features, labels) is a scalar. Heads have `weight`, the class centres, and `logits`;
        losses on pairs have neither.

    Raises:
        ValueError: for an unknown name, or a sample_rate for a loss without class centres.

    Example:
        >>> from cosface_edu.losses import create
        >>> create("cosface", in_features=512, num_classes=10575, m=0.4)
        CosFace(in_features=512, num_classes=10575, s=64.0, rule=AdditiveCosine(m=0.4))
        >>> create("arcface", in_features=512, num_classes=10575, sample_rate=0.1).rate
        0.1
    """
    known = card(name)
    if known.takes("in_features"):  # losses on pairs have no sizes
        options = {"in_features": in_features, "num_classes": num_classes, **options}
    loss = known.loss(**options)
    if sample_rate is None:
        return loss
    if not isinstance(loss, Head):
        raise ValueError(f"sample_rate must be None for {name!r}, which has no class centres; got {sample_rate!r}")
    return PartialFC(loss, sample_rate)
