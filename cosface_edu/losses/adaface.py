"""AdaFace: the length of the embedding stands for the picture's quality."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from cosface_edu import palette

from .head import Batch, Head
from .margins import Margin, Rule, angle
from .registry import register
from .settings import Scale, Setting


@dataclass(frozen=True)
class AdaptiveMargin(Rule):
    """ψ(θ) = cos(θ - m·z) - (m + m·z): AdaFace (Kim et al. 2022, Eq. 17-18), z in [-1, 1] the image's quality.

    z = -1 is ArcFace with margin m, z = 0 CosFace with margin m, z = 1 a negative angular margin. θ - mz is held
    within [0, π], so that ψ never rises with θ.

    Args:
        m: margin: radians where it turns the angle, cosine units where it is taken from the cosine.
        z: quality, from the length of the embedding: one number, or one for each sample (B, 1).
    """

    m: float
    z: Margin = 0.0

    def target(self, cos: Tensor) -> Tensor:
        """ψ(θ) = cos(θ - m·z) - (m + m·z)."""
        return torch.cos((angle(cos) - self.m * self.z).clamp(0, math.pi)) - self.m * (1 + self.z)


@register("adaface", title="AdaFace", paper="kim2022adaface", colour=palette.PINK)
class AdaFace(Head):
    """AdaFace (Kim et al. 2022, Eq. 14-18): ‖x‖ stands for image quality and decides which samples the margin stresses.

    z = clip(h(‖x‖ - μ)/σ, -1, 1), without a gradient, μ and σ running over the batches; see `AdaptiveMargin`.
    There m is both an angle in radians and a difference in cosine units.
    A batch of one has no deviation and leaves μ and σ as they are.
    Embeddings come as the network makes them: of normalised ones σ goes to 0, and what is left is CosFace with m.
    """

    s = Scale(64.0)
    m = Setting(0.4, 0, math.pi / 2, "margin")
    h = Setting(0.333, 0, text="concentration of z")
    momentum = Setting(0.01, 0, 1, "weight of the newest batch in μ and σ")
    samples = splits = by_length = True
    mean: Tensor
    std: Tensor

    def build(self) -> None:
        """The released code's starting values."""
        self.register_buffer("mean", torch.tensor(20.0))
        self.register_buffer("std", torch.tensor(100.0))

    @property
    def rule(self) -> Rule:
        """AdaptiveMargin(m) of an image of average quality."""
        return AdaptiveMargin(self.m)

    def observe(self, batch: Batch) -> None:
        """μ and σ follow the lengths of the batch."""
        lengths = self._lengths(batch)
        if len(lengths) > 1:
            self.mean.lerp_(lengths.mean(), self.momentum)
            self.std.lerp_(lengths.std(), self.momentum)

    def batch_rule(self, batch: Batch) -> Rule:
        """Each sample is graded."""
        z = (self.h * (self._lengths(batch) - self.mean) / (self.std + 1e-3)).clamp(-1, 1)  # (B, 1)
        return AdaptiveMargin(self.m, z.to(batch.norms.dtype))

    def _lengths(self, batch: Batch) -> Tensor:
        return batch.norms.clamp(1e-3, 100).to(self.mean.dtype)
