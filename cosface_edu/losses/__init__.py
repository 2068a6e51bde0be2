"""Losses: rules on a cosine (`margins`), heads that hold the class centres (`heads`, `kin`), pairs, schedules.

`fused` computes the softmax over margin scores with its gradient, `partial` samples classes, `limits` and `checks`
refuse or warn of what cannot work.
"""

from collections.abc import Callable
from typing import Any

from torch import nn

from .fused import Scores
from .heads import (
    LMCL,
    NSL,
    AMSoftmax,
    ArcFace,
    ASoftmax,
    ASoftmaxNormFea,
    CombinedMargin,
    CosFace,
    Head,
    LSoftmax,
    Softmax,
)
from .kin import (
    AdaFace,
    CurricularFace,
    ElasticArcFace,
    ElasticCosFace,
    MagFace,
    SphereFace2,
    SphereFaceR,
    SubCenterArcFace,
)
from .limits import max_margin
from .margins import (
    AdaptiveMargin,
    AdditiveAngle,
    AdditiveCosine,
    Combined,
    Curricular,
    DividedAngle,
    MultiplicativeAngle,
    NoMargin,
    PowerCosine,
    Rule,
    TruncatedAngle,
)
from .pairs import Center, Contrastive, SoftmaxCenter, SoftmaxContrastive, Triplet
from .partial import PartialFC, sample_classes
from .schedules import LambdaAnnealing, MarginWarmUp

_LOSSES: dict[str, Callable[..., nn.Module]] = {
    "softmax": Softmax,
    "nsl": NSL,
    "lsoftmax": LSoftmax,
    "asoftmax": ASoftmax,
    "asoftmax_normfea": ASoftmaxNormFea,
    "sphereface_r": SphereFaceR,
    "sphereface2": SphereFace2,
    "cosface": CosFace,
    "lmcl": CosFace,
    "amsoftmax": CosFace,
    "arcface": ArcFace,
    "combined": CombinedMargin,
    "subcenter_arcface": SubCenterArcFace,
    "curricularface": CurricularFace,
    "magface": MagFace,
    "adaface": AdaFace,
    "elastic_cosface": ElasticCosFace,
    "elastic_arcface": ElasticArcFace,
    "softmax_contrastive": SoftmaxContrastive,
    "softmax_center": SoftmaxCenter,
    # Without class centres: sizes are taken, so that every loss is created in the same way, and not used.
    "contrastive": lambda in_features, num_classes, **options: Contrastive(**options),
    "triplet": lambda in_features, num_classes, **options: Triplet(**options),
    "center": Center,
}


def available() -> list[str]:
    """Names that `create` knows."""
    return list(_LOSSES)


def create(
    name: str, *, in_features: int, num_classes: int, sample_rate: float | None = None, **options: Any
) -> nn.Module:
    """A loss by its name.

    Args:
        name: one of `available()`.
        in_features: D, length of an embedding.
        num_classes: C.
        sample_rate: share of the classes that take part in a step (`PartialFC`); None for all.
        **options: the loss's own arguments, such as s, m and chunk_size.

    Returns:
        An nn.Module: loss(features, labels) is a scalar. Heads have `weight`, the class centres, and `logits`;
        "contrastive", "triplet" and "center" have neither.

    Raises:
        ValueError: for an unknown name, or a sample_rate for a loss without class centres.
    """
    if name not in _LOSSES:
        raise ValueError(f"name must be one of {', '.join(available())}; got {name!r}")
    loss = _LOSSES[name](in_features, num_classes, **options)
    if sample_rate is None:
        return loss
    if not isinstance(loss, Head):
        raise ValueError(f"sample_rate must be None for {name!r}, which has no class centres; got {sample_rate!r}")
    return PartialFC(loss, sample_rate)


__all__ = [
    "LMCL",
    "NSL",
    "AMSoftmax",
    "ASoftmax",
    "ASoftmaxNormFea",
    "AdaFace",
    "AdaptiveMargin",
    "AdditiveAngle",
    "AdditiveCosine",
    "ArcFace",
    "Center",
    "Combined",
    "CombinedMargin",
    "Contrastive",
    "CosFace",
    "Curricular",
    "CurricularFace",
    "DividedAngle",
    "ElasticArcFace",
    "ElasticCosFace",
    "Head",
    "LSoftmax",
    "LambdaAnnealing",
    "MagFace",
    "MarginWarmUp",
    "MultiplicativeAngle",
    "NoMargin",
    "PartialFC",
    "PowerCosine",
    "Rule",
    "Scores",
    "Softmax",
    "SoftmaxCenter",
    "SoftmaxContrastive",
    "SphereFace2",
    "SphereFaceR",
    "SubCenterArcFace",
    "Triplet",
    "TruncatedAngle",
    "available",
    "create",
    "max_margin",
    "sample_classes",
]
