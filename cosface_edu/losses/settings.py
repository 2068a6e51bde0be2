"""Settings: the numbers and choices of a head, from which its constructor, its documentation and its checks are made.

    class CosFace(Head):
        s = Scale(64.0)
        m = Setting(0.35, 0, 2, "margin in cosine units")

A setting may be changed at any time (`head.m = 0.4`): it is checked, and the head is as if it had been made with it,
but for what it has learned and where that began. One that is `fixed` cannot be changed: parameters have their shape
from it.
"""

import inspect
import math
from typing import Any, Generic, Literal, Self, TypeVar, overload

from cosface_edu.checks import check_count, check_number

from .margins import BeyondPi

Value = TypeVar("Value")
Kind = TypeVar("Kind")


class Setting(Generic[Value]):
    """A number of a head.

    Args:
        default: value where none is given.
        low: least value.
        high: greatest value.
        text: what it is, for the documentation.
        allowed: what to say is allowed, where low and high do not say it.
        optional: whether None is allowed.
        easiest: the value that asks for least, where a margin's warm-up starts; None: the least.

    Example:
        >>> from cosface_edu.losses import Head, Setting
        >>> class Shifted(Head):
        ...     m = Setting(0.1, 0, 1, "a margin in cosine units")
        >>> head = Shifted(in_features=8, num_classes=4, m=0.2)
        >>> head.m = 3
        Traceback (most recent call last):
            ...
        ValueError: m must be a number between 0 and 1, got 3
    """

    annotation: Any = float
    fixed = False

    @overload
    def __init__(
        self: "Setting[float]",
        default: float,
        low: float = ...,
        high: float = ...,
        text: str = ...,
        allowed: str | None = ...,
        optional: Literal[False] = ...,
        easiest: float | None = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: "Setting[float | None]",
        default: float | None,
        low: float = ...,
        high: float = ...,
        text: str = ...,
        allowed: str | None = ...,
        *,
        optional: Literal[True],
        easiest: float | None = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: "Setting[Any]",
        default: Any,
        low: float = ...,
        high: float = ...,
        text: str = ...,
        allowed: str | None = ...,
        *,
        optional: bool,
        easiest: float | None = ...,
    ) -> None: ...

    def __init__(
        self,
        default: Any,
        low: float = 0,
        high: float = math.inf,
        text: str = "",
        allowed: str | None = None,
        optional: bool = False,
        easiest: float | None = None,
    ) -> None:
        self.default, self.low, self.high, self.text = default, low, high, text
        self.allowed, self.optional = allowed, optional
        self.easiest = low if easiest is None else easiest

    def check(self, value: Any) -> Any:
        """The value, as a number of Python's own.

        Raises:
            ValueError: it is not allowed.
        """
        return check_number(self.name, value, self.low, self.high, self.allowed)

    def parameter(self) -> inspect.Parameter:
        """This setting in the constructor's signature."""
        annotation = self.annotation | None if self.optional else self.annotation
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return inspect.Parameter(self.name, kind, default=self.default, annotation=annotation)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, head: None, owner: type) -> Self: ...

    @overload
    def __get__(self, head: object, owner: type | None = None) -> Value: ...

    def __get__(self, head: Any, owner: type | None = None) -> Any:
        return self if head is None else head.__dict__[f"_{self.name}"]

    def __set__(self, head: Any, value: Value) -> None:
        place = f"_{self.name}"
        before, after = head.__dict__.get(place), None if self.optional and value is None else self.check(value)
        if head.built and self.fixed and after != before:
            raise ValueError(f"{self.name} is {before} and gave the parameters their shape: make a new head")
        head.__dict__[place] = after
        if head.built:
            try:
                head.changed()
            except ValueError:
                head.__dict__[place] = before
                raise


class Scale(Setting[Value]):
    """The scale s of the cosines: a positive number, or None, where it is optional, for the embedding's own length.

    Args:
        default: value where none is given.
        optional: whether None is allowed.

    Example:
        >>> from cosface_edu.losses import CosFace, Scale
        >>> isinstance(CosFace.s, Scale), CosFace.s.default
        (True, 64.0)
        >>> CosFace(in_features=8, num_classes=4, s=-1)
        Traceback (most recent call last):
            ...
        ValueError: s must be a positive number, or None to keep ‖x‖, got -1
    """

    @overload
    def __init__(self: "Scale[float | None]", default: float | None, optional: Literal[True] = ...) -> None: ...

    @overload
    def __init__(self: "Scale[float]", default: float, optional: Literal[False]) -> None: ...

    def __init__(self, default: float | None, optional: bool = True) -> None:
        text = "length that embeddings are scaled to" + ("; None keeps their own length ‖x‖" if optional else "")
        allowed = "a positive number" + (", or None to keep ‖x‖" if optional else "")
        super().__init__(default, 1e-6, text=text, allowed=allowed, optional=optional)


