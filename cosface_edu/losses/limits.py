"""How large a cosine margin can be: the bound that heads warn about and `geometry` explains."""

import math


def max_margin(C: int, K: int) -> float:
    """Upper bound on CosFace's m for C class centres in K dimensions (paper, Eq. 7): 1 - (least largest cosine).

    * K = 1: two classes at ±1 (m ≤ 2); a third must share a centre (0).
    * K = 2: C equal steps round the circle, 1 - cos(2π/C). Exact.
    * C ≤ K + 1: the simplex, C/(C-1). Exact.
    * K + 1 < C ≤ 2K: 1, reached by mutually orthogonal centres and their opposites (Rankin 1955). Exact.
    * C > 2K: the larger centre cosine is at least that of Levenshtein's bound of degree 3 (1998). An
      upper bound on m, seldom reached; the paper says only m ≪ C/(C-1).

    Args:
        C: number of classes, ≥ 2.
        K: dimensions of the embedding, ≥ 1.

    Returns:
        The bound, in cosine units.

    Raises:
        ValueError: for C < 2 or K < 1.

    Example:
        >>> from cosface_edu.losses import max_margin
        >>> [round(max_margin(C, 2), 3) for C in (2, 3, 8)]  # in the plane
        [2.0, 1.5, 0.293]
        >>> round(max_margin(10_575, 512), 3)
        0.975
    """
    if C < 2:
        raise ValueError(f"C must be at least 2, got {C}")
    if K < 1:
        raise ValueError(f"K must be at least 1, got {K}")
    if C <= K + 1:
        return C / (C - 1)
    if K == 1:
        return 0.0
    if K == 2:
        return 1 - math.cos(2 * math.pi / C)
    if C <= 2 * K:
        return 1.0
    return 1 - _levenshtein(C, K)


def _levenshtein(C: int, K: int) -> float:
    """Least s with K(1-s)(2+(K+1)s)/(1-Ks²) ≥ C: no C > 2K unit vectors have a smaller largest cosine.

    Levenshtein's bound of degree 3 (1998), a rational function that rises from 2K at s = 0. It holds up to
    s = (√(K+3)-1)/(K+2); for more vectors than it allows there, that s is returned, still a valid bound.
    """
    last = (math.sqrt(K + 3) - 1) / (K + 2)
    # K(1-s)(2+(K+1)s) = C(1-Ks²)  <=>  K(C-K-1)s² + K(K-1)s + 2K - C = 0; its positive root
    a, b, c = K * (C - K - 1), K * (K - 1), 2 * K - C
    return min(last, (-b + math.sqrt(b * b - 4 * a * c)) / (2 * a))
