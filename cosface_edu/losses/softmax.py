"""The original softmax loss."""

from .head import Head
from .registry import register


@register("softmax", title="Softmax", paper="wang2018cosface", colour="#8c8c8c")
class Softmax(Head):
    """The original softmax loss without bias (CosFace paper, Eq. 1-2): score ‖W_j‖‖x‖cosθ_j."""

    s = None
    normalise_centres = False
    splits = True
