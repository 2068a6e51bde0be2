"""Evaluation: from a network's embeddings to figures that can be compared with a paper's."""

from cosface_edu.extras import need

need(__name__)

from .blufr import BLUFR, blufr, draw_trials, read_blufr, tar_over_all_pairs
from .bootstrap import Interval, bootstrap, bootstrap_difference
from .challenges import evaluate_blufr, evaluate_identification, evaluate_megaface
from .embedding import as_one, choose_precision, cosine_scores, embed, fastest_precision, load_embedder
from .evaluate import Evaluation, evaluate, open_pairs, verify_pairs
from .identification import Identification, MegaFace, identify, megaface
from .measured import Measured
from .pairs import draw_pairs, faceworld_pairs
from .templates import pool
from .verification import ROC, Verification, verify

__all__ = [
    "BLUFR",
    "ROC",
    "Evaluation",
    "Identification",
    "Interval",
    "Measured",
    "MegaFace",
    "Verification",
    "as_one",
    "blufr",
    "bootstrap",
    "bootstrap_difference",
    "choose_precision",
    "cosine_scores",
    "draw_pairs",
    "draw_trials",
    "embed",
    "evaluate",
    "evaluate_blufr",
    "evaluate_identification",
    "evaluate_megaface",
    "faceworld_pairs",
    "fastest_precision",
    "identify",
    "load_embedder",
    "megaface",
    "open_pairs",
    "pool",
    "read_blufr",
    "tar_over_all_pairs",
    "verify",
    "verify_pairs",
]
