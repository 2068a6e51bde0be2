"""Class centres on a circle, each its own only sample: what a loss makes of them, and of two or three in one place.

With nothing but the centres there is no network and no data to blame: what is seen is the loss alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cosface_edu.extras import need_here
from cosface_edu.losses.margins import Rule


def circle_loss(rule: Rule, s: float, angles: Tensor) -> Tensor:
    """Mean loss of class centres on a circle, every class being represented by its centre.

    Args:
        rule: a rule of `cosface_edu.losses.margins`.
        s: scale.
        angles: of the centres, radians, (..., C).

    Returns:
        The loss (CosFace paper, Eq. 4), (...).
    """
    C = angles.shape[-1]
    cos = torch.cos(angles[..., :, None] - angles[..., None, :])  # (..., C, C)
    own = torch.eye(C, dtype=torch.bool)
    logits = s * torch.where(own, rule.target(cos), rule.others(cos))
    return -logits.log_softmax(dim=-1).diagonal(dim1=-2, dim2=-1).mean(dim=-1)


@dataclass(frozen=True, eq=False)
class Settled:
    """An arrangement in which no place can move to the loss's advantage.

    Attributes:
        loss: mean over the classes.
        angles: of the places, radians, (places,).
    """

    loss: float
    angles: NDArray[np.float64]


def settle(rule: Rule, s: float, together: Sequence[int], tries: int = 3) -> Settled:
    """The best arrangement of places on the circle that hold so many classes each.

    Args:
        rule: a rule.
        s: scale.
        together: classes in each place, going round: (1,) * 8 keeps eight apart, (2, 1, 1, 1, 1, 1, 1) lets two share.
        tries: starts, the first of them evenly spread; the best is kept.

    Returns:
        The arrangement.

    Raises:
        ImportError: scipy is not installed, which the extra [evaluate] brings.
    """
    need_here("cosface_edu.geometry.settle", "evaluate", "scipy")
    from scipy.optimize import minimize  # the room's only use of it: the rest needs torch alone

    draw = np.random.default_rng(0)
    place = torch.arange(len(together)).repeat_interleave(torch.tensor(together))  # (C,)

    def value_and_slope(places: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        angles = torch.tensor(places, requires_grad=True)
        loss = circle_loss(rule, s, angles[place])
        (slope,) = torch.autograd.grad(loss, angles)
        return loss.item(), slope.numpy()

    found = []
    for number in range(tries):
        start = 2 * np.pi * np.arange(len(together)) / len(together)
        start = start + (draw.normal(0, 0.1, len(start)) if number else 0)
        found.append(minimize(value_and_slope, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-14}))
    best = min(found, key=lambda result: result.fun)
    return Settled(float(best.fun), np.asarray(best.x))


def even_curvature(rule: Rule, s: float, C: int) -> float:
    """How the loss bends at even spacing: positive where every small move of the centres costs, a valley.

    Args:
        rule: a rule.
        s: scale.
        C: classes on the circle.

    Returns:
        The smallest eigenvalue of the loss's second derivative by the centres' angles, per square radian, beside the
        0 of turning the whole circle.
    """
    even = 2 * torch.pi * torch.arange(C, dtype=torch.float64) / C
    bend = torch.autograd.functional.hessian(lambda angles: circle_loss(rule, s, angles), even)  # (C, C)
    turn = torch.full((C, 1), C**-0.5, dtype=torch.float64)
    stiff = bend + bend.abs().sum() * turn @ turn.T  # the turn of all costs nothing: out of the way with it
    return float(torch.linalg.eigvalsh(stiff).min())


def places_from_random_starts(
    rule: Rule, s: float, C: int, starts: int = 50, steps: int = 800, seed: int = 0
) -> NDArray[np.int64]:
    """Into how many places gradient descent brings C centres that begin anywhere on the circle.

    Args:
        rule: a rule.
        s: scale.
        C: classes.
        starts: how many random starts.
        steps: of Adam from each, its rate falling to zero along half a cosine.
        seed: of the starts.

    Returns:
        Places that are more than 2° apart, (starts,).
    """
    generator = torch.Generator().manual_seed(seed)
    angles = (2 * torch.pi * torch.rand(starts, C, dtype=torch.float64, generator=generator)).requires_grad_()
    optimiser = torch.optim.Adam([angles], lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        (angles.grad,) = torch.autograd.grad(circle_loss(rule, s, angles).sum(), angles)
        optimiser.step()
        schedule.step()
    around = angles.detach().remainder(2 * torch.pi).sort(dim=1).values  # (starts, C)
    gaps = F.pad(around, (0, 1)).diff(dim=1)  # (starts, C); the last one goes past 2π to the first
    gaps[:, -1] = around[:, 0] + 2 * torch.pi - around[:, -1]
    return (gaps > np.radians(2)).sum(dim=1).numpy()
