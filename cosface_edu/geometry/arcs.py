"""Decision boundaries and margins, computed from the rules by root finding.

Two class centres W1 and W2 lie φ apart. A sample between them at angle θ1 from W1 is θ2 = φ - θ1 from W2. Training
counts it as class 1 once `target(cosθ1) ≥ others(cosθ2)`; equality is the boundary of class 1. Where nothing on the arc
between the two satisfies a margin, samples beyond W1 may: θ2 = φ + θ1 there, and `accepted_arcs` looks all around.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from cosface_edu.losses.margins import Rule

Array = NDArray[np.float64]


def _bisect(f: Callable[[Tensor], Tensor], low: Tensor, high: Tensor) -> Tensor:
    """Root of a falling f between low and high, elementwise; NaN where f has no change of sign."""
    has_root = (f(low) >= -1e-12) & (f(high) <= 1e-12)
    for _ in range(60):  # 60 halvings: below the spacing of float64
        middle = (low + high) / 2
        above = f(middle) > 0
        low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    return torch.where(has_root, (low + high) / 2, torch.nan)


def edge_on_arc(rule: Rule, phi: ArrayLike, ratio: float = 1.0) -> Array:
    """Angle from W1 to the boundary of class 1, along the arc that joins W1 to W2.

    Args:
        rule: a rule of `cosface_edu.losses.margins`.
        phi: angles between W1 and W2, radians, in (0, π], any shape.
        ratio: ‖W2‖/‖W1‖, for the softmax loss whose centres are not normalised.

    Returns:
        Radians, the shape of phi; NaN where nothing on this arc, not even W1, satisfies the margin (CosFace:
        m > 1 - cosφ).
    """
    angle = torch.as_tensor(np.asarray(phi, dtype=np.float64))

    def excess(theta: Tensor) -> Tensor:
        return rule.target(torch.cos(theta)) - ratio * rule.others(torch.cos(angle - theta))

    return _bisect(excess, torch.zeros_like(angle), angle.clone()).numpy()


def gap_on_arc(rule: Rule, phi: ArrayLike, ratio: float = 1.0) -> Array:
    """Angle between the boundaries of class 1 and class 2 on the arc that joins W1 to W2: the margin in radians.

    Args:
        rule: a rule of `cosface_edu.losses.margins`.
        phi: angles between the class centres, radians, any shape.
        ratio: ‖W2‖/‖W1‖, for losses that do not normalise the centres.

    Returns:
        Radians, the shape of phi; NaN where nothing on the arc satisfies the margin.
    """
    return np.asarray(phi, dtype=np.float64) - edge_on_arc(rule, phi, ratio) - edge_on_arc(rule, phi, 1 / ratio)


def accepted_arcs(rule: Rule, angles: ArrayLike, lengths: ArrayLike | None = None) -> Array:
    """Arc of the circle on which each class satisfies the margin against all others, its own centre on it or not.

    For each class it is one arc, at most half the circle. Of two classes under CosFace it is the arc on which
    2 sin(φ/2) sin(φ/2 + θ) ≥ m, where θ is counted from the own centre, away from the other.

    Args:
        rule: a rule of `cosface_edu.losses.margins`.
        angles: (C,) directions of at least two class centres, radians.
        lengths: (C,) of the centres, for losses that do not normalise them.

    Returns:
        (C, 2) first and last direction, radians, counter-clockwise; NaN for a class that no direction satisfies.
    """
    at = torch.as_tensor(np.asarray(angles, dtype=np.float64))
    long = torch.ones_like(at) if lengths is None else torch.as_tensor(np.asarray(lengths, dtype=np.float64))
    own = torch.eye(len(at), dtype=torch.bool)[..., None]  # (C, C, 1)

    def excess(away: Tensor) -> Tensor:  # (C, n) from each class's own centre
        cos = torch.cos((at[:, None] + away)[:, None] - at[:, None])  # (C, C, n)
        rivals = (long[:, None] * rule.others(cos)).masked_fill(own, -torch.inf)
        return long[:, None] * rule.target(torch.cos(away)) - rivals.amax(1)

    turn = torch.linspace(-torch.pi, torch.pi, 721, dtype=torch.float64)
    step = turn[1] - turn[0]
    best = turn[excess(turn.expand(len(at), -1)).argmax(1)][:, None]  # (C, 1)
    low, high = best - step, best + step
    for _ in range(80):  # thirds: an arc may be narrower than a step
        left, right = low + (high - low) / 3, high - (high - low) / 3
        rises = excess(right) > excess(left)
        low, high = torch.where(rises, left, low), torch.where(rises, high, right)
    best = (low + high) / 2
    reach = torch.full_like(best, torch.pi)
    before = _bisect(lambda away: excess(best - away), torch.zeros_like(best), reach)
    after = _bisect(lambda away: excess(best + away), torch.zeros_like(best), reach)
    return (at[:, None] + best + torch.cat([-before, after], 1)).numpy()


def boundary(rule: Rule, cos2: ArrayLike, ratio: float = 1.0) -> Array:
    """Boundary of class 1 on the (cosθ1, cosθ2) plane: the cosθ1 at which target(cosθ1) = ratio · others(cosθ2).

    Args:
        rule: a rule of `cosface_edu.losses.margins`.
        cos2: cosθ2, any shape.
        ratio: ‖W2‖/‖W1‖, for the softmax loss whose centres are not normalised.

    Returns:
        cosθ1, the shape of cos2; NaN where no cosθ1 in [-1, 1] reaches the boundary.
    """
    cos = torch.as_tensor(np.asarray(cos2, dtype=np.float64))

    def excess(theta: Tensor) -> Tensor:
        return rule.target(torch.cos(theta)) - ratio * rule.others(cos)

    return torch.cos(_bisect(excess, torch.zeros_like(cos), torch.full_like(cos, torch.pi))).numpy()
