"""L-Softmax: A-Softmax's margin with class centres at their own length."""

from cosface_edu import palette

from .asoftmax import ASoftmax
from .registry import register


@register("lsoftmax", title="L-Softmax", paper="liu2016lsoftmax", colour=palette.OLIVE)
class LSoftmax(ASoftmax):
    """L-Softmax (Liu et al. 2016, Eq. 4-6): score ‖W_y‖‖x‖ψ(θ_y) against ‖W_j‖‖x‖cosθ_j.

    The centres keep their own lengths.
    """

    s = None
    normalise_centres = False
