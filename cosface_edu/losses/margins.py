"""The rules: what each loss does to a cosine before the softmax sees it.

Every loss of the family scores class j by `scale · u(cosθ_j)`, where θ_j is the angle between the embedding and
the class centre W_j. The losses differ in one place only, the score u of the *target* class y:

| rule                   | ψ(θ) = u(cosθ_y)                    | loss                                        |
|------------------------|-------------------------------------|---------------------------------------------|
| `NoMargin()`           | cosθ                                | NSL (and Softmax)                           |
| `AdditiveCosine(m)`    | cosθ - m                            | CosFace (LMCL), AM-Softmax                  |
| `AdditiveAngle(m)`     | cos(θ + m)                          | ArcFace                                     |
| `MultiplicativeAngle(m)` | (-1)^k cos(mθ) - 2k               | L-Softmax, A-Softmax (SphereFace)           |
| `TruncatedAngle(m)`    | cos(min(mθ, π))                     | SphereFace-R, first version                 |
| `DividedAngle(m)`      | cosθ, other classes cos(θ/m)        | SphereFace-R, second version                |
| `Combined(m1, m2, m3)` | cos(m1·θ + m2) - m3                 | the unified margin of the ArcFace paper     |
| `Curricular(m, t)`     | cos(θ + m), hard others cos(t+cos)  | CurricularFace                              |
| `AdaptiveMargin(m, z)` | cos(θ - mz) - (m + mz)              | AdaFace                                     |
| `PowerCosine(m, t)`    | g(cosθ) - m, others g(cosθ) + m     | SphereFace2                                 |

A rule is a small frozen object: `rule.target(cos)` is ψ, `rule.others(cos)` the score of the non-target classes,
both elementwise and differentiable. A margin may be a tensor (B, 1) where each sample has its own. Decision
boundaries, margins on an arc and bounds (`cosface_edu.geometry`) are all computed from these objects; nothing
re-types a formula.

Angles are in radians. The margin exists in training only, on the true class only, and before the scale.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

BeyondPi = Literal["monotone", "exact", "straight-through"]
Margin = float | Tensor


@runtime_checkable
class Rule(Protocol):
    """What geometry and heads need of a rule."""

    @property
    def plain_others(self) -> bool:
        """Whether non-target classes score by cosθ itself, so that heads need not call `others`."""

    def target(self, cos: Tensor) -> Tensor:
        """ψ: the target's score in cosine units, elementwise."""

    def others(self, cos: Tensor, cos_y: Tensor | None = None) -> Tensor:
        """The score of a non-target class in cosine units, elementwise; cos_y (B, 1) is the sample's target cosine."""


class _Angle(torch.autograd.Function):
    """acos whose derivative is bounded: -1/max(sinθ, √ε), ε the spacing of the numbers at 1.

    acos has an infinite slope at cosθ = ±1. The chain through the normalised embedding multiplies that slope by a
    vector of length sinθ, so the gradient with respect to the embedding stays bounded; only at θ = 0 and θ = π
    themselves is it 0 · ∞. There the target score has a kink (it depends on |θ|), and the bounded slope yields the
    value 0, the centre of its subdifferential.
    """

    @staticmethod
    def forward(ctx: Any, cos: Tensor) -> Tensor:
        ctx.save_for_backward(cos)
        return torch.acos(cos.clamp(-1, 1))  # rounding takes cosines of equal vectors slightly past 1

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        (cos,) = ctx.saved_tensors
        return -grad * (1 - cos * cos).clamp_min(torch.finfo(cos.dtype).eps).rsqrt()


def angle(cos: Tensor) -> Tensor:
    """θ in radians from cosθ, safe at cosθ = ±1 in value and in gradient (see `_Angle`)."""
    return _Angle.apply(cos)


