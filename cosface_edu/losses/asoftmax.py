"""A-Softmax, the loss of SphereFace: the target's angle is multiplied."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cosface_edu import palette

from .head import Head
from .margins import Rule, angle, unrolled_cos
from .registry import register
from .schedules import LambdaAnnealing
from .settings import Given, Scale, Setting


@dataclass(frozen=True)
class MultiplicativeAngle(Rule):
    """ψ(θ) = (-1)^k cos(mθ) - 2k on [kπ/m, (k+1)π/m]: A-Softmax (SphereFace, Eq. 6-7) and L-Softmax.

    With annealing the target is (λ cosθ + ψ(θ)) / (1 + λ). For an integer m, cos(mθ) is the Chebyshev polynomial
    T_m(cosθ): no angle is computed and the derivative is bounded (at most m²) up to and including cosθ = ±1.

    Args:
        m: factor on the angle, ≥ 1; 1 to 4 in the paper.
        lam: λ ≥ 0, weight of the plain cosine.
    """

    m: float
    lam: float = 0.0

    def target(self, cos: Tensor) -> Tensor:
        """(λ cosθ + ψ(θ)) / (1 + λ)."""
        if float(self.m).is_integer():
            theta = torch.acos(cos.detach().clamp(-1, 1))
            k = torch.floor(theta * (self.m / math.pi)).clamp_max(self.m - 1)  # θ = π belongs to the last piece
            psi = (1 - 2 * torch.remainder(k, 2)) * _chebyshev(int(self.m), cos) - 2 * k
        else:
            psi = unrolled_cos(self.m * angle(cos))
        return (self.lam * cos + psi) / (1 + self.lam)


def _chebyshev(m: int, cos: Tensor) -> Tensor:
    """T_m(cosθ) = cos(mθ), by T_{n+1} = 2c·T_n - T_{n-1}."""
    previous, current = torch.ones_like(cos), cos
    for _ in range(m - 1):
        previous, current = current, 2 * cos * current - previous
    return current


@register("asoftmax", title="A-Softmax", paper="liu2017sphereface", colour=palette.ORANGE, aliases=("sphereface",))
class ASoftmax(Head):
    """A-Softmax, the loss of SphereFace (Liu et al. 2017, Eq. 6-7): score ‖x‖ψ(θ_y) against ‖x‖cosθ_j, ‖W_j‖ = 1.

    Without annealing λ is 0, the pure loss, which is hard to train from scratch. A scale s makes it the loss with
    normalised features (`ASoftmaxNormFea`).
    """

    m = Setting(4, 1, text="factor on the angle")
    annealing = Given(LambdaAnnealing, "λ's schedule, stepped by the training loop; None for λ = 0")
    s = Scale(None)
    splits = True

    @property
    def rule(self) -> Rule:
        """MultiplicativeAngle with λ as it is now."""
        return MultiplicativeAngle(self.m, self.annealing.value if self.annealing else 0.0)

    def schedules(self) -> list[Any]:
        """λ's annealing."""
        return [] if self.annealing is None else [self.annealing]
