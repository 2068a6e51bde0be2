"""Sub-center ArcFace: several centres a class."""

from cosface_edu import palette

from .arcface import ArcFace
from .registry import register
from .settings import Count


@register("subcenter_arcface", title="Sub-center ArcFace", paper="deng2020subcenter", colour=palette.GREEN)
class SubCenterArcFace(ArcFace):
    """Sub-center ArcFace (Deng et al. 2020, Eq. 2): K centres a class, and a class scores by the nearest of them.

    A class's clean images gather round one centre, its mislabelled ones round another. `weight` holds the centres of
    class j in rows jK to jK + K - 1.
    """

    sub_centers = Count(3, 1, text="K", fixed=True)
    beyond_pi = ArcFace.beyond_pi
