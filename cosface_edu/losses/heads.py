"""Class centres + a rule = a loss: the base of every head, and the losses that the CosFace paper compares.

A head holds one centre W_j for each class and turns embeddings and labels into a scalar loss: softmax cross entropy
over the scores `σ·u(cosθ_j)`, where u is the head's rule (`margins.py`) and σ is s, or ‖x‖ where the loss does not
normalise the features (s=None).

    head = CosFace(in_features=512, num_classes=10575, s=64.0, m=0.35)
    loss = head(features, labels)            # (B, D), (B,) -> scalar
    head.logits(features)                    # (B, C) without the margin: what accuracy is computed on
    head.logits(features, labels)            # (B, C) with the margin on the target

Whatever the dtype of the embeddings, and under autocast, scores and loss are computed in the dtype of the centres,
in float32 at least; the parameters themselves are never cast. A zero embedding has no direction: its length counts
as 1 where one divides by it, so that its cosines are 0 and its gradient is finite.
"""

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .checks import check_count, check_features, check_labels, check_number
from .fused import Scores, margin_logits, margin_softmax, safe_length
from .limits import max_margin
from .margins import AdditiveAngle, AdditiveCosine, BeyondPi, Combined, MultiplicativeAngle, NoMargin, Rule
from .schedules import LambdaAnnealing


class Setting:
    """A number of a head that may be changed at any time and is checked whenever it is set.

    Args:
        low: least value.
        high: greatest value.
        allowed: what to say is allowed, where low and high do not say it.
        optional: whether None is allowed.
    """

    def __init__(self, low: float, high: float = math.inf, allowed: str | None = None, optional: bool = False) -> None:
        self.low, self.high, self.allowed, self.optional = low, high, allowed, optional

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, head: Any, owner: type | None = None) -> Any:
        return self if head is None else head.__dict__[f"_{self.name}"]

    def __set__(self, head: Any, value: float | None) -> None:
        if not (self.optional and value is None):
            check_number(self.name, value, self.low, self.high, self.allowed)  # type: ignore[arg-type]
        head.__dict__[f"_{self.name}"] = value


