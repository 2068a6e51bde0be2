"""Class centres on a circle and one sample of each: what a loss makes of them, also with two or three in one place.

There is no network and no data to blame: what is seen is the loss alone. The samples move too, as embeddings do: held
on their centres they could not lean away from a neighbour that is too near, and the loss would seem to want something
else.
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


def circle_loss(rule: Rule, s: float, angles: Tensor, samples: Tensor | None = None) -> Tensor:
    """Mean loss of one sample of each class, on a circle.

    Args:
        rule: a rule of `cosface_edu.losses.margins`.
        s: scale.
        angles: of the centres, radians, (..., C).
        samples: angle of each class's sample, radians, (..., C); none: every sample is on its centre.

    Returns:
        The loss (CosFace paper, Eq. 4), (...).
    """
    C = angles.shape[-1]
    cos = torch.cos((angles if samples is None else samples)[..., :, None] - angles[..., None, :])  # (..., C, C)
    own = torch.eye(C, dtype=torch.bool)
    logits = s * torch.where(own, rule.target(cos), rule.others(cos))
    return -logits.log_softmax(dim=-1).diagonal(dim1=-2, dim2=-1).mean(dim=-1)


@dataclass(frozen=True, eq=False)
class Settled:
    """An arrangement in which no place and no sample can move to the loss's advantage.

    Attributes:
        loss: mean over the classes.
        angles: of the places, radians, (places,).
        samples: of the classes' samples, radians, (C,), place after place.
    """

    loss: float
    angles: NDArray[np.float64]
    samples: NDArray[np.float64]

    @property
    def gaps(self) -> NDArray[np.float64]:
        """Between neighbouring places, going round, radians, (places,)."""
        around = np.sort(self.angles % (2 * np.pi))
        return np.diff(around, append=around[0] + 2 * np.pi)


def settle(rule: Rule, s: float, together: Sequence[int], tries: int = 3) -> Settled:
    """The best arrangement of places on the circle that hold so many classes each, and of the classes' samples.

    Args:
        rule: a rule.
        s: scale.
        together: classes in each place, going round: (1,) * 8 lets each of eight have its own, (2, 1, 1, 1, 1, 1, 1)
            makes two share. Places may come to lie on one another.
        tries: starts, the first of them evenly spread with every sample on its centre; the best is kept.

    Returns:
        The arrangement.

    Raises:
        ImportError: scipy is not installed, which the extra [evaluate] brings.
    """
    need_here("cosface_edu.geometry.settle", "evaluate", "scipy")
    from scipy.optimize import minimize  # the room's only use of it: the rest needs torch alone

    draw = np.random.default_rng(0)
    home = np.repeat(np.arange(len(together)), together)  # (C,) the place of each class
    places = len(together)

    def value_and_slope(both: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        angles = torch.tensor(both, requires_grad=True)  # (places + C,)
        loss = circle_loss(rule, s, angles[:places][home], angles[places:])
        (slope,) = torch.autograd.grad(loss, angles)
        return loss.item(), slope.numpy()

    found = []
    for number in range(tries):
        even = 2 * np.pi * np.arange(places) / places
        start = np.concatenate([even, even[home]])
        start = start + (draw.normal(0, 0.1, len(start)) if number else 0)
        found.append(minimize(value_and_slope, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-14}))
    best = min(found, key=lambda result: result.fun)
    return Settled(float(best.fun), np.asarray(best.x[:places]), np.asarray(best.x[places:]))


def even_curvature(rule: Rule, s: float, C: int) -> float:
    """How the loss bends at even spacing, each sample on its centre.

    Args:
        rule: a rule.
        s: scale.
        C: classes on the circle.

    Returns:
        The smallest eigenvalue of the loss's second derivative by the angles of centres and samples, per square radian,
        beside the 0 of turning the whole circle: positive where every small move costs, a valley; negative where some
        small move pays, a saddle.
    """
    even = 2 * torch.pi * torch.arange(C, dtype=torch.float64) / C
    bend = torch.autograd.functional.hessian(
        lambda both: circle_loss(rule, s, both[:C], both[C:]), torch.cat([even, even])
    )  # (2C, 2C)
    turn = torch.full((2 * C, 1), (2 * C) ** -0.5, dtype=torch.float64)
    stiff = bend + bend.abs().sum() * turn @ turn.T  # the turn of all costs nothing: out of the way with it
    return float(torch.linalg.eigvalsh(stiff).min())


def places_from_random_starts(
    rule: Rule, s: float, C: int, starts: int = 50, steps: int = 800, seed: int = 0
) -> NDArray[np.int64]:
    """Into how many places gradient descent brings C centres that begin anywhere on the circle, samples on them.

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
    angles = 2 * torch.pi * torch.rand(starts, C, dtype=torch.float64, generator=generator)
    both = angles.repeat(1, 2).requires_grad_()  # (starts, 2C): centres, then samples
    optimiser = torch.optim.Adam([both], lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        (both.grad,) = torch.autograd.grad(circle_loss(rule, s, both[:, :C], both[:, C:]).sum(), both)
        optimiser.step()
        schedule.step()
    around = both[:, :C].detach().remainder(2 * torch.pi).sort(dim=1).values  # (starts, C)
    gaps = F.pad(around, (0, 1)).diff(dim=1)  # (starts, C); the last one goes past 2π to the first
    gaps[:, -1] = around[:, 0] + 2 * torch.pi - around[:, -1]
    return (gaps > np.radians(2)).sum(dim=1).numpy()
