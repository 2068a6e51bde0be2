"""Checks of the chapter on margins in cosine and in angle."""

import math

from cosface_edu.exercises import answers, exercise, truth


@exercise("cosine-or-angle-translate", hint="ArcFace's gap is its m; solve the formula of CosFace's gap for m.")
def translate(m: float) -> str:
    """CosFace's m with ArcFace's gap at m = 0.3 rad, for centres at 90°."""
    m = answers.number(m, 0, 1)
    arc, gap = math.pi / 2, truth.arcface_gap(math.pi / 2, 0.3)
    wanted, yours = answers.told(math.degrees(gap), math.degrees(truth.lmcl_gap(arc, m)), ".2f")
    assert abs(m - truth.lmcl_margin(arc, gap)) <= 1e-3, f"m = {m:.4f} leaves {yours}°; ArcFace leaves {wanted}°."
    return "the same demand in two units."


@exercise("cosine-or-angle-closest", hint="A sample on its own centre has cosine 1 to it and cos φ to the other.")
def closest(degrees: float) -> str:
    """Smallest angle between centres at which samples on them meet m = 0.35."""
    degrees = answers.number(degrees, 1, 179)
    beside = math.degrees(truth.lmcl_closest(0.35))
    assert abs(degrees - beside) > 0.1, (
        f"{degrees:.2f}° is how close they may be if samples leave their centres and lean away from each other. "
        "Asked is the angle for samples on their centres."
    )
    inside, outside = (truth.lmcl_edge(math.radians(degrees + d), 0.35) for d in (0.1, -0.1))
    assert not math.isnan(inside), f"At {degrees:.2f}° a sample on its centre does not meet the margin."
    assert math.isnan(outside), (
        f"At {degrees:.2f}° samples on their centres meet it, but so they do at a smaller angle."
    )
    return "closer than this, only samples that lean away from each other meet the margin."