class Head(nn.Module):
    """Class centres and softmax cross entropy over scores u(cosθ).

    Args:
        in_features: D, length of an embedding.
        num_classes: C, at least 2.
        s: length that embeddings are scaled to; None keeps their own length ‖x‖.
        chunk_size: number of samples whose logits exist at a time; None for the whole batch. The loss and its
            gradient are the same; the B×C logits are never held. They are then computed for `chunk_size` samples.
    """

    s = Setting(1e-6, allowed="a positive number, or None to keep ‖x‖", optional=True)
    normalise_centres = True  # False only where the paper keeps ‖W_j‖
    sub_centers = 1

    def __init__(
        self, in_features: int, num_classes: int, s: float | None = None, chunk_size: int | None = None
    ) -> None:
        super().__init__()
        self.in_features = check_count("in_features", in_features, 1)
        self.num_classes = check_count("num_classes", num_classes, 2)
        self.chunk_size = chunk_size if chunk_size is None else check_count("chunk_size", chunk_size, 1)
        self.s = s
        self._checked: Rule | None = None
        self._warned = False
        self.weight = nn.Parameter(torch.empty(num_classes * self.sub_centers, in_features))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Xavier, as in the released SphereFace networks."""
        nn.init.xavier_uniform_(self.weight)

    @property
    def rule(self) -> Rule:
        """What the head does to a cosine, with the margin as it is now."""
        return NoMargin()

    def logits(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Scores of all classes.

        Args:
            features: embeddings (B, D).
            labels: true classes (B,) int64; without them no margin is applied.

        Returns:
            (B, C), with the margin on the true class where labels are given.

        Raises:
            ValueError: for features or labels of a wrong dtype, shape or range.
        """
        self.check(features, labels)
        with torch.autocast(features.device.type, enabled=False):
            x, norms, weight, scores = self._prepare(features, self.weight, labels, step=False)
            return margin_logits(x, weight, norms, labels, scores)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Mean cross entropy of the scores with the margin.

        Args:
            features: embeddings (B, D).
            labels: true classes (B,) int64.

        Returns:
            Scalar loss.

        Raises:
            ValueError: for features or labels of a wrong dtype, shape or range.
        """
        self.check(features, labels)
        return self.loss(features, self.weight, labels)

    def loss(self, features: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        """The loss with other centres than the head's own, such as a sample of them (`PartialFC`).

        Args:
            features: embeddings (B, D).
            weight: class centres (C', D).
            labels: rows of `weight` (B,) int64.

        Returns:
            Scalar loss.
        """
        with torch.autocast(features.device.type, enabled=False):
            x, norms, weight, scores = self._prepare(features, weight, labels, step=self.training)
            if torch.compiler.is_compiling():  # the compiler fuses plain operations by itself
                loss = F.cross_entropy(margin_logits(x, weight, norms, labels, scores), labels)
            else:
                loss = margin_softmax(x, weight, norms, labels, scores)
            extra = self.regulariser(norms)
            return loss if extra is None else loss + extra

    def step_rule(
        self, norms: Tensor, cosine: Callable[[], Tensor], step: bool
    ) -> tuple[Rule, Callable[[Tensor], Rule]]:
        """The rule for one batch: heads whose margin differs by sample or by step override this.

        Args:
            norms: ‖x‖ (B, 1), detached.
            cosine: computes the target cosines (B, 1), detached.
            step: True in a training step, in which running statistics are updated and random margins drawn.

        Returns:
            The rule as far as other classes are concerned, and a function from ‖x‖ (B, 1), differentiable, to the
            rule for the targets.
        """
        rule = self.rule
        return rule, lambda norms: rule

    def regulariser(self, norms: Tensor) -> Tensor | None:
        """A term of the loss that depends on ‖x‖ (B, 1) alone, if the loss has one."""
        return None

    def check(self, features: Tensor, labels: Tensor | None = None) -> None:
        """Raises ValueError for a bad batch; warns, once, of a margin that no arrangement of the centres can meet."""
        if torch.compiler.is_compiling():  # a check that reads values would break the graph
            return
        check_features(features, self.in_features)
        if labels is not None:
            check_labels(labels, len(features), self.num_classes)
        if self.rule != self._checked and not self._warned:
            self._checked = self.rule
            self._warn_beyond_bound(self.rule)

    def _warn_beyond_bound(self, rule: Rule) -> None:
        bound = max_margin(self.num_classes, self.in_features)
        best = rule.target(torch.ones((), dtype=torch.float64)).item()
        nearest = rule.others(torch.tensor(1 - bound, dtype=torch.float64)).item()
        if best < nearest - 1e-9:
            self._warned = True
            warnings.warn(
                f"{rule} is beyond the geometric bound: of {self.num_classes} class centres in {self.in_features}"
                f" dimensions two are closer than cosine {1 - bound:.4f}, so a sample on its own centre scores"
                f" {best:.4f}, less than another class. A margin on the cosine can be at most {bound:.4f} here.",
                UserWarning,
                stacklevel=6,
            )

    def _prepare(
        self, features: Tensor, weight: Tensor, labels: Tensor | None, step: bool
    ) -> tuple[Tensor, Tensor, Tensor, Scores]:
        """Scaled embeddings (B, D), their original lengths (B, 1), centres and scores, in one common dtype."""
        dtype = torch.promote_types(weight.dtype, torch.float32)
        x, weight = features.to(dtype), weight.to(dtype)
        norms = torch.linalg.vector_norm(x, dim=1, keepdim=True)  # (B, 1)
        s = self.s
        scaled = x if s is None else x * (s / safe_length(norms))
        if labels is None:
            return scaled, norms, weight, self._scores(NoMargin(), lambda norms: NoMargin(), None)

        def cosine() -> Tensor:
            return self._target_cosine(x.detach() / safe_length(norms.detach()), weight.detach(), labels)

        rule, target_rule = self.step_rule(norms.detach(), cosine, step)
        return scaled, norms, weight, self._scores(rule, target_rule, None if rule.plain_others else cosine())

    def _scores(self, rule: Rule, target_rule: Callable[[Tensor], Rule], cos_y: Tensor | None) -> Scores:
        s, normalise = self.s, self.normalise_centres

        def target(z: Tensor, norms: Tensor, lengths: Tensor) -> Tensor:
            scale = norms if s is None else s
            if not normalise:
                scale = scale * lengths
            cos = z / (scale if isinstance(scale, float | int) else safe_length(scale))
            return scale * target_rule(norms).target(cos)

        def others(z: Tensor, rows: slice) -> Tensor:
            return s * rule.others(z / s, cos_y[rows])  # type: ignore[index, operator]

        return Scores(target, None if cos_y is None else others, normalise, self.sub_centers, self.chunk_size)

    def _target_cosine(self, unit: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        """cosθ_y (B, 1) of unit embeddings, without a gradient and without the other classes."""
        K = self.sub_centers
        rows = labels[:, None] * K + torch.arange(K, device=labels.device)  # (B, K)
        centres = F.normalize(weight[rows], dim=2)  # (B, K, D)
        return torch.einsum("bd,bkd->bk", unit, centres).amax(dim=1, keepdim=True)

    def extra_repr(self) -> str:
        """Sizes, scale and rule."""
        text = f"in_features={self.in_features}, num_classes={self.num_classes}, s={self.s}, rule={self.rule}"
        return text if self.chunk_size is None else f"{text}, chunk_size={self.chunk_size}"


class Softmax(Head):
    """The original softmax loss without bias (CosFace paper, Eq. 1-2): score ‖W_j‖‖x‖cosθ_j.

    Args:
        in_features: D.
        num_classes: C.
        chunk_size: see `Head`.
    """

    normalise_centres = False

    def __init__(self, in_features: int, num_classes: int, chunk_size: int | None = None) -> None:
        super().__init__(in_features, num_classes, None, chunk_size)


class NSL(Head):
    """Normalised softmax loss (CosFace paper, Eq. 3): score s·cosθ_j, ‖W_j‖ = 1, ‖x‖ = s.

    Args:
        in_features: D.
        num_classes: C.
        s: length that embeddings are scaled to; None keeps ‖x‖ ("modified softmax" of the SphereFace paper).
        chunk_size: see `Head`.
    """

    def __init__(
        self, in_features: int, num_classes: int, s: float | None = 64.0, chunk_size: int | None = None
    ) -> None:
        super().__init__(in_features, num_classes, s, chunk_size)


class ASoftmax(Head):
    """A-Softmax, the loss of SphereFace (Liu et al. 2017, Eq. 6-7): score ‖x‖ψ(θ_y) against ‖x‖cosθ_j, ‖W_j‖ = 1.

    Args:
        in_features: D.
        num_classes: C.
        m: factor on the angle, ≥ 1; may be changed at any time.
        annealing: λ's schedule, stepped by the training loop; None leaves λ = 0, the pure loss, which is hard to
            train from scratch.
        s: None for the paper's loss; a number scales the embeddings to that length (`ASoftmaxNormFea`).
        chunk_size: see `Head`.
    """

    m = Setting(1)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        m: float = 4,
        annealing: LambdaAnnealing | None = None,
        s: float | None = None,
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(in_features, num_classes, s, chunk_size)
        self.m, self.annealing = m, annealing

    @property
    def rule(self) -> Rule:
        """MultiplicativeAngle with λ as it is now."""
        return MultiplicativeAngle(self.m, self.annealing.value if self.annealing else 0.0)


class ASoftmaxNormFea(ASoftmax):
    """A-Softmax with normalised features (CosFace paper, Table 2): score s·ψ(θ_y) against s·cosθ_j.

    Args:
        in_features: D.
        num_classes: C.
        s: scale (the paper does not state it).
        m: factor on the angle.
        annealing: λ's schedule.
        chunk_size: see `Head`.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        s: float = 64.0,
        m: float = 4,
        annealing: LambdaAnnealing | None = None,
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(in_features, num_classes, m, annealing, s, chunk_size)


class LSoftmax(ASoftmax):
    """L-Softmax (Liu et al. 2016, Eq. 4-6): score ‖W_y‖‖x‖ψ(θ_y) against ‖W_j‖‖x‖cosθ_j, centres at their own length.

    Args:
        in_features: D.
        num_classes: C.
        m: factor on the angle, ≥ 1.
        annealing: λ's schedule; None for λ = 0.
        chunk_size: see `Head`.
    """

    normalise_centres = False

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        m: float = 4,
        annealing: LambdaAnnealing | None = None,
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(in_features, num_classes, m, annealing, None, chunk_size)


class CosFace(Head):
    """LMCL (CosFace paper, Eq. 4-5), the same loss as AM-Softmax: score s(cosθ_y - m) against s·cosθ_j.

    Args:
        in_features: D.
        num_classes: C.
        s: scale; None leaves the features as long as they are, the score ‖x‖(cosθ_y - m) of the paper's Table 1.
        m: margin in cosine units, in [0, 2]; may be changed at any time (`head.m = ...`).
        chunk_size: see `Head`.
    """

    m = Setting(0, 2)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        s: float | None = 64.0,
        m: float = 0.35,
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(in_features, num_classes, s, chunk_size)
        self.m = m

    @property
    def rule(self) -> Rule:
        """AdditiveCosine(m)."""
        return AdditiveCosine(self.m)


LMCL = CosFace
AMSoftmax = CosFace


class ArcFace(Head):
    """ArcFace (Deng et al. 2019, Eq. 3): score s·cos(θ_y + m) against s·cosθ_j.

    Args:
        in_features: D.
        num_classes: C.
        s: scale; None keeps ‖x‖.
        m: margin in radians, in [0, π]; may be changed at any time.
        beyond_pi: behaviour for θ > π - m: "monotone", "exact" or "straight-through", see `margins.Combined`.
        chunk_size: see `Head`.
    """

    m = Setting(0, math.pi)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        s: float | None = 64.0,
        m: float = 0.5,
        beyond_pi: BeyondPi = "monotone",
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(in_features, num_classes, s, chunk_size)
        self.m, self.beyond_pi = m, beyond_pi
        self.rule.target(torch.zeros(()))  # a wrong beyond_pi is refused now, not in training

    @property
    def rule(self) -> Rule:
        """AdditiveAngle(m)."""
        return AdditiveAngle(self.m, self.beyond_pi)


class CombinedMargin(Head):
    """The unified margin (ArcFace paper, Eq. 4): score s(cos(m1·θ_y + m2) - m3) against s·cosθ_j.

    The defaults are the paper's CM1.

    Args:
        in_features: D.
        num_classes: C.
        s: scale; None keeps ‖x‖.
        m1: factor on the angle.
        m2: margin in radians.
        m3: margin in cosine units.
        beyond_pi: see `margins.Combined`.
        chunk_size: see `Head`.
    """

    m1 = Setting(1e-6, allowed="a positive number")
    m2 = Setting(0, math.pi)
    m3 = Setting(0, 2)

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        s: float | None = 64.0,
        m1: float = 1.0,
        m2: float = 0.3,
        m3: float = 0.2,
        beyond_pi: BeyondPi = "monotone",
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(in_features, num_classes, s, chunk_size)
        self.m1, self.m2, self.m3, self.beyond_pi = m1, m2, m3, beyond_pi
        self.rule.target(torch.zeros(()))

    @property
    def rule(self) -> Rule:
        """Combined(m1, m2, m3)."""
        return Combined(self.m1, self.m2, self.m3, self.beyond_pi)
