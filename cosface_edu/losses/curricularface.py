"""CurricularFace: ArcFace whose hard negatives count more and more."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from cosface_edu import palette

from .arcface import AdditiveAngle, ArcFace
from .head import Batch, Head
from .margins import Margin, Rule, angle
from .registry import register
from .settings import Scale, Setting


@dataclass(frozen=True)
class Curricular(AdditiveAngle):
    """ψ(θ) = cos(θ + m); others with cosθ_j > cos(θ_y + m) score cosθ_j(t + cosθ_j): CurricularFace (2020, Eq. 5-6).

    Early in training (t near 0) hard negatives are toned down, later (t towards 1) they are stressed. A hard negative
    with a cosine below 0 is raised at any t.

    Args:
        m: margin in radians: one number, or one for each sample (B, 1).
        beyond_pi: behaviour of ψ for θ > π - m.
        t: running mean of the target cosines, one number.
    """

    t: Margin = 0.0
    plain_others: ClassVar[bool] = False

    def others(self, cos: Tensor, cos_y: Tensor | None = None) -> Tensor:
        """cosθ_j, or cosθ_j(t + cosθ_j) for a hard one; without cos_y all count as easy, as on the boundary."""
        if cos_y is None:
            return cos
        hard = cos > torch.cos(angle(cos_y) + self.m)
        return torch.where(hard, cos * (self.t + cos), cos)


@register("curricularface", title="CurricularFace", paper="huang2020curricularface", colour=palette.GREEN)
class CurricularFace(Head):
    """CurricularFace (Huang et al. 2020, Eq. 5-8): ArcFace whose hard negatives are re-weighted as training goes on.

    t, a running mean of the target cosines, is updated before it is used in each training step and saved with the
    module. Which negatives are hard is decided without a gradient, as in the paper.
    """

    s = Scale(64.0, optional=False)
    m = Setting(0.5, 0, math.pi, "margin in radians")
    momentum = Setting(0.01, 0, 1, "weight of the newest mean in t")
    beyond_pi = ArcFace.beyond_pi
    samples = True
    t: Tensor

    def build(self) -> None:
        """t starts at 0."""
        self.register_buffer("t", torch.zeros(()))

    @property
    def rule(self) -> Rule:
        """Curricular(m), t as it is now."""
        return Curricular(self.m, self.beyond_pi, self.t.clone())

    def observe(self, batch: Batch) -> None:
        """t follows the mean target cosine."""
        self.t.lerp_(batch.target_cosine().mean().to(self.t.dtype), self.momentum)
