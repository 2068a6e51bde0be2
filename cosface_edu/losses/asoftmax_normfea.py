"""A-Softmax at a fixed scale."""

from cosface_edu import palette

from .asoftmax import ASoftmax
from .registry import register
from .settings import Scale


@register("asoftmax_normfea", title="A-Softmax-NormFea", paper="wang2018cosface", colour=palette.ORANGE)
class ASoftmaxNormFea(ASoftmax):
    """A-Softmax with normalised features (CosFace paper, Table 2): score s·ψ(θ_y) against s·cosθ_j.

    The paper does not state its scale.
    """

    s = Scale(64.0, optional=False)
    m = ASoftmax.m
    annealing = ASoftmax.annealing
