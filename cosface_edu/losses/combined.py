"""The margins of SphereFace, ArcFace and CosFace in one."""

import math
from dataclasses import dataclass

from torch import Tensor

from cosface_edu import palette

from .head import Head
from .margins import BeyondPi, Rule, angle, cos_beyond_pi
from .registry import register
from .settings import Scale, Setting, beyond_pi


@dataclass(frozen=True)
class Combined(Rule):
    """ψ(θ) = cos(m1·θ + m2) - m3: the unified margin (ArcFace paper, Deng et al. 2019, Eq. 4).

    (1, 0, m) is CosFace, (1, m, 0) ArcFace, (m, 0, 0) SphereFace.

    Args:
        m1: factor on the angle, at least 1 for a margin (CM2 of the paper uses .9).
        m2: margin added to the angle, radians.
        m3: margin taken from the cosine.
        beyond_pi: what happens once m1·θ + m2 passes π, see `margins.cos_beyond_pi`.
    """

    m1: float = 1.0
    m2: float = 0.0
    m3: float = 0.0
    beyond_pi: BeyondPi = "monotone"

    def target(self, cos: Tensor) -> Tensor:
        """ψ(θ) = cos(m1·θ + m2) - m3, past π as `beyond_pi` says. At θ = 0 and π the gradient is `angle`'s."""
        if self.m1 == 1 and self.m2 == 0:
            return cos - self.m3
        return cos_beyond_pi(self.m1 * angle(cos) + self.m2, cos, self.beyond_pi) - self.m3


@register("combined", title="Combined", paper="deng2019arcface", colour=palette.PINK)
class CombinedMargin(Head):
    """The unified margin (ArcFace paper, Deng et al. 2019, Eq. 4): score s(cos(m1·θ_y + m2) - m3) against s·cosθ_j.

    The defaults are the paper's CM1.
    """

    s = Scale(64.0)
    m1 = Setting(1.0, 1e-6, text="factor on the angle", allowed="a positive number", easiest=1)
    m2 = Setting(0.3, 0, math.pi, "margin in radians")
    m3 = Setting(0.2, 0, 2, "margin in cosine units")
    beyond_pi = beyond_pi()
    splits = True

    @property
    def rule(self) -> Rule:
        """Combined(m1, m2, m3)."""
        return Combined(self.m1, self.m2, self.m3, self.beyond_pi)
