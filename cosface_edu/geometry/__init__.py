"""The geometry of the losses: boundaries and margins on an arc (`arcs`), bounds on s and m (`bounds`)."""

from cosface_edu.losses.limits import max_margin

from .arcs import boundary, edge_on_arc, gap_on_arc
from .bounds import min_scale, simplex, start_loss, welch_bound

__all__ = [
    "boundary",
    "edge_on_arc",
    "gap_on_arc",
    "max_margin",
    "min_scale",
    "simplex",
    "start_loss",
    "welch_bound",
]
