"""What the bounds say of somebody's own data: which s and which m to try first, and what the loss begins with."""

import html
import math
import textwrap
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosface_edu.checks import check_count
from cosface_edu.losses.limits import max_margin

from .bounds import min_scale

P = 0.99  # the posterior that the scales below are for
FIRST_M = 0.2  # a first margin, where there is room for it
SHARE = 0.7  # of the room, where there is not: pictures spread about their centres
OFF = math.pi / 4  # a picture's angle to its own centre, the one that AdaCos' fixed scale stands for
CELLS = 8000  # of the angle from 0 to π, in `_angles`
MOST = 1_000_000  # of each count


@dataclass(frozen=True)
class Try:
    """A setting to train with.

    Attributes:
        s: scale.
        m: margin, in cosine.
        start: loss of the first steps, see `random_start_loss`.
    """

    s: float
    m: float
    start: float


@dataclass(frozen=True)
class Advice:
    """What is known of s and m before anything has been trained.

    Attributes:
        people: C, the classes.
        features: D, the length of a feature.
        pictures: of each person.
        largest_m: no arrangement of the centres leaves room for more, see `margin_room`.
        scale_without: least s at which every centre can reach a posterior of 0.99, m = 0.
        scale_with: the same with the first margin.
        scale_off: s at which a picture 45° off its centre does, with the first margin, the other centres at 90°; None
            where they are too crowded for that.
        adacos: AdaCos' fixed scale √2·ln(C-1), at which a picture 45° off has a posterior of 0.5; None for two people.
        tries: no margin, the first margin, and the first margin at twice the scale.
    """

    people: int
    features: int
    pictures: int
    largest_m: float
    scale_without: float
    scale_with: float
    scale_off: float | None
    adacos: float | None
    tries: tuple[Try, Try, Try]

    @property
    def images(self) -> int:
        """Pictures of all people."""
        return self.people * self.pictures

    def rows(self) -> list[tuple[str, str, str]]:
        """The advice as lines of a table: what, how much, and what it means."""
        plain, first, sharper = self.tries
        m = _short(first.m)
        adacos, off = ("–" if value is None else f"{value:.1f}" for value in (self.adacos, self.scale_off))
        return [
            ("pictures in all", f"{self.images:,}", "no bound depends on them; what is learned does"),
            ("m at most", _short(self.largest_m), "even the best arrangement of centres has no room for more"),
            (
                "s at least, m = 0",
                f"{self.scale_without:.1f}",
                "below it some centre never reaches a posterior of 0.99",
            ),
            (f"s at least, m = {m}", f"{self.scale_with:.1f}", "the same with the first margin below"),
            (
                f"s for 45°, m = {m}",
                off,
                "a posterior of 0.99 at 45° off the centre, others at 90°",
            ),
            ("AdaCos' fixed s", adacos, "a posterior of 0.5 at 45° off the centre, no margin"),
            ("try first", _setting(plain), f"no margin, to compare with; the loss begins near {plain.start:.1f}"),
            ("then", _setting(first), f"the loss begins near {first.start:.1f}"),
            ("then", _setting(sharper), f"the loss begins near {sharper.start:.1f}"),
        ]

    def head(self) -> str:
        """The question in a line."""
        return f"{self.people:,} people, {self.features:,} features, {self.pictures:,} pictures of each person"

    def __str__(self) -> str:
        """A table in plain text, 80 columns wide: the last column goes on below itself."""
        rows = self.rows()
        wide = [max(len(row[column]) for row in rows) for column in (0, 1)]
        before = sum(wide) + 4
        lines = [
            textwrap.fill(f"{what:{wide[0]}}  {much:>{wide[1]}}  {means}", 80, subsequent_indent=" " * before)
            for what, much, means in rows
        ]
        return "\n".join([self.head(), *lines])

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th>{html.escape(what)}</th><td>{html.escape(much)}</td><td>{html.escape(means)}</td></tr>"
            for what, much, means in self.rows()
        )
        return f"<table><caption>{html.escape(self.head())}</caption>{cells}</table>"


