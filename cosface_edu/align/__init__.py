"""From a photograph to a crop: detect five points, fit a similarity transform, warp."""

from .similarity import TEMPLATE_112x96, TEMPLATE_112x112, estimate_similarity, template, warp

__all__ = ["TEMPLATE_112x96", "TEMPLATE_112x112", "estimate_similarity", "template", "warp"]
