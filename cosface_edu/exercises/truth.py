"""What checks in `plain` compare an answer with: the package's formulas in plain Python.

Pages have no torch. The tests hold each function here to `cosface_edu.losses` or `cosface_edu.geometry`, which alone
say what is true.
"""

import math


def lmcl_edge(phi: float, m: float) -> float:
    """Angle from a centre to LMCL's boundary on the arc to a neighbour, NaN where the margin cannot be met.

    Args:
        phi: angle between the centres, radians.
        m: margin, cosine units.
    """
    if m > 1 - math.cos(phi):
        return math.nan
    return phi / 2 - math.asin(m / (2 * math.sin(phi / 2)))


def lmcl_gap(phi: float, m: float) -> float:
    """LMCL's gap between two centres, radians; NaN where the margin cannot be met."""
    return phi - 2 * lmcl_edge(phi, m)


def arcface_gap(phi: float, m: float) -> float:
    """ArcFace's gap between two centres, radians: m itself, as long as it fits; NaN where it cannot be met."""
    return m if m <= phi else math.nan


def band_width(m: float) -> float:
    """Width of LMCL's band on the plane of the two cosines, straight across."""
    return math.sqrt(2) * m