def advise(*, people: int, features: int, pictures: int) -> Advice:
    """Which s and m to try first for some data, and what the bounds say about them.

    Nothing of it is measured on data, and `pictures` changes no bound. The first margin is 0.2, or 0.7 of the room
    where there is less (our choice). A try's scale is the larger of AdaCos' and of the least one for a posterior of
    0.99, rounded up (our choice).

    Args:
        people: number of classes C, from 2.
        features: length D of a feature, from 2.
        pictures: of each person, from 1.

    Raises:
        ValueError: for anything but whole numbers from these on, up to a million.
    """
    people, features = check_count("people", people, 2, MOST), check_count("features", features, 2, MOST)
    pictures = check_count("pictures", pictures, 1, MOST)
    room = margin_room(people, features)
    m = FIRST_M if SHARE * room >= FIRST_M else float(f"{SHARE * room:.2g}")
    without, with_m = (scale_for_all(people, features, P, margin) for margin in (0.0, m))
    adacos = math.sqrt(2) * math.log(people - 1) if people > 2 else None

    def one(s: float, margin: float) -> Try:
        return Try(s, margin, random_start_loss(people, s, margin, features))

    s_plain, s_first = (float(math.ceil(max(least, adacos or 0))) for least in (without, with_m))
    return Advice(
        people=people,
        features=features,
        pictures=pictures,
        largest_m=room,
        scale_without=without,
        scale_with=with_m,
        scale_off=math.log((people - 1) * P / (1 - P)) / (math.cos(OFF) - m) if room >= math.cos(OFF) else None,
        adacos=adacos,
        tries=(one(s_plain, 0.0), one(s_first, m), one(2 * s_first, m)),
    )


def margin_room(C: int, D: int) -> float:
    """`max_margin`, sharper for many classes in few dimensions: the caps round the centres must not overlap.

    C caps of half the least angle between centres have room on the sphere only if one of them is at most a C-th of it.

    Args:
        C: number of classes, ≥ 2.
        D: dimensions, ≥ 2.

    Returns:
        An upper bound on m, in cosine units.
    """
    bound = max_margin(C, D)
    if C <= 2 * D or D == 2:
        return bound  # exact
    angles, share = _angles(D)
    half = angles[_from_the_top(share, C).argmax()]  # the middle of the cell in which the cap is full
    return min(bound, 1 - math.cos(min(2 * half + math.pi / CELLS, math.pi)))


def scale_for_all(C: int, D: int, P: float, m: float = 0.0) -> float:
    """Least s without which some class centre stays below posterior P, in D dimensions (our derivation).

    Two things are needed. The mean over a simplex (`min_scale`, the paper's Eq. 6 with m), and, as some centre has a
    neighbour at a cosine of 1 - M or more, M the room for a margin: P ≤ 1 / (1 + e^{-s(M-m)}), whence
    s ≥ ln(P/(1-P)) / (M - m).

    Args:
        C: number of classes, ≥ 2.
        D: dimensions, ≥ 2.
        P: posterior, in (1/2, 1).
        m: cosine margin.

    Returns:
        s; infinity where m leaves no room.
    """
    room = margin_room(C, D)
    if m >= room * (1 - 1e-4):  # a bound is quoted with four digits
        return math.inf
    return max(min_scale(C, P, m), math.log(P / (1 - P)) / (room - m))


def random_start_loss(C: int, s: float, m: float, D: int) -> float:
    """CosFace's loss with features and centres in random directions: what the first steps of training show.

    `start_loss` takes all cosines as 0. Their spread is about 1/√D, and the largest of the others counts most, so that
    the loss begins higher, the more so for a large s in few dimensions. The mean of Σ_{j≠y} e^{s·cosθ_j} is taken over
    the cosines that C-1 random centres reach at all: those with an expected number of one or more beyond them.

    Args:
        C: number of classes, ≥ 2.
        s: scale.
        m: cosine margin.
        D: dimensions, ≥ 2.

    Returns:
        The loss in nats, an approximation.
    """
    angles, share = _angles(D)
    cos = np.cos(angles)
    reached = _from_the_top(share, 2 * (C - 1))  # the largest of C-1 has its median near there
    others = math.log(C - 1) + _log_mean(s * cos[reached], share[reached])
    return float(share @ np.logaddexp(0, s * m + others - s * cos))


def _angles(D: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Angles between two random directions in D dimensions and the probability of each: (CELLS,), (CELLS,).

    The density is proportional to sin^{D-2}θ.
    """
    angles = (np.arange(CELLS) + 0.5) * math.pi / CELLS
    share = np.sin(angles) ** (D - 2)
    return angles, share / share.sum()


def _from_the_top(share: NDArray[np.float64], parts: int) -> NDArray[np.bool_]:
    """Angles from the one on within which a part of the probability lies; rounding does not choose the cell."""
    return np.cumsum(share) >= (1 - 1e-9) / parts


def _log_mean(x: NDArray[np.float64], share: NDArray[np.float64]) -> float:
    """ln Σ share·e^x."""
    top = x.max()
    return float(top + math.log(share @ np.exp(x - top)))


def _short(value: float) -> str:
    """Two decimals, or two digits of what is smaller."""
    return f"{value:.{max(2, 1 - math.floor(math.log10(value)))}f}"


def _setting(one: Try) -> str:
    return f"s = {one.s:.0f}, m = {_short(one.m) if one.m else '0'}"
