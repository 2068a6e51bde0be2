"""Rules: what a loss does to a cosine before the softmax sees it.

Every loss of the family scores class j by `scale · u(cosθ_j)`, where θ_j is the angle between the embedding and the
class centre W_j. The losses differ in one place only, the score u of the *target* class y: CosFace's is cosθ - m,
ArcFace's cos(θ + m). This file holds what rules share; each rule stands in the file of its loss, and is found here by
its name too: `margins.AdditiveCosine`.

A rule is a small frozen object: `rule.target(cos)` is ψ(θ) = u(cosθ_y), `rule.others(cos)` the score of the non-target
classes, both elementwise and differentiable. A margin may be a tensor (B, 1) where each sample has its own. Decision
boundaries, margins on an arc and bounds (`cosface_edu.geometry`) are all computed from these objects.

Angles are in radians. The margin exists in training only, on the true class only, and before the scale.
"""

import importlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor

from .checks import transformed

BeyondPi = Literal["monotone", "exact", "straight-through"]
Margin = float | Tensor


class Rule:
    """What geometry and heads need of a rule: the scores of the target and of the other classes, in cosine units.

    Example:
        >>> import torch
        >>> from cosface_edu.losses import Rule
        >>> class HalfWay(Rule):
        ...     def target(self, cos):
        ...         return (cos - 1) / 2
        >>> HalfWay().target(torch.tensor([1.0, 0.0]))
        tensor([ 0.0000, -0.5000])
        >>> HalfWay().others(torch.tensor([1.0, 0.0]))  # as it is, unless a rule says otherwise
        tensor([1., 0.])
    """

    #: Whether non-target classes score by cosθ itself, so that heads need not call `others`.
    plain_others: ClassVar[bool] = True
    #: Whether `target` takes the length of the embedding too: `target(cos, norms)`, norms (B, 1), differentiable.
    uses_length: ClassVar[bool] = False

    def target(self, cos: Tensor) -> Tensor:
        """ψ: the target's score, elementwise."""
        raise NotImplementedError(f"{type(self).__name__} has no target(cos): define what the target class scores")

    def others(self, cos: Tensor, cos_y: Tensor | None = None) -> Tensor:
        """The score of a non-target class, elementwise; cos_y (B, 1) is the sample's target cosine."""
        return cos


@dataclass(frozen=True)
class NoMargin(Rule):
    """u(cosθ) = cosθ for every class: NSL (CosFace paper, Eq. 3)."""

    def target(self, cos: Tensor) -> Tensor:
        """ψ(θ) = cosθ."""
        return cos


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
        return grad * _slope(cos)


class _TransformedAngle(torch.autograd.Function):
    """The same in the form that `torch.func` asks for: more steps, and a forward mode that no compiler traces."""

    generate_vmap_rule = True

    @staticmethod
    def forward(cos: Tensor) -> Tensor:  # type: ignore[override]
        return torch.acos(cos.clamp(-1, 1))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        return grad * _slope(*ctx.saved_tensors)

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:  # type: ignore[override]
        return tangent * _slope(*ctx.saved_tensors)


def _slope(cos: Tensor) -> Tensor:
    """dθ/dcosθ, bounded."""
    return -(1 - cos * cos).clamp_min(torch.finfo(cos.dtype).eps).rsqrt()


def angle(cos: Tensor) -> Tensor:
    """θ in radians from cosθ, safe at cosθ = ±1 in value and in gradient, whose slope is bounded.

    Args:
        cos: cosines, any shape.

    Returns:
        Angles in radians, the same shape.

    Example:
        >>> import torch
        >>> from cosface_edu.losses.margins import angle
        >>> [round(theta, 4) for theta in angle(torch.tensor([1.0, 0.5, -1.0])).tolist()]
        [0.0, 1.0472, 3.1416]
    """
    return (_TransformedAngle if transformed() else _Angle).apply(cos)


def unrolled_cos(phi: Tensor) -> Tensor:
    """(-1)^k cosφ - 2k with k = ⌊φ/π⌋: the cosine continued past π so that it keeps falling.

    Equals cosφ on [0, π]; continuous with a continuous derivative everywhere (SphereFace, Liu et al. 2017, Eq. 7).

    Args:
        phi: angles in radians, any shape; beyond π too.

    Returns:
        The same shape; never rising with φ.

    Example:
        >>> import math, torch
        >>> from cosface_edu.losses.margins import unrolled_cos
        >>> [round(u, 4) for u in unrolled_cos(math.pi * torch.tensor([0.25, 0.9, 1.5, 1.9])).tolist()]
        [0.7071, -0.9511, -2.0, -2.9511]
    """
    k = torch.floor(phi.detach() / math.pi)
    sign = 1 - 2 * torch.remainder(k, 2)
    return sign * torch.cos(phi) - 2 * k


def cos_beyond_pi(phi: Tensor, cos: Tensor, beyond_pi: BeyondPi) -> Tensor:
    """cosφ, and what happens once φ passes π, where cosφ turns and would reward larger angles.

    Args:
        phi: the angle with its margin, in radians, any shape.
        cos: the cosine without margin, the same shape.
        beyond_pi: "monotone": (-1)^k cosφ - 2k, which equals cosφ up to π and keeps falling smoothly after it.
            "exact": cosφ as the formula stands, not monotone.
            "straight-through": the value cosφ, but the derivative with respect to cosθ is taken as 1 at *every*
            angle, as in released ArcFace code that computes the angle without gradient. Not the loss's gradient.

    Returns:
        The score, in cosine units, of the shape of `phi`.

    Raises:
        ValueError: for another `beyond_pi`.

    Example:
        >>> import torch
        >>> from cosface_edu.losses.margins import cos_beyond_pi
        >>> cos, phi = torch.tensor([-0.98]), torch.tensor([3.5])
        >>> [round(cos_beyond_pi(phi, cos, how).item(), 4) for how in ("monotone", "exact")]
        [-1.0635, -0.9365]
    """
    if beyond_pi == "monotone":
        return unrolled_cos(phi)
    if beyond_pi == "exact":
        return torch.cos(phi)
    if beyond_pi == "straight-through":
        return cos + (torch.cos(phi) - cos).detach()
    raise ValueError(f'beyond_pi must be "monotone", "exact" or "straight-through", got {beyond_pi!r}')


if TYPE_CHECKING:  # type checkers and editors run nothing
    from . import AdaptiveMargin as AdaptiveMargin
    from . import AdditiveAngle as AdditiveAngle
    from . import AdditiveCosine as AdditiveCosine
    from . import Combined as Combined
    from . import Curricular as Curricular
    from . import DividedAngle as DividedAngle
    from . import LengthAngle as LengthAngle
    from . import MultiplicativeAngle as MultiplicativeAngle
    from . import PowerCosine as PowerCosine
    from . import SelfPaced as SelfPaced
    from . import TruncatedAngle as TruncatedAngle
else:

    def __getattr__(name):
        """A rule by its name, from the file of its loss."""
        found = None if name.startswith("_") else vars(importlib.import_module(__package__)).get(name)
        if isinstance(found, type) and issubclass(found, Rule):
            return found
        raise AttributeError(f"module {__name__!r} has no rule {name!r}")
