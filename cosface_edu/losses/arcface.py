"""ArcFace: a margin added to the target's angle."""

import math
from dataclasses import dataclass

from torch import Tensor

from cosface_edu import palette

from .head import Head
from .margins import BeyondPi, Margin, Rule, angle, cos_beyond_pi
from .registry import register
from .settings import Scale, Setting, beyond_pi


@dataclass(frozen=True)
class AdditiveAngle(Rule):
    """ψ(θ) = cos(θ + m): ArcFace (Deng et al. 2019, Eq. 3).

    Args:
        m: margin in radians: one number, or one for each sample (B, 1).
        beyond_pi: behaviour for θ > π - m, see `margins.cos_beyond_pi`.
    """

    m: Margin
    beyond_pi: BeyondPi = "monotone"

    def target(self, cos: Tensor) -> Tensor:
        """ψ(θ) = cos(θ + m). The gradient at θ = 0 and π, where ψ has kinks, is `angle`'s."""
        return cos_beyond_pi(angle(cos) + self.m, cos, self.beyond_pi)


@register("arcface", title="ArcFace", paper="deng2019arcface", colour=palette.GREEN)
class ArcFace(Head):
    """ArcFace (Deng et al. 2019, Eq. 3): score s·cos(θ_y + m) against s·cosθ_j."""

    s = Scale(64.0)
    m = Setting(0.5, 0, math.pi, "margin in radians")
    beyond_pi = beyond_pi()
    splits = True

    @property
    def rule(self) -> Rule:
        """AdditiveAngle(m)."""
        return AdditiveAngle(self.m, self.beyond_pi)
