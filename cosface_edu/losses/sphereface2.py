"""SphereFace2: one binary classifier for each class."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cosface_edu import palette

from .head import Head
from .limits import max_margin
from .margins import Rule
from .registry import register
from .settings import Setting


@dataclass(frozen=True)
class PowerCosine(Rule):
    """ψ = g(cosθ) - m, the others g(cosθ) + m, with g(c) = 2((c+1)/2)^t - 1: SphereFace2-C (Wen et al. 2022, Eq. 5-6).

    Args:
        m: margin between each class and the rest, in units of g, a cosine rescaled within [-1, 1].
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


@register("sphereface2", title="SphereFace2", paper="wen2022sphereface2", colour=palette.OLIVE)
class SphereFace2(Head):
    """SphereFace2-C (Wen et al. 2022, Eq. 5-7): one binary logistic regression for each class, no softmax.

    With z_y = r(g(cosθ_y) - m) + b and z_j = r(g(cosθ_j) + m) + b the loss of a sample is
    α/r·ln(1 + e^{-z_y}) + (1-α)/r·Σ_j ln(1 + e^{z_j}). The classes do not compete for a sample, but the margin has a
    bound all the same: a class's one classifier, with the one bias, must say yes to its own people and no to those
    who sit on the nearest other centre, at the angle φ. Both with the margin: g(1) - m ≥ -b/r ≥ g(cosφ) + m, so
    2m ≤ g(1) - g(cosφ) (derived, not in the paper). m is in units of g, a cosine rescaled within [-1, 1].
    """

    s = property(lambda head: head.r, doc="The scale, which the paper calls r.")
    chunk_size = None
    samples = True
    r = Setting(40.0, 1e-6, text="scale of the logits", allowed="a positive number")
    m = Setting(0.4, 0, 1, "margin")
    t = Setting(3.0, 1, text="exponent of g")
    alpha = Setting(0.7, 1e-6, 1 - 1e-6, "weight of the positive term", "a number between 0 and 1, neither of them")

    def build(self) -> None:
        """The bias that all classifiers share."""
        self.bias = nn.Parameter(torch.tensor([self._start_bias()]))  # (1,): FSDP2 shards no scalar

    @property
    def rule(self) -> Rule:
        """PowerCosine(m, t)."""
        return PowerCosine(self.m, self.t)

    @property
    def plain_rule(self) -> Rule:
        """g(cosθ) for every class."""
        return PowerCosine(0.0, self.t)

    def shift(self, logits: Tensor) -> Tensor:
        """The bias is added."""
        return logits + self.bias

    def criterion(self, logits: Tensor, columns: Tensor) -> Tensor:
        """Mean over the samples of the weighted binary losses of all classes."""
        y = columns[:, None]  # (B, 1)
        negative = F.softplus(logits)  # ln(1 + e^z), (B, n)
        rest = negative.sum(1, keepdim=True) - negative.gather(1, y)
        positive = F.softplus(-logits.gather(1, y))
        return (self.alpha * positive + (1 - self.alpha) * rest).mean() / self.r

    def beyond_bound(self) -> str | None:
        """The bound of one classifier, not that of a softmax: see the class."""
        cos = 1 - max_margin(self.num_classes, self.in_features)  # of the nearest two centres, at best
        own, neighbour = self.plain_rule.target(torch.tensor([1.0, cos], dtype=torch.float64, device="cpu")).tolist()
        bound = (own - neighbour) / 2
        if self.m <= bound + 1e-9:
            return None
        return (
            f"{self.rule} is beyond the geometric bound: of {self.num_classes} class centres in {self.in_features}"
            f" dimensions two are closer than cosine {cos:.4f}, and a classifier with one bias cannot keep its own"
            f" people and that neighbour's a margin away each: m can be at most {bound:.4f} here."
        )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """A bias may have been saved as a scalar, which it once was."""
        name = f"{prefix}bias"
        if name in state_dict and state_dict[name].dim() == 0:
            state_dict[name] = state_dict[name][None]
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _start_bias(self) -> float:
        """The b at which the loss is stationary while all cosines are 0.

        α·sigmoid(-z_y) = (1-α)(C-1)·sigmoid(z_j) with β = e^b is a quadratic equation in β:
        e^p β² + (1-q)β - q e^{-n} = 0, where p = r(g(0)-m), n = r(g(0)+m), q = α/((1-α)(C-1)).
        """
        zero = torch.zeros((), dtype=torch.float64, device="cpu")
        p, n = self.r * self.rule.target(zero).item(), self.r * self.rule.others(zero).item()
        q = self.alpha / ((1 - self.alpha) * (self.num_classes - 1))
        root = 1 - q + math.sqrt((1 - q) ** 2 + 4 * q * math.exp(p - n))
        return math.log(2 * q) - n - math.log(root)  # the positive root, written without cancellation
