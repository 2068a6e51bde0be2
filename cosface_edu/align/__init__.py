"""From a photograph to a crop: detect five points, fit a similarity transform, warp."""

from cosface_edu.extras import need

need(__name__)

from .detector import Face, Search, detect
from .folder import FaceNotFound, OutOfMemory, align_folder
from .record import AlignReport, AlreadyAligned
from .similarity import TEMPLATE_112x96, TEMPLATE_112x112, estimate_similarity, template, warp

__all__ = [
    "AlignReport",
    "AlreadyAligned",
    "Face",
    "FaceNotFound",
    "OutOfMemory",
    "Search",
    "TEMPLATE_112x96",
    "TEMPLATE_112x112",
    "align_folder",
    "detect",
    "estimate_similarity",
    "template",
    "warp",
]
