"""NSL: the cosine alone."""

from cosface_edu import palette

from .head import Head
from .registry import register
from .settings import Scale


@register("nsl", title="NSL", paper="wang2018cosface", colour=palette.SKY)
class NSL(Head):
    """Normalised softmax loss (CosFace paper, Eq. 3): score s·cosθ_j, ‖W_j‖ = 1, ‖x‖ = s.

    With s=None, ‖x‖ is kept ("modified softmax" of the SphereFace paper).
    """

    s = Scale(64.0)
    splits = True
