"""SphereFace-R: a multiplied angle without the piecewise function."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from cosface_edu import palette

from .head import Head
from .margins import Rule, angle
from .registry import register
from .settings import Choice, Scale, Setting


@dataclass(frozen=True)
class TruncatedAngle(Rule):
    """ψ(θ) = cos(min(mθ, π)): SphereFace-R, first version (Liu et al. 2022).

    Past θ = π/m the target stays at -1 and its gradient is 0: the other classes alone move such a sample.

    Args:
        m: factor on the angle, ≥ 1, any real number.
    """

    m: float

    def target(self, cos: Tensor) -> Tensor:
        """ψ(θ) = cos(min(mθ, π))."""
        return torch.cos((self.m * angle(cos)).clamp_max(math.pi))


@dataclass(frozen=True)
class DividedAngle(Rule):
    """ψ(θ) = cosθ, the others cos(θ/m): SphereFace-R, second version (Liu et al. 2022).

    Asks for mθ_y < θ_j as the first version does, but bends the other classes' scores instead of the target's.

    Args:
        m: divisor of the angle, ≥ 1.
    """

    m: float
    plain_others: ClassVar[bool] = False

    def target(self, cos: Tensor) -> Tensor:
        """ψ(θ) = cosθ."""
        return cos

    def others(self, cos: Tensor, cos_y: Tensor | None = None) -> Tensor:
        """cos(θ/m)."""
        return torch.cos(angle(cos) / self.m)


@register("sphereface_r", title="SphereFace-R", paper="liu2022spherefacer", colour=palette.ORANGE)
class SphereFaceR(Head):
    """SphereFace-R (Liu et al. 2022): a multiplicative angular margin without the piecewise function."""

    s = Scale(30.0, optional=False)
    m = Setting(1.5, 1, text="factor on the angle, any real number")
    version = Choice(1, (1, 2), "1 for target cos(min(mθ_y, π)); 2 for others cos(θ_j/m)")
    splits = True

    @property
    def rule(self) -> Rule:
        """TruncatedAngle(m) or DividedAngle(m)."""
        return TruncatedAngle(self.m) if self.version == 1 else DividedAngle(self.m)
