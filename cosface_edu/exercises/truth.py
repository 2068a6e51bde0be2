"""What checks in `plain` compare an answer with: the package's formulas in plain Python.

Pages have no torch. The tests hold each function here to `cosface_edu.losses` or `cosface_edu.geometry`, which alone
say what is true.
"""

import math


def lmcl_edge(phi: float, m: float) -> float:
    """Angle from a centre to LMCL's boundary on the arc to a neighbour, NaN where nothing on it meets the margin.

    Args:
        phi: angle between the centres, radians.
        m: margin, cosine units.
    """
    if m > 1 - math.cos(phi):
        return math.nan
    return phi / 2 - math.asin(m / (2 * math.sin(phi / 2)))


def lmcl_gap(phi: float, m: float) -> float:
    """LMCL's gap between two centres, radians; NaN where nothing between them meets the margin."""
    return phi - 2 * lmcl_edge(phi, m)


def lmcl_closest(m: float) -> float:
    """Least angle between two centres, radians, at which samples that leave their centres meet LMCL's margin."""
    return 2 * math.asin(m / 2)


def lmcl_margin(phi: float, gap: float) -> float:
    """The margin with which LMCL leaves a gap between two centres; both angles in radians."""
    return 2 * math.sin(phi / 2) * math.sin(gap / 2)


def arcface_gap(phi: float, m: float) -> float:
    """ArcFace's gap between two centres, radians: m itself, as long as it fits; NaN where it cannot be met."""
    return m if m <= phi else math.nan


def band_width(m: float) -> float:
    """Width of LMCL's band on the plane of the two cosines, straight across."""
    return math.sqrt(2) * m


def softmax_edge(phi: float, ratio: float) -> float:
    """Angle from the first centre at which softmax changes its mind, radians.

    Args:
        phi: angle between the centres, radians.
        ratio: length of the second centre over that of the first.
    """
    return math.atan2(1 - ratio * math.cos(phi), ratio * math.sin(phi))


def a_softmax_psi(theta: float, m: int) -> float:
    """A-Softmax's ψ for an integer m: (-1)^k cos(mθ) - 2k on the k-th m-th part of [0, π]."""
    k = min(math.floor(m * theta / math.pi), m - 1)
    return (-1) ** k * math.cos(m * theta) - 2 * k


def a_softmax_edge(phi: float, m: float) -> float:
    """A-Softmax's edge on an arc, radians: mθ = φ - θ."""
    return phi / (m + 1)


def combined_gap(phi: float, m2: float, m3: float) -> float:
    """Gap that cos(θ + m2) - m3 leaves between two centres, radians; NaN where nothing between them meets it."""
    if m2 > phi or math.cos(m2) - m3 < math.cos(phi):
        return math.nan
    low, high = 0.0, phi / 2
    for _ in range(60):
        edge = (low + high) / 2
        if math.cos(edge + m2) - m3 >= math.cos(phi - edge):
            low = edge
        else:
            high = edge
    return phi - 2 * low


def circle_margin(C: int) -> float:
    """Largest m that C even centres on a circle allow LMCL (paper, Eq. 7)."""
    return 1 - math.cos(2 * math.pi / C) if C > 1 else math.inf


def margin_met(pictures: list[float], classes: list[int], centres: list[float], m: float) -> float:
    """Share of pictures whose cosine to their own centre leads every other by LMCL's margin.

    Args:
        pictures: directions on the circle, degrees.
        classes: for each picture, the number of its centre.
        centres: directions of the class centres, degrees.
        m: margin, cosine units.
    """

    def lead(angle: float, own: int) -> float:
        cos = [math.cos(math.radians(angle - centre)) for centre in centres]
        return cos[own] - max(c for j, c in enumerate(cos) if j != own)

    return sum(lead(*picture) >= m for picture in zip(pictures, classes, strict=True)) / len(pictures)


def simplex_scale(C: int, P: float, m: float = 0.0) -> float:
    """Least s at which a centre of a simplex of C reaches posterior P (paper, Eq. 6, with the margin)."""
    return (math.log(P / (1 - P)) + math.log(C - 1)) / (C / (C - 1) - m)


