"""Figures in matplotlib and plotly, explorers for live notebooks, and the browser lab.

`style` holds the one look of all of them. Figures of the toys are in `embeddings`, `slider` and `explorer`, those of
the rules in `rules`; the most used are named here.
"""

from cosface_edu.extras import need

need(__name__)

from cosface_edu.figures.embeddings import (
    angle_distribution,
    angular_row,
    contact_sheet,
    describe,
    euclidean_and_angular,
    fig4_grid,
    score_histograms,
)
from cosface_edu.figures.explorer import explorer
from cosface_edu.figures.rules import (
    cosine_plane,
    fig2_planes,
    fig3_wedges,
    gap_curves,
    softmax_plane,
    target_logits,
)
from cosface_edu.figures.slider import margin_slider, margin_slider_html, to_page_html

__all__ = [
    "angle_distribution",
    "angular_row",
    "contact_sheet",
    "cosine_plane",
    "describe",
    "euclidean_and_angular",
    "explorer",
    "fig2_planes",
    "fig3_wedges",
    "fig4_grid",
    "gap_curves",
    "margin_slider",
    "margin_slider_html",
    "score_histograms",
    "softmax_plane",
    "target_logits",
    "to_page_html",
]
