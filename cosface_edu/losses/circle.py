"""Circle loss: how far a score still has to go is its weight."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from cosface_edu import palette

from .head import Head
from .margins import Rule
from .registry import register
from .settings import Scale, Setting


@dataclass(frozen=True)
class SelfPaced(Rule):
    """ψ(θ) = α_p(cosθ - (1-m)), the others α_n(cosθ - m): Circle loss (Sun et al. 2020).

    α_p = [1 + m - cosθ_y]₊ and α_n = [cosθ_j + m]₊ weigh the scores by their distance from where they should end, and
    are held constant in the gradient (Eq. 10). The boundary is then (cosθ_y - 1)² + cosθ_j² = 2m², a circle.

    Args:
        m: half-width of what is aimed at, in cosine units: cosθ_y > 1 - m and cosθ_j < m. A smaller m asks for more.
    """

    m: float
    plain_others: ClassVar[bool] = False

    def target(self, cos: Tensor) -> Tensor:
        """α_p(cosθ - (1-m))."""
        return (1 + self.m - cos.detach()).clamp_min(0) * (cos - (1 - self.m))

    def others(self, cos: Tensor, cos_y: Tensor | None = None) -> Tensor:
        """α_n(cosθ - m)."""
        return (cos.detach() + self.m).clamp_min(0) * (cos - self.m)


@register("circle", title="Circle", paper="sun2020circle", colour=palette.VERMILION)
class CircleLoss(Head):
    """Circle loss with class labels (Sun et al. 2020): scores s·α_p(cosθ_y - 1 + m) against s·α_n(cosθ_j - m).

    The paper's face models have s = 256 (its γ) and m = .25.
    """

    s = Scale(256.0, optional=False)
    m = Setting(0.25, 0, 1, "half-width of what is aimed at, in cosine units; smaller asks for more", easiest=1)
    splits = True

    @property
    def rule(self) -> Rule:
        """SelfPaced(m)."""
        return SelfPaced(self.m)
