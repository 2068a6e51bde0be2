"""Geometry of the losses: margins on an arc (`arcs`), bounds on s and m (`bounds`) and what they say of one's own data
(`advice`), centres on a circle (`circle`), and what two-dimensional features leave between classes (`plane`)."""

from cosface_edu.losses.limits import max_margin

from . import plane
from .advice import Advice, advise, margin_room, random_start_loss, scale_for_all
from .arcs import accepted_arcs, boundary, edge_on_arc, gap_on_arc
from .bounds import min_scale, simplex, start_loss, welch_bound
from .circle import Settled, circle_loss, even_curvature, places_from_random_starts, settle

__all__ = [
    "Advice",
    "Settled",
    "accepted_arcs",
    "advise",
    "boundary",
    "circle_loss",
    "edge_on_arc",
    "even_curvature",
    "gap_on_arc",
    "margin_room",
    "max_margin",
    "min_scale",
    "places_from_random_starts",
    "plane",
    "random_start_loss",
    "scale_for_all",
    "settle",
    "simplex",
    "start_loss",
    "welch_bound",
]