def softmax(scores: list[float]) -> list[float]:
    """Posterior of each class."""
    top = max(scores)
    powers = [math.exp(z - top) for z in scores]
    return [power / sum(powers) for power in powers]


def lmcl_scores(cos: list[float], y: int, s: float, m: float) -> list[float]:
    """LMCL's scores of one sample of class y (paper, Eq. 4)."""
    return [s * (c - m) if j == y else s * c for j, c in enumerate(cos)]


def quiet_angle(s: float, m: float, C: int, P: float = 0.99) -> float:
    """Angle at which a sample, the others at 90°, has posterior P under LMCL, radians; NaN where it never has."""
    cos = (math.log(C - 1) + math.log(P / (1 - P))) / s + m
    return math.acos(cos) if cos <= 1 else math.nan


#: Layers in the name of a SphereFace network -> blocks a stage, as `networks.sphereface.BLOCKS` has them.
BLOCKS = {4: (0, 0, 0, 0), 10: (0, 1, 2, 0), 20: (1, 2, 4, 1), 36: (2, 4, 8, 2), 64: (3, 8, 16, 3)}


def fc_parameters(h: int, w: int) -> int:
    """Parameters of a SphereFace network's last layer for images h × w and 512 features."""
    return 512 * math.ceil(h / 16) * math.ceil(w / 16) * 512 + 512


#: The small schedule, as the preset `casia` has it.
STEPS, BATCH = 30_000, 512


def learning_rate(step: int) -> float:
    """Of the small schedule at a step counted from 0."""
    return 0.1 * 0.1 ** sum(step >= milestone for milestone in (16_000, 24_000, 28_000))


def tar_at_far(genuine: list[float], impostor: list[float], far: float) -> float:
    """Largest true accept rate of a threshold, accepted from it on, whose false accept rate is at most far."""
    allowed = math.floor(far * len(impostor) * (1 + 1e-12))
    falling = sorted(impostor, reverse=True)
    if allowed >= len(falling):
        return 1.0
    return sum(score > falling[allowed] for score in genuine) / len(genuine)


def similarity(p: list[complex], q: list[complex]) -> tuple[complex, complex]:
    """z and t of the least-squares similarity q ≈ z·p + t of points as complex numbers."""
    mid_p, mid_q = sum(p) / len(p), sum(q) / len(q)
    top = sum((a - mid_p).conjugate() * (b - mid_q) for a, b in zip(p, q, strict=True))
    z = top / sum(abs(a - mid_p) ** 2 for a in p)
    return z, mid_q - z * mid_p


def cosine_gradient(cos: list[float], y: int, s: float, m: float) -> list[float]:
    """∂L/∂cosθ of LMCL for one sample of class y: s(p - 1) for its own cosine, s·p for the others."""
    return [s * (p - (j == y)) for j, p in enumerate(softmax(lmcl_scores(cos, y, s, m)))]


def length_gradient(u: list[float], y: int, length: float) -> float:
    """∂L/∂‖x‖ of a softmax over the scores ‖x‖u, for a sample of class y."""
    p = softmax([length * value for value in u])
    return sum(a * b for a, b in zip(p, u, strict=True)) - u[y]


def rank_one(genuine: list[float], strangers: list[list[float]], n: int) -> float:
    """Share of probes whose genuine score is above those of the first n strangers, all of them.

    Args:
        genuine: score of each probe with its own person.
        strangers: each probe's scores with the strangers.
        n: how many strangers there are.
    """
    first = sum(all(g > s for s in row[:n]) for g, row in zip(genuine, strangers, strict=True))
    return first / len(genuine)


def most_with_room(D: int, m: float) -> int:
    """Most classes that leave room for m in D dimensions, for m from 1 to 2."""
    return 2 * D if m == 1 else min(D + 1, math.floor(m / (m - 1) + 1e-9))


def even_loss(people: int, s: float, m: float) -> float:
    """CosFace's loss of a sample on its own class centre, where the centres stand evenly on a circle."""
    others = (math.cos(2 * math.pi * k / people) for k in range(1, people))
    return math.log(1 + sum(math.exp(s * (cos - 1 + m)) for cos in others))
