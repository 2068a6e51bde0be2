"""MagFace: the length of the embedding sets the margin."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from cosface_edu import palette

from .head import Head
from .margins import BeyondPi, Rule, angle, cos_beyond_pi
from .registry import register
from .settings import Scale, Setting, beyond_pi


@dataclass(frozen=True)
class LengthAngle(Rule):
    """ψ(θ) = cos(θ + m(a)), a = ‖x‖ held to [lower, upper], m(a) linear from m_low to m_high: MagFace (2021, Eq. 2).

    Args:
        m_low: margin (radians) at a = lower.
        m_high: margin at a = upper.
        lower: l_a, least length that counts.
        upper: u_a, greatest length that counts.
        beyond_pi: behaviour of ψ past π, see `margins.cos_beyond_pi`.
    """

    m_low: float
    m_high: float
    lower: float
    upper: float
    beyond_pi: BeyondPi = "monotone"
    uses_length: ClassVar[bool] = True

    def margin(self, norms: Tensor) -> Tensor:
        """m(a) in radians for lengths ‖x‖."""
        share = (norms.clamp(self.lower, self.upper) - self.lower) / (self.upper - self.lower)
        return self.m_low + share * (self.m_high - self.m_low)

    def target(self, cos: Tensor, norms: Tensor | None = None) -> Tensor:
        """ψ(θ); without lengths that of the shortest embeddings."""
        m = self.m_low if norms is None else self.margin(norms)
        return cos_beyond_pi(angle(cos) + m, cos, self.beyond_pi)


@register("magface", title="MagFace", paper="meng2021magface", colour=palette.PINK)
class MagFace(Head):
    """MagFace (Meng et al. 2021, Eq. 2-4): an ArcFace margin that grows with ‖x‖, and a term that rewards long ‖x‖.

    With a = ‖x‖ held to [lower, upper], m(a) is linear from m_low to m_high, and the regulariser
    λ_g·mean(a/upper² + 1/a) falls with a. Gradients flow through m(a), as the paper's argument needs.
    Embeddings come as the network makes them: of normalised ones a is `lower`, and what is left is ArcFace with m_low.
    """

    s = Scale(64.0)
    m_low = Setting(0.45, 0, math.pi, "margin (radians) at a = lower")
    m_high = Setting(0.8, 0, math.pi, "margin at a = upper")
    lower = Setting(10.0, 0, text="l_a, least length that counts")
    upper = Setting(110.0, 0, text="u_a, greatest length that counts")
    weight_g = Setting(35.0, 0, text="λ_g, weight of the regulariser")
    beyond_pi = beyond_pi()
    splits = by_length = True

    def changed(self) -> None:
        """Lengths must be in order."""
        if not 0 < self.lower < self.upper:
            raise ValueError(f"lower and upper must satisfy 0 < lower < upper, got {self.lower!r} and {self.upper!r}")

    @property
    def rule(self) -> LengthAngle:
        """LengthAngle: the margin follows each sample's ‖x‖."""
        return LengthAngle(self.m_low, self.m_high, self.lower, self.upper, self.beyond_pi)

    def extra(self, features: Tensor, labels: Tensor) -> Tensor:
        """λ_g·mean(g(a))."""
        x = features.to(torch.promote_types(self.weight.dtype, torch.float32))
        a = torch.linalg.vector_norm(x, dim=1).clamp(self.lower, self.upper)  # (B,)
        return self.weight_g * (a / self.upper**2 + 1 / a).mean()
