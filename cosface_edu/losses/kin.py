"""What came after: heads whose margin depends on the sample, on the step, or on the other classes.

All keep the contract of `heads.Head`. A rule's form is in `margins.py`; what a head adds is where its numbers come
from: a running mean, the length of the embedding, chance.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .fused import margin_logits
from .heads import ArcFace, CosFace, Head, Setting
from .margins import (
    AdaptiveMargin,
    AdditiveAngle,
    AdditiveCosine,
    BeyondPi,
    Curricular,
    DividedAngle,
    PowerCosine,
    Rule,
    TruncatedAngle,
)

StepRule = tuple[Rule, Callable[[Tensor], Rule]]


class SphereFaceR(Head):
    """SphereFace-R (Liu et al. 2022): a multiplicative angular margin without the piecewise function.

    Args:
        in_features: D.
        num_classes: C.
        s: scale.
        m: factor on the angle, ≥ 1, any real number.
        version: 1 for target cos(min(mθ_y, π)); 2 for others cos(θ_j/m).
        chunk_size: see `Head`.
    """

    s = Setting(1e-6, allowed="a positive number")
    m = Setting(1)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        s: float = 30.0,
        m: float = 1.5,
        version: int = 1,
        chunk_size: int | None = None,
    ) -> None:
        if version not in (1, 2):
            raise ValueError(f"version must be 1 or 2, got {version!r}")
        super().__init__(in_features, num_classes, s, chunk_size)
        self.m, self.version = m, version

    @property
    def rule(self) -> Rule:
        """TruncatedAngle(m) or DividedAngle(m)."""
        return TruncatedAngle(self.m) if self.version == 1 else DividedAngle(self.m)


class SphereFace2(Head):
    """SphereFace2-C (Wen et al. 2022, Eq. 5-7): one binary logistic regression for each class, no softmax.

    With z_y = r(g(cosθ_y) - m) + b and z_j = r(g(cosθ_j) + m) + b the loss of a sample is
    α/r·ln(1 + e^{-z_y}) + (1-α)/r·Σ_j ln(1 + e^{z_j}). The classes do not compete, so no margin is out of reach.

    Args:
        in_features: D.
        num_classes: C.
        r: scale of the logits.
        m: margin.
        t: exponent of g.
        alpha: weight of the positive term, in (0, 1).
    """

    m = Setting(0, 1)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        r: float = 40.0,
        m: float = 0.4,
        t: float = 3.0,
        alpha: float = 0.7,
    ) -> None:
        if not 0 < alpha < 1:
            raise ValueError(f"alpha must lie in (0, 1), got {alpha!r}")
        super().__init__(in_features, num_classes, 1.0)
        self.r, self.m, self.t, self.alpha = r, m, t, alpha
        self.bias = nn.Parameter(torch.tensor(self._start_bias()))

    @property
    def rule(self) -> Rule:
        """PowerCosine(m, t)."""
        return PowerCosine(self.m, self.t)

    def _start_bias(self) -> float:
        """The b at which the loss is stationary while all cosines are 0.

        α·sigmoid(-z_y) = (1-α)(C-1)·sigmoid(z_j) with β = e^b is a quadratic equation in β:
        e^p β² + (1-q)β - q e^{-n} = 0, where p = r(g(0)-m), n = r(g(0)+m), q = α/((1-α)(C-1)).
        """
        zero = torch.zeros((), dtype=torch.float64)
        p, n = self.r * self.rule.target(zero).item(), self.r * self.rule.others(zero).item()
        q = self.alpha / ((1 - self.alpha) * (self.num_classes - 1))
        root = 1 - q + math.sqrt((1 - q) ** 2 + 4 * q * math.exp(p - n))
        return math.log(2 * q) - n - math.log(root)  # the positive root, written without cancellation

    def _warn_beyond_bound(self, rule: Rule) -> None:
        """No bound: see the class."""

    def logits(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits of the C binary classifiers.

        Args:
            features: embeddings (B, D).
            labels: true classes (B,); with them the margin is applied, to every class.

        Returns:
            (B, C).
        """
        self.check(features, labels)
        with torch.autocast(features.device.type, enabled=False):
            return self._binary_logits(features, self.weight, labels)

    def _binary_logits(self, features: Tensor, weight: Tensor, labels: Tensor | None) -> Tensor:
        x, norms, weight, scores = self._prepare(features, weight, None, step=False)
        cos = margin_logits(x, weight, norms, None, scores)  # (B, C)
        if labels is None:
            return self.r * (self.rule.target(cos) + self.m) + self.bias
        y = labels[:, None]
        return self.r * self.rule.others(cos).scatter(1, y, self.rule.target(cos.gather(1, y))) + self.bias

    def loss(self, features: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        """Mean over the samples of the weighted binary losses of all classes."""
        with torch.autocast(features.device.type, enabled=False):
            z = self._binary_logits(features, weight, labels)
            y = labels[:, None]
            negative = -F.logsigmoid(-z)  # ln(1 + e^z), (B, C)
            rest = negative.sum(1, keepdim=True) - negative.gather(1, y)
            positive = -F.logsigmoid(z.gather(1, y))
            return (self.alpha * positive + (1 - self.alpha) * rest).mean() / self.r


class SubCenterArcFace(ArcFace):
    """Sub-center ArcFace (Deng et al. 2020, Eq. 2): K centres a class, and a class scores by the nearest of them.

    A class's clean images gather round one centre, its mislabelled ones round another. `weight` holds the centres of
    class j in rows jK to jK + K - 1.

    Args:
        in_features: D.
        num_classes: C.
        s: scale.
        m: margin in radians.
        sub_centers: K.
        beyond_pi: see `margins.Combined`.
        chunk_size: see `Head`.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        s: float | None = 64.0,
        m: float = 0.5,
        sub_centers: int = 3,
        beyond_pi: BeyondPi = "monotone",
        chunk_size: int | None = None,
    ) -> None:
        if not isinstance(sub_centers, int) or sub_centers < 1:
            raise ValueError(f"sub_centers must be an integer of at least 1, got {sub_centers!r}")
        self.sub_centers = sub_centers
        super().__init__(in_features, num_classes, s, m, beyond_pi, chunk_size)


class CurricularFace(Head):
    """CurricularFace (Huang et al. 2020, Eq. 5-8): ArcFace whose hard negatives are re-weighted as training goes on.

    t, a running mean of the target cosines, is updated before it is used in each training step and saved with the
    module. Which negatives are hard is decided without a gradient, as in the paper.

    Args:
        in_features: D.
        num_classes: C.
        s: scale.
        m: margin in radians.
        momentum: weight of the newest mean in t.
        beyond_pi: see `margins.Combined`.
        chunk_size: see `Head`.
    """

    s = Setting(1e-6, allowed="a positive number")
    m = Setting(0, math.pi)
    t: Tensor

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        s: float = 64.0,
        m: float = 0.5,
        momentum: float = 0.01,
        beyond_pi: BeyondPi = "monotone",
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(in_features, num_classes, s, chunk_size)
        self.m, self.momentum, self.beyond_pi = m, momentum, beyond_pi
        self.register_buffer("t", torch.zeros(()))

    @property
    def rule(self) -> Rule:
        """Curricular(m), t as it is now."""
        return Curricular(self.m, self.beyond_pi, self.t.item())

    def step_rule(self, norms: Tensor, cosine: Callable[[], Tensor], step: bool) -> StepRule:
        """Updates t in a training step."""
        if step:
            with torch.no_grad():
                self.t.lerp_(cosine().mean().to(self.t.dtype), self.momentum)
        rule = Curricular(self.m, self.beyond_pi, self.t.clone())
        return rule, lambda norms: rule


class MagFace(Head):
    """MagFace (Meng et al. 2021, Eq. 2-4): an ArcFace margin that grows with ‖x‖, and a term that rewards long ‖x‖.

    With a = ‖x‖ held to [lower, upper], m(a) is linear from m_low to m_high, and the regulariser
    λ_g·mean(a/upper² + 1/a) falls with a. Gradients flow through m(a), as the paper's argument needs.

    Args:
        in_features: D.
        num_classes: C.
        s: scale.
        m_low: margin (radians) at a = lower.
        m_high: margin at a = upper.
        lower: l_a, least length that counts.
        upper: u_a, greatest length that counts.
        weight_g: λ_g, weight of the regulariser.
        beyond_pi: see `margins.Combined`.
        chunk_size: see `Head`.
    """

    m_low = Setting(0, math.pi)
    m_high = Setting(0, math.pi)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        s: float | None = 64.0,
        m_low: float = 0.45,
        m_high: float = 0.8,
        lower: float = 10.0,
        upper: float = 110.0,
        weight_g: float = 35.0,
        beyond_pi: BeyondPi = "monotone",
        chunk_size: int | None = None,
    ) -> None:
        if not 0 < lower < upper:
            raise ValueError(f"lower and upper must satisfy 0 < lower < upper, got {lower!r} and {upper!r}")
        super().__init__(in_features, num_classes, s, chunk_size)
        self.m_low, self.m_high, self.lower, self.upper = m_low, m_high, lower, upper
        self.weight_g, self.beyond_pi = weight_g, beyond_pi

    @property
    def rule(self) -> Rule:
        """AdditiveAngle(m_low): the least margin, that of the shortest embeddings."""
        return AdditiveAngle(self.m_low, self.beyond_pi)

    def margin(self, norms: Tensor) -> Tensor:
        """m(a) in radians for lengths ‖x‖."""
        share = (norms.clamp(self.lower, self.upper) - self.lower) / (self.upper - self.lower)
        return self.m_low + share * (self.m_high - self.m_low)

    def step_rule(self, norms: Tensor, cosine: Callable[[], Tensor], step: bool) -> StepRule:
        """The margin follows each sample's ‖x‖."""
        return self.rule, lambda norms: AdditiveAngle(self.margin(norms), self.beyond_pi)

    def regulariser(self, norms: Tensor) -> Tensor | None:
        """λ_g·mean(g(a))."""
        a = norms.clamp(self.lower, self.upper)
        return self.weight_g * (a / self.upper**2 + 1 / a).mean()


class AdaFace(Head):
    """AdaFace (Kim et al. 2022, Eq. 14-18): ‖x‖ stands for image quality and decides which samples the margin stresses.

    z = clip(h(‖x‖ - μ)/σ, -1, 1), without a gradient, μ and σ running over the batches; see `margins.AdaptiveMargin`.
    A batch of one has no deviation and leaves μ and σ as they are.

    Args:
        in_features: D.
        num_classes: C.
        s: scale.
        m: margin.
        h: concentration of z.
        momentum: weight of the newest batch in μ and σ.
        chunk_size: see `Head`.
    """

    m = Setting(0, math.pi / 2)
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        s: float | None = 64.0,
        m: float = 0.4,
        h: float = 0.333,
        momentum: float = 0.01,
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(in_features, num_classes, s, chunk_size)
        self.m, self.h, self.momentum = m, h, momentum
        self.register_buffer("mean", torch.tensor(20.0))  # the released code's starting values
        self.register_buffer("std", torch.tensor(100.0))

    @property
    def rule(self) -> Rule:
        """AdaptiveMargin(m) of an image of average quality."""
        return AdaptiveMargin(self.m)

    def step_rule(self, norms: Tensor, cosine: Callable[[], Tensor], step: bool) -> StepRule:
        """Updates μ and σ in a training step, then grades each sample."""
        lengths = norms.clamp(1e-3, 100).to(self.mean.dtype)
        if step and len(lengths) > 1:
            self.mean.lerp_(lengths.mean(), self.momentum)
            self.std.lerp_(lengths.std(), self.momentum)
        z = (self.h * (lengths - self.mean) / (self.std + 1e-3)).clamp(-1, 1).to(norms.dtype)  # (B, 1)
        return self.rule, lambda norms: AdaptiveMargin(self.m, z)


class ElasticCosFace(CosFace):
    """ElasticFace-Cos (Boutros et al. 2022, Eq. 6): CosFace with a margin drawn anew for each sample, m + std·N(0, 1).

    Margins are drawn in training mode by `forward`; `logits` with labels applies the mean margin m.

    Args:
        in_features: D.
        num_classes: C.
        s: scale.
        m: mean margin in cosine units.
        std: its standard deviation.
        chunk_size: see `Head`.
    """

    std = Setting(0)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        s: float | None = 64.0,
        m: float = 0.35,
        std: float = 0.05,
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(in_features, num_classes, s, m, chunk_size)
        self.std = std

    def step_rule(self, norms: Tensor, cosine: Callable[[], Tensor], step: bool) -> StepRule:
        """Draws the margins of a training step."""
        rule: Rule = AdditiveCosine(self.m + self.std * torch.randn_like(norms)) if step else self.rule
        return self.rule, lambda norms: rule


class ElasticArcFace(ArcFace):
    """ElasticFace-Arc (Boutros et al. 2022, Eq. 5): ArcFace with a margin drawn anew for each sample.

    Args:
        in_features: D.
        num_classes: C.
        s: scale.
        m: mean margin in radians.
        std: its standard deviation.
        beyond_pi: see `margins.Combined`.
        chunk_size: see `Head`.
    """

    std = Setting(0)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        s: float | None = 64.0,
        m: float = 0.5,
        std: float = 0.05,
        beyond_pi: BeyondPi = "monotone",
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(in_features, num_classes, s, m, beyond_pi, chunk_size)
        self.std = std

    def step_rule(self, norms: Tensor, cosine: Callable[[], Tensor], step: bool) -> StepRule:
        """Draws the margins of a training step."""
        rule: Rule = self.rule
        if step:
            rule = AdditiveAngle(self.m + self.std * torch.randn_like(norms), self.beyond_pi)
        return self.rule, lambda norms: rule
