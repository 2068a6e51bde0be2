"""The original softmax loss."""

from cosface_edu import palette

from .head import Head
from .registry import register


@register("softmax", title="Softmax", paper="wang2018cosface", colour=palette.GREY)
class Softmax(Head):
    """The original softmax loss without bias (CosFace paper, Eq. 1-2): score ‖W_j‖‖x‖cosθ_j."""

    s = None
    normalise_centres = False
    splits = True
