"""How large s must be, how large m can be, and what a head costs before it has learned anything."""

import math

import torch
from torch import Tensor


def min_scale(C: int, P: float, m: float = 0.0) -> float:
    """Least s for which a class centre can reach posterior P (CosFace paper, Eq. 6; with m our derivation).

    Every centre sits on the vertices of a simplex: cosθ_y = 1, cosθ_j = -1/(C-1), so that
    P = 1 / (1 + (C-1) exp(-s(C/(C-1) - m))). The paper's proof leaves m out.

    Args:
        C: number of classes, ≥ 2.
        P: expected posterior of a class centre, in (1/C, 1).
        m: cosine margin, below C/(C-1).

    Returns:
        s.

    Raises:
        ValueError: for arguments outside these ranges.
    """
    if C < 2:
        raise ValueError(f"C must be at least 2, got {C}")
    if not 1 / C < P < 1:
        raise ValueError(f"P must lie in (1/C, 1) = ({1 / C:.4g}, 1), got {P}: s = 0 gives every class 1/C")
    if not m < C / (C - 1):
        raise ValueError(f"m must be below C/(C-1) = {C / (C - 1):.4g}, got {m}: no s reaches any P > 1/C beyond it")
    return math.log((C - 1) * P / (1 - P)) / (C / (C - 1) - m)


def start_loss(C: int, s: float, m: float) -> float:
    """ln(1 + (C-1)e^{sm}): CosFace's loss when all cosines are equal, as they about are before training.

    Args:
        C: number of classes.
        s: scale.
        m: margin, in cosine units; of another loss, by how much its target is behind the others at that cosine.

    Returns:
        The loss, in nats.
    """
    exponent = s * m + math.log(C - 1)
    return exponent + math.log1p(math.exp(-exponent)) if exponent > 0 else math.log1p(math.exp(exponent))


def welch_bound(C: int, K: int) -> float:
    """√((C-K)/(K(C-1))): no C unit vectors in K dimensions have a smaller largest size of a cosine (Welch 1974).

    Args:
        C: number of vectors.
        K: dimensions.

    Returns:
        The bound, in cosine units; 0 if C ≤ K.
    """
    return math.sqrt((C - K) / (K * (C - 1))) if C > K else 0.0


def simplex(C: int) -> Tensor:
    """C unit vectors in C-1 dimensions, every two of them at cosine -1/(C-1).

    Args:
        C: number of vectors, at least 2.

    Returns:
        (C, C-1) in float64.

    Raises:
        ValueError: for C < 2.
    """
    if C < 2:
        raise ValueError(f"C must be at least 2, got {C}")
    centred = torch.eye(C, dtype=torch.float64) - 1 / C  # (C, C), rank C-1
    basis = torch.linalg.qr(centred[:, :-1]).Q  # (C, C-1), an orthonormal basis of the plane Σ = 0
    vertices = centred @ basis  # (C, C-1)
    return vertices / vertices.norm(dim=1, keepdim=True)
