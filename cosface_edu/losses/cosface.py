"""CosFace: a margin taken from the target's cosine."""

from dataclasses import dataclass

from torch import Tensor

from cosface_edu import palette

from .head import Head
from .margins import Margin, Rule
from .registry import register
from .settings import Scale, Setting


@dataclass(frozen=True)
class AdditiveCosine(Rule):
    """ψ(θ) = cosθ - m: LMCL (CosFace paper, Eq. 4), the same as AM-Softmax.

    Args:
        m: margin in cosine units: one number, or one for each sample (B, 1).
    """

    m: Margin

    def target(self, cos: Tensor) -> Tensor:
        """ψ(θ) = cosθ - m."""
        return cos - self.m


@register(
    "cosface",
    title="CosFace",
    in_paper="LMCL",
    paper="wang2018cosface",
    colour=palette.BLUE,
    aliases=("lmcl", "amsoftmax"),
)
class CosFace(Head):
    """LMCL (CosFace paper, Eq. 4-5), the same loss as AM-Softmax: score s(cosθ_y - m) against s·cosθ_j.

    With s=None the features stay as long as they are: the score ‖x‖(cosθ_y - m) of the paper's Table 1.
    """

    s = Scale(64.0)
    m = Setting(0.35, 0, 2, "margin in cosine units")
    splits = True

    @property
    def rule(self) -> Rule:
        """AdditiveCosine(m)."""
        return AdditiveCosine(self.m)


LMCL = CosFace
AMSoftmax = CosFace