def unrolled_cos(phi: Tensor) -> Tensor:
    """(-1)^k cosφ - 2k with k = ⌊φ/π⌋: the cosine continued past π so that it keeps falling.

    Equals cosφ on [0, π]; continuous with a continuous derivative everywhere (SphereFace, Liu et al. 2017, Eq. 7).
    """
    k = torch.floor(phi.detach() / math.pi)
    sign = 1 - 2 * torch.remainder(k, 2)
    return sign * torch.cos(phi) - 2 * k


@dataclass(frozen=True)
class NoMargin:
    """u(cosθ) = cosθ for every class: NSL (CosFace paper, Eq. 3)."""

    plain_others: ClassVar[bool] = True

    def target(self, cos: Tensor) -> Tensor:
        """ψ(θ) = cosθ."""
        return cos

    def others(self, cos: Tensor, cos_y: Tensor | None = None) -> Tensor:
        """cosθ."""
        return cos


@dataclass(frozen=True)
class AdditiveCosine(NoMargin):
    """ψ(θ) = cosθ - m: LMCL (CosFace paper, Eq. 4), the same as AM-Softmax.

    Args:
        m: margin in cosine units.
    """

    m: Margin

    def target(self, cos: Tensor) -> Tensor:
        """ψ(θ) = cosθ - m."""
        return cos - self.m


@dataclass(frozen=True)
class Combined(NoMargin):
    """ψ(θ) = cos(m1·θ + m2) - m3: the unified margin (ArcFace paper, Deng et al. 2019, Eq. 4).

    (1, 0, m) is CosFace, (1, m, 0) ArcFace, (m, 0, 0) SphereFace.

    Args:
        m1: factor on the angle, at least 1 for a margin (CM2 of the paper uses .9).
        m2: margin added to the angle, radians.
        m3: margin taken from the cosine.
        beyond_pi: what happens once φ = m1·θ + m2 passes π, where cosφ turns and would reward larger angles.
            "monotone" (default): (-1)^k cosφ - 2k, which equals cosφ up to π and keeps falling smoothly after it.
            "exact": cosφ as the formula stands, not monotone.
            "straight-through": the value cosφ, but the derivative with respect to cosθ is taken as 1 at *every*
            angle, as in released ArcFace code that computes the angle without gradient. Not the loss's gradient.
    """

    m1: float = 1.0
    m2: float = 0.0
    m3: float = 0.0
    beyond_pi: BeyondPi = "monotone"

    def target(self, cos: Tensor) -> Tensor:
        """ψ(θ) = cos(m1·θ + m2) - m3, past π as `beyond_pi` says. At θ = 0 and π the gradient is `angle`'s."""
        if self.m1 == 1 and self.m2 == 0:
            return cos - self.m3
        return _cos_beyond_pi(self.m1 * angle(cos) + self.m2, cos, self.beyond_pi) - self.m3


@dataclass(frozen=True)
class AdditiveAngle(NoMargin):
    """ψ(θ) = cos(θ + m): ArcFace (Deng et al. 2019, Eq. 3).

    Args:
        m: margin in radians.
        beyond_pi: behaviour for θ > π - m, see `Combined`.
    """

    m: Margin
    beyond_pi: BeyondPi = "monotone"

    def target(self, cos: Tensor) -> Tensor:
        """ψ(θ) = cos(θ + m). The gradient at θ = 0 and π, where ψ has kinks, is `angle`'s."""
        return _cos_beyond_pi(angle(cos) + self.m, cos, self.beyond_pi)


def _cos_beyond_pi(phi: Tensor, cos: Tensor, beyond_pi: BeyondPi) -> Tensor:
    """cosφ with one of the three behaviours that `Combined` describes; cos is the cosine without margin."""
    if beyond_pi == "monotone":
        return unrolled_cos(phi)
    if beyond_pi == "exact":
        return torch.cos(phi)
    if beyond_pi == "straight-through":
        return cos + (torch.cos(phi) - cos).detach()
    raise ValueError(f'beyond_pi must be "monotone", "exact" or "straight-through", got {beyond_pi!r}')


