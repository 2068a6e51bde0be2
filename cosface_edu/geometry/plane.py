"""Features and class centres of two numbers each: their directions, and the gaps between neighbouring classes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def angles_of(vectors: NDArray[Any]) -> Array:
    """Direction of two-dimensional vectors (..., 2), radians in (-π, π].

    Args:
        vectors: (..., 2).

    Returns:
        (...) in radians.
    """
    return np.arctan2(vectors[..., 1].astype(np.float64), vectors[..., 0].astype(np.float64))


def wrap(angles: Array) -> Array:
    """Angles brought to [-π, π).

    Args:
        angles: radians, any shape.

    Returns:
        The same shape.
    """
    return (angles + np.pi) % (2 * np.pi) - np.pi


def around_the_circle(centres: NDArray[Any]) -> NDArray[np.int64]:
    """Classes in the counter-clockwise order of their centres; the last one's neighbour is the first.

    Args:
        centres: (C, 2).

    Returns:
        (C,) numbers of the classes.
    """
    return np.argsort(angles_of(centres))


def centre_gaps(centres: NDArray[Any]) -> Array:
    """Angles between neighbouring class centres.

    Args:
        centres: (C, 2).

    Returns:
        (C,) radians, in the order of `around_the_circle`; they add up to 2π.
    """
    angles = angles_of(centres)[around_the_circle(centres)]
    return np.diff(angles, append=angles[0] + 2 * np.pi)


def cloud_gaps(features: NDArray[Any], labels: NDArray[Any], centres: NDArray[Any], edge: float = 0.05) -> Array:
    """Angles of the empty space between the sample clouds of neighbouring classes.

    A cloud is the middle 90 % of a class by angle: it reaches from the 5th to the 95th percentile of its samples'
    signed angles to their own class centre. The gap between two neighbours is what lies between the upper edge of one
    and the lower edge of the next; it is negative where the clouds overlap. Since the gaps and the widths of the clouds
    fill the circle, the mean gap is 2π/C minus the mean width.

    Args:
        features: (N, 2).
        labels: (N,).
        centres: (C, 2).
        edge: share of a class that is left out on either side.

    Returns:
        (C,) radians, in the order of `around_the_circle`.
    """
    order = around_the_circle(centres)
    offsets = wrap(angles_of(features) - angles_of(centres)[labels])  # (N,)
    below, above = np.array([np.quantile(offsets[labels == c], [edge, 1 - edge]) for c in order]).T  # (C,), (C,)
    return centre_gaps(centres) - above + np.roll(below, -1)