class Count(Setting[Value]):
    """A whole number.

    Args:
        default: value where none is given.
        low: least value.
        text: what it is, for the documentation.
        optional: whether None is allowed.
        fixed: whether it cannot be changed once there are parameters, whose shape it gives.

    Example:
        >>> from cosface_edu.losses import Count, SubCenterArcFace
        >>> isinstance(SubCenterArcFace.sub_centers, Count), SubCenterArcFace.sub_centers.default
        (True, 3)
    """

    annotation = int

    @overload
    def __init__(
        self: "Count[int]",
        default: int,
        low: int = ...,
        text: str = ...,
        optional: Literal[False] = ...,
        fixed: bool = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: "Count[int | None]",
        default: int | None,
        low: int = ...,
        text: str = ...,
        *,
        optional: Literal[True],
        fixed: bool = ...,
    ) -> None: ...

    def __init__(
        self, default: int | None, low: int = 0, text: str = "", optional: bool = False, fixed: bool = False
    ) -> None:
        super().__init__(default, low, text=text, optional=optional)
        self.fixed = fixed

    def check(self, value: Any) -> int:
        """The value, as Python's own integer."""
        return check_count(self.name, value, int(self.low))


class Choice(Setting[Value]):
    """One of a few values.

    Args:
        default: value where none is given.
        among: all that are allowed.
        text: what it is, for the documentation.

    Example:
        >>> from cosface_edu.losses import SphereFaceR
        >>> SphereFaceR(in_features=8, num_classes=4, version=3)
        Traceback (most recent call last):
            ...
        ValueError: version must be 1 or 2, got 3
    """

    def __init__(self, default: Value, among: tuple[Value, ...], text: str) -> None:
        super().__init__(default, text=text, optional=False)
        self.among, self.annotation = among, type(default)

    def check(self, value: Any) -> Any:
        """The value, if it is among those allowed."""
        if value not in self.among:
            raise ValueError(f"{self.name} must be {_listed(self.among)}, got {value!r}")
        return self.among[self.among.index(value)]


class Given(Setting[Kind | None]):
    """An object that somebody else may give: None, or one of a class.

    Args:
        kind: its class.
        text: what it is, for the documentation.

    Example:
        >>> from cosface_edu.losses import ASoftmax
        >>> ASoftmax(in_features=8, num_classes=4, annealing=0.9)
        Traceback (most recent call last):
            ...
        ValueError: annealing must be None or a LambdaAnnealing, got 0.9
    """

    def __init__(self, kind: type[Kind], text: str) -> None:
        super().__init__(None, text=text, optional=True)
        self.annotation = kind

    def check(self, value: Any) -> Any:
        """The value, if it is of the class."""
        if not isinstance(value, self.annotation):
            raise ValueError(f"{self.name} must be None or a {self.annotation.__name__}, got {value!r}")
        return value


def beyond_pi(text: str = "for an angle with its margin past π: see `margins.cos_beyond_pi`") -> Choice[BeyondPi]:
    """The choice that all losses with an angular margin offer.

    Args:
        text: what it is, for the documentation.

    Returns:
        A setting, monotone by default.

    Example:
        >>> from cosface_edu.losses import ArcFace
        >>> ArcFace.beyond_pi.among
        ('monotone', 'exact', 'straight-through')
    """
    return Choice("monotone", ("monotone", "exact", "straight-through"), text)


def settings_of(kind: type) -> dict[str, Setting[Any]]:
    """The settings of a class by name, in the constructor's order: the inherited ones first, a redeclared one in its
    new place, `chunk_size` last. A class that gives a setting a plain value takes it away from the constructor.
    """
    found: dict[str, Setting[Any]] = {}
    for base in reversed(kind.__mro__):
        for name, value in vars(base).items():
            found.pop(name, None)
            if isinstance(value, Setting):
                found[name] = value
    if "chunk_size" in found:
        found["chunk_size"] = found.pop("chunk_size")
    return found


def signature_of(settings: dict[str, Setting[Any]]) -> inspect.Signature:
    """The constructor's signature: sizes, then the settings."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    sizes = [inspect.Parameter(name, kind, annotation=int) for name in ("in_features", "num_classes")]
    return inspect.Signature([*sizes, *(setting.parameter() for setting in settings.values())])


def documentation(settings: dict[str, Setting[Any]]) -> str:
    """The part of a docstring that says what the constructor takes."""
    lines = ["Args:", "    in_features: D, length of an embedding.", "    num_classes: C, at least 2."]
    return "\n".join([*lines, *(f"    {name}: {setting.text}." for name, setting in settings.items())])


def _listed(values: tuple[Any, ...]) -> str:
    texts = [f'"{v}"' if isinstance(v, str) else str(v) for v in values]
    return f"{', '.join(texts[:-1])} or {texts[-1]}"
