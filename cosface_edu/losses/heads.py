"""Class centres + a rule = a loss.

A head holds one centre W_j for each class and turns embeddings and labels into a scalar loss: softmax cross entropy
over the scores `σ·u(cosθ_j)`, where u is the head's rule (`margins.py`) and σ is s, or ‖x‖ where the loss does not
normalise the features.

    head = CosFace(in_features=512, num_classes=10575, s=64.0, m=0.35)
    loss = head(features, labels)            # (B, D), (B,) -> scalar
    head.logits(features)                    # (B, C) without the margin: what accuracy is computed on
    head.logits(features, labels)            # (B, C) with the margin on the target
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .margins import AdditiveAngle, AdditiveCosine, BeyondPi, Combined, MultiplicativeAngle, NoMargin, Rule
from .schedules import LambdaAnnealing


def unit(x: Tensor) -> tuple[Tensor, Tensor]:
    """Rows scaled to length 1, and their lengths (n, 1).

    A zero row has no direction: its length counts as 1, so that its cosines are 0 and its gradient is finite.
    """
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    norm = torch.where(norm > 1e-12, norm, torch.ones_like(norm))
    return x / norm, norm


class Head(nn.Module):
    """Class centres and softmax cross entropy over scores u(cosθ): the base of the family.

    Args:
        in_features: D, length of an embedding.
        num_classes: C.
    """

    rule: Rule = NoMargin()

    def __init__(self, in_features: int, num_classes: int) -> None:
        super().__init__()
        self.in_features, self.num_classes = in_features, num_classes
        self.weight = nn.Parameter(torch.empty(num_classes, in_features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier, as in the SphereFace and CosFace networks."""
        nn.init.xavier_uniform_(self.weight)

    def scale(self, norms: Tensor) -> Tensor | float:
        """σ: what multiplies the cosine scores of a sample, (B, 1) or a number."""
        raise NotImplementedError

    def logits(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Scores of all classes.

        Args:
            features: embeddings (B, D).
            labels: true classes (B,) int64; without them no margin is applied.

        Returns:
            (B, C), with the margin on the true class where labels are given.
        """
        x, norms = unit(features.to(self.weight.dtype))  # (B, D), (B, 1)
        w, _ = unit(self.weight)  # (C, D)
        cos = F.linear(x, w)  # (B, C)
        if labels is None:
            return self.scale(norms) * cos
        index = labels[:, None]  # (B, 1)
        target = self.rule.target(cos.gather(1, index))
        return self.scale(norms) * self.rule.others(cos).scatter(1, index, target)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Mean cross entropy of the scores with the margin.

        Args:
            features: embeddings (B, D).
            labels: true classes (B,) int64.

        Returns:
            Scalar loss.
        """
        return F.cross_entropy(self.logits(features, labels), labels)

    def extra_repr(self) -> str:
        """in_features, num_classes and the numbers of the rule."""
        return f"in_features={self.in_features}, num_classes={self.num_classes}, rule={self.rule}"


class Softmax(Head):
    """The original softmax loss without bias (CosFace paper, Eq. 1-2): score ‖W_j‖‖x‖cosθ_j."""

    def logits(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Scores W·x, (B, C); there is no margin, so labels change nothing."""
        return F.linear(features.to(self.weight.dtype), self.weight)


class NSL(Head):
    """Normalised softmax loss (CosFace paper, Eq. 3): score s·cosθ_j, ‖W_j‖ = 1, ‖x‖ = s.

    Args:
        in_features: D.
        num_classes: C.
        s: length that embeddings are scaled to.
    """

    def __init__(self, in_features: int, num_classes: int, s: float = 64.0) -> None:
        super().__init__(in_features, num_classes)
        self.s = s

    def scale(self, norms: Tensor) -> Tensor | float:
        """s."""
        return self.s

    def extra_repr(self) -> str:
        """Adds s."""
        return f"{super().extra_repr()}, s={self.s}"


class ASoftmax(Head):
    """A-Softmax, the loss of SphereFace (Liu et al. 2017, Eq. 6-7): score ‖x‖ψ(θ_y) against ‖x‖cosθ_j, ‖W_j‖ = 1.

    Args:
        in_features: D.
        num_classes: C.
        m: factor on the angle, ≥ 1.
        annealing: λ's schedule, stepped by the training loop; None leaves λ = 0, the pure loss, which is hard to
            train from scratch.
    """

    def __init__(
        self, in_features: int, num_classes: int, m: float = 4, annealing: LambdaAnnealing | None = None
    ) -> None:
        super().__init__(in_features, num_classes)
        self.m, self.annealing = m, annealing

    @property
    def rule(self) -> Rule:  # type: ignore[override]
        """MultiplicativeAngle with λ as it is now."""
        return MultiplicativeAngle(self.m, self.annealing.value if self.annealing else 0.0)

    def scale(self, norms: Tensor) -> Tensor | float:
        """‖x‖."""
        return norms


class CosFace(NSL):
    """LMCL (CosFace paper, Eq. 4-5), the same loss as AM-Softmax: score s(cosθ_y - m) against s·cosθ_j.

    Args:
        in_features: D.
        num_classes: C.
        s: scale.
        m: margin in cosine units; may be changed at any time (`head.m = ...`).
    """

    def __init__(self, in_features: int, num_classes: int, s: float = 64.0, m: float = 0.35) -> None:
        super().__init__(in_features, num_classes, s)
        self.m = m

    @property
    def rule(self) -> Rule:  # type: ignore[override]
        """AdditiveCosine(m)."""
        return AdditiveCosine(self.m)


LMCL = CosFace
AMSoftmax = CosFace


class ArcFace(NSL):
    """ArcFace (Deng et al. 2019, Eq. 3): score s·cos(θ_y + m) against s·cosθ_j.

    Args:
        in_features: D.
        num_classes: C.
        s: scale.
        m: margin in radians; may be changed at any time.
        beyond_pi: behaviour for θ > π - m: "monotone", "exact" or "straight-through", see `margins.Combined`.
    """

    def __init__(
        self, in_features: int, num_classes: int, s: float = 64.0, m: float = 0.5, beyond_pi: BeyondPi = "monotone"
    ) -> None:
        super().__init__(in_features, num_classes, s)
        self.m, self.beyond_pi = m, beyond_pi

    @property
    def rule(self) -> Rule:  # type: ignore[override]
        """AdditiveAngle(m)."""
        return AdditiveAngle(self.m, self.beyond_pi)


class CombinedMargin(NSL):
    """The unified margin (ArcFace paper, Eq. 4): score s(cos(m1·θ_y + m2) - m3) against s·cosθ_j.

    Args:
        in_features: D.
        num_classes: C.
        s: scale.
        m1: factor on the angle.
        m2: margin in radians.
        m3: margin in cosine units.
        beyond_pi: see `margins.Combined`.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        s: float = 64.0,
        m1: float = 1.0,
        m2: float = 0.3,
        m3: float = 0.2,
        beyond_pi: BeyondPi = "monotone",
    ) -> None:
        super().__init__(in_features, num_classes, s)
        self.m1, self.m2, self.m3, self.beyond_pi = m1, m2, m3, beyond_pi

    @property
    def rule(self) -> Rule:  # type: ignore[override]
        """Combined(m1, m2, m3)."""
        return Combined(self.m1, self.m2, self.m3, self.beyond_pi)
