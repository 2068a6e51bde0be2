"""Decision boundaries and margins, computed from the rules by root finding.

Two class centres W1 and W2 lie φ apart. A sample between them at angle θ1 from W1 is θ2 = φ - θ1 from W2. Training
counts it as class 1 once `target(cosθ1) ≥ others(cosθ2)`; equality is the boundary of class 1.
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
        Radians, the shape of phi; NaN where not even W1 itself satisfies the margin (CosFace: m > 1 - cosφ).
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
        Radians, the shape of phi; NaN where the margin cannot be met.
    """
    return np.asarray(phi, dtype=np.float64) - edge_on_arc(rule, phi, ratio) - edge_on_arc(rule, phi, 1 / ratio)


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
