"""Evaluation: from a network's embeddings to figures that can be compared with a paper's."""

from .blufr import BLUFR, blufr, draw_trials, read_blufr
from .bootstrap import Interval, bootstrap
from .embedding import cosine_scores, embed, fastest_precision, load_embedder
from .identification import Identification, MegaFace, identify, megaface
from .pairs import draw_pairs, faceworld_pairs
from .templates import pool
from .verification import ROC, Verification, verify

__all__ = [
    "BLUFR",
    "ROC",
    "Identification",
    "Interval",
    "MegaFace",
    "Verification",
    "blufr",
    "bootstrap",
    "cosine_scores",
    "draw_pairs",
    "draw_trials",
    "embed",
    "faceworld_pairs",
    "fastest_precision",
    "identify",
    "load_embedder",
    "megaface",
    "pool",
    "read_blufr",
    "verify",
]