@dataclass(frozen=True)
class MultiplicativeAngle(NoMargin):
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


@dataclass(frozen=True)
class TruncatedAngle(NoMargin):
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
class DividedAngle(NoMargin):
    """ψ(θ) = cosθ, the others cos(θ/m): SphereFace-R, second version (Liu et al. 2022).

    Asks for mθ_y < θ_j as the first version does, but bends the other classes' scores instead of the target's.

    Args:
        m: divisor of the angle, ≥ 1.
    """

    m: float
    plain_others: ClassVar[bool] = False

    def others(self, cos: Tensor, cos_y: Tensor | None = None) -> Tensor:
        """cos(θ/m)."""
        return torch.cos(angle(cos) / self.m)


@dataclass(frozen=True)
class Curricular(AdditiveAngle):
    """ψ(θ) = cos(θ + m); others with cosθ_j > cos(θ_y + m) score cosθ_j(t + cosθ_j): CurricularFace (2020, Eq. 5-6).

    Early in training (t near 0) hard negatives are toned down, later (t towards 1) they are stressed.

    Args:
        m: margin in radians.
        beyond_pi: behaviour of ψ for θ > π - m.
        t: running mean of the target cosines.
    """

    t: Margin = 0.0
    plain_others: ClassVar[bool] = False

    def others(self, cos: Tensor, cos_y: Tensor | None = None) -> Tensor:
        """cosθ_j, or cosθ_j(t + cosθ_j) for a hard one; without cos_y all count as easy, as on the boundary."""
        if cos_y is None:
            return cos
        hard = cos > torch.cos(angle(cos_y) + self.m)
        return torch.where(hard, cos * (self.t + cos), cos)


@dataclass(frozen=True)
class AdaptiveMargin(NoMargin):
    """ψ(θ) = cos(θ - m·z) - (m + m·z): AdaFace (Kim et al. 2022, Eq. 17-18), z in [-1, 1] the image's quality.

    z = -1 is ArcFace with margin m, z = 0 CosFace with margin m, z = 1 a negative angular margin. θ - mz is held
    within [0, π], so that ψ never rises with θ.

    Args:
        m: margin.
        z: quality, from the length of the embedding.
    """

    m: float
    z: Margin = 0.0

    def target(self, cos: Tensor) -> Tensor:
        """ψ(θ) = cos(θ - m·z) - (m + m·z)."""
        return torch.cos((angle(cos) - self.m * self.z).clamp(0, math.pi)) - self.m * (1 + self.z)


@dataclass(frozen=True)
class PowerCosine(NoMargin):
    """ψ = g(cosθ) - m, the others g(cosθ) + m, with g(c) = 2((c+1)/2)^t - 1: SphereFace2-C (Wen et al. 2022, Eq. 5-6).

    Args:
        m: margin between each class and the rest.
        t: ≥ 1; spreads the cosines near 1 and squeezes the others.
    """

    m: float
    t: float = 3.0
    plain_others: ClassVar[bool] = False

    def _adjusted(self, cos: Tensor) -> Tensor:
        return 2 * ((cos.clamp(-1, 1) + 1) / 2) ** self.t - 1

    def target(self, cos: Tensor) -> Tensor:
        """g(cosθ) - m."""
        return self._adjusted(cos) - self.m

    def others(self, cos: Tensor, cos_y: Tensor | None = None) -> Tensor:
        """g(cosθ) + m."""
        return self._adjusted(cos) + self.m


def _chebyshev(m: int, cos: Tensor) -> Tensor:
    """T_m(cosθ) = cos(mθ), by T_{n+1} = 2c·T_n - T_{n-1}."""
    previous, current = torch.ones_like(cos), cos
    for _ in range(m - 1):
        previous, current = current, 2 * cos * current - previous
    return current
