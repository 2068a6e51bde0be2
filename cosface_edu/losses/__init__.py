"""Losses, one file each: what it does to a cosine (its rule), its head, its card. Shared parts have files of their own.

`head` holds the class centres and is the one way to the loss, `settings` make the constructors, `registry` knows every
loss by name, `margins` is the base of the rules, `fused` computes the softmax over margin scores with its gradient,
`partial` samples classes, `schedules` change a loss in training, `limits` and `checks` refuse or warn of what cannot
work. A new loss is one more file here: it is found by being there.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING

from torch import nn

from .fused import Scores
from .head import Batch, Head
from .limits import max_margin
from .margins import NoMargin, Rule
from .partial import PartialFC, sample_classes
from .registry import Card, available, card, create, register
from .schedules import LambdaAnnealing, MarginWarmUp
from .settings import Choice, Count, Given, Scale, Setting

__all__ = [
    "Batch",
    "Card",
    "Choice",
    "Count",
    "Given",
    "Head",
    "LambdaAnnealing",
    "MarginWarmUp",
    "NoMargin",
    "PartialFC",
    "Rule",
    "Scale",
    "Scores",
    "Setting",
    "available",
    "card",
    "create",
    "max_margin",
    "register",
    "sample_classes",
]


def _gather() -> None:
    """Every loss and every rule that a file of this package defines, under its own name."""
    for found in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{found.name}")
        for name, value in vars(module).items():
            own = isinstance(value, type) and value.__module__ == module.__name__ and not name.startswith("_")
            if own and issubclass(value, (nn.Module, Rule)) and name not in globals():
                globals()[name] = value
                __all__.append(name)


_gather()


# What `_gather` finds, for type checkers and editors, which run nothing.
if TYPE_CHECKING:
    from .adacos import AdaCos as AdaCos
    from .adaface import AdaFace as AdaFace
    from .adaface import AdaptiveMargin as AdaptiveMargin
    from .arcface import AdditiveAngle as AdditiveAngle
    from .arcface import ArcFace as ArcFace
    from .asoftmax import ASoftmax as ASoftmax
    from .asoftmax import MultiplicativeAngle as MultiplicativeAngle
    from .asoftmax_normfea import ASoftmaxNormFea as ASoftmaxNormFea
    from .center import Center as Center
    from .circle import CircleLoss as CircleLoss
    from .circle import SelfPaced as SelfPaced
    from .combined import Combined as Combined
    from .combined import CombinedMargin as CombinedMargin
    from .contrastive import Contrastive as Contrastive
    from .cosface import LMCL as LMCL
    from .cosface import AdditiveCosine as AdditiveCosine
    from .cosface import AMSoftmax as AMSoftmax
    from .cosface import CosFace as CosFace
    from .curricularface import Curricular as Curricular
    from .curricularface import CurricularFace as CurricularFace
    from .elastic_arcface import ElasticArcFace as ElasticArcFace
    from .elastic_cosface import ElasticCosFace as ElasticCosFace
    from .lsoftmax import LSoftmax as LSoftmax
    from .magface import LengthAngle as LengthAngle
    from .magface import MagFace as MagFace
    from .nsl import NSL as NSL
    from .softmax import Softmax as Softmax
    from .softmax_center import SoftmaxCenter as SoftmaxCenter
    from .softmax_contrastive import SoftmaxContrastive as SoftmaxContrastive
    from .sphereface2 import PowerCosine as PowerCosine
    from .sphereface2 import SphereFace2 as SphereFace2
    from .sphereface_r import DividedAngle as DividedAngle
    from .sphereface_r import SphereFaceR as SphereFaceR
    from .sphereface_r import TruncatedAngle as TruncatedAngle
    from .subcenter_arcface import SubCenterArcFace as SubCenterArcFace
    from .triplet import Triplet as Triplet
