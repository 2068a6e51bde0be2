"""The small numerical experiments behind the theory chapters: everything is computed from the package's own losses."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from cosface_edu.evaluation.verification import verify
from cosface_edu.losses import CosFace, Head
from cosface_edu.losses.margins import Rule

Array = NDArray[np.float64]


def posterior(rule: Rule, s: ArrayLike, cos_target: ArrayLike, cos_others: ArrayLike, C: int) -> Array:
    """Posterior of the true class when all other classes lie at one and the same cosine.

    Args:
        rule: a rule of `cosface_edu.losses.margins`.
        s: scale, any shape; s, cos_target and cos_others broadcast against each other.
        cos_target: cosine to the sample's own class centre, any shape.
        cos_others: cosine to each of the C - 1 others, any shape.
        C: number of classes.

    Returns:
        p_y, float64, the shape of the three broadcast.
    """
    scale, own, other = (torch.as_tensor(np.asarray(v, dtype=np.float64)) for v in (s, cos_target, cos_others))
    lead = scale * (rule.target(own) - rule.others(other))  # by how much the target logit leads
    return torch.sigmoid(lead - math.log(C - 1)).numpy()


def simplex_posterior(rule: Rule, s: ArrayLike, C: int) -> Array:
    """Posterior of a class centre itself when the C centres form a simplex: the best that any network can reach.

    Args:
        rule: of the loss.
        s: scale; any shape.
        C: number of classes.

    Returns:
        Posteriors, of the shape of `s`.
    """
    return posterior(rule, s, 1.0, -1 / (C - 1), C)


def settle_centres(head: Head, steps: int = 400, lr: float = 0.05) -> Tensor:
    """Let a loss arrange its own class centres, each class being represented by its centre: no data, no network.

    Args:
        head: a head; its weight is changed in place.
        steps: of Adam.
        lr: learning rate, falling to zero along half a cosine.

    Returns:
        Unit centres (C, D), detached.
    """
    labels = torch.arange(head.num_classes, device=head.weight.device)
    optimiser = torch.optim.Adam([head.weight], lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        loss = head(head.weight, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            head.weight.copy_(F.normalize(head.weight))
    return head.weight.detach().clone()


def largest_cosines(centres: Tensor) -> Tensor:
    """Cosine of each class centre to its nearest neighbour: (C, D) -> (C,); rows are taken by the thousand.

    Args:
        centres: (C, D), of any length.

    Returns:
        (C,) in [-1, 1].
    """
    w = F.normalize(centres)
    nearest = []
    for low in range(0, len(w), 1024):
        cos = w[low : low + 1024] @ w.T  # (≤1024, C)
        cos[torch.arange(len(cos)), torch.arange(low, low + len(cos))] = -2.0
        nearest.append(cos.max(dim=1).values)
    return torch.cat(nearest)


def best_margin_found(C: int, K: int, steps: int = 600) -> float:
    """1 - the largest cosine between C centres in K dimensions that gradient descent has spread out as well as it can.

    A margin-free loss spreads its centres; a growing s makes it care for the nearest pair alone.

    Args:
        C: number of centres.
        K: dimensions.
        steps: of gradient descent.

    Returns:
        The margin, in cosine units.
    """
    head = CosFace(K, C, s=4.0, m=0.0).double()
    for s in (4.0, 16.0, 64.0, 256.0):
        head.s = s
        settle_centres(head, steps // 4, lr=0.2 / math.sqrt(s))
    return 1 - largest_cosines(head.weight.detach()).max().item()


def pull(rule: Rule, s: float, theta: ArrayLike, C: int, cos_others: float = 0.0) -> Array:
    """How strongly the loss turns a sample towards its class centre: dL/dθ_y, by automatic differentiation.

    Args:
        rule: a rule.
        s: scale.
        theta: angles θ_y to the sample's own class centre, radians, any shape.
        C: number of classes.
        cos_others: cosine to each of the others.

    Returns:
        dL/dθ_y, the shape of theta; 0 where the loss has nothing left to ask for.
    """
    angle = torch.tensor(np.asarray(theta, dtype=np.float64), requires_grad=True)
    lead = s * (rule.target(torch.cos(angle)) - rule.others(torch.tensor(cos_others, dtype=torch.float64)))
    loss = F.softplus(math.log(C - 1) - lead)  # = -log p_y
    (slope,) = torch.autograd.grad(loss.sum(), angle)
    return slope.numpy()


def quiet_angle(rule: Rule, s: float, C: int, cos_others: float = 0.0, P: float = 0.99) -> float:
    """Largest angle θ_y (radians) at which a sample already has posterior P: within it the loss is all but silent.

    Args:
        rule: of the loss.
        s: scale.
        C: number of classes.
        cos_others: cosine to every other class.
        P: posterior.

    Returns:
        The angle; NaN where no angle has that posterior.
    """
    theta = np.linspace(0, math.pi, 20_001)
    reached = posterior(rule, s, np.cos(theta), cos_others, C) >= P
    return float(theta[reached].max()) if reached.any() else math.nan


@dataclass(frozen=True, eq=False)
class Walk:
    """How a cloud of free embeddings moved: mean angle to the own centre and to the nearest other, degrees, by step.

    Attributes:
        own: (steps + 1,) mean angle to the own centre.
        nearest: (steps + 1,) mean angle to the nearest other centre.
    """

    own: Array
    nearest: Array


def walk(head: Head, per_class: int = 5, steps: int = 300, lr: float = 0.5, start: float = 80.0) -> Walk:
    """Gradient descent on free unit embeddings and class centres, with no network between loss and embedding.

    The gradient is divided by s, so that heads of different s take steps of like size.

    Args:
        head: an NSL-type head; its weight is changed in place.
        per_class: embeddings of each class.
        steps: of plain gradient descent.
        lr: learning rate.
        start: angle in degrees between an embedding and its class centre at the beginning.

    Returns:
        The angles, one value a step and one before the first.
    """
    assert head.s is not None  # an NSL-type head's
    C, D = head.weight.shape
    labels = torch.arange(C).repeat_interleave(per_class)
    with torch.no_grad():
        head.weight.copy_(F.normalize(torch.randn(C, D)))
        centre = head.weight[labels]  # (B, D)
        aside = torch.randn_like(centre)
        aside = F.normalize(aside - (aside * centre).sum(1, keepdim=True) * centre)
        turn = math.radians(start)
        x = (math.cos(turn) * centre + math.sin(turn) * aside).requires_grad_()
    own, nearest = [], []
    for _ in range(steps + 1):
        with torch.no_grad():
            cos = F.normalize(x) @ F.normalize(head.weight).T  # (B, C)
            own.append(cos.gather(1, labels[:, None]).clamp(-1, 1).acos().rad2deg().mean().item())
            rest = cos.scatter(1, labels[:, None], -2.0).max(1).values
            nearest.append(rest.clamp(-1, 1).acos().rad2deg().mean().item())
        gradients = torch.autograd.grad(head(x, labels) * C / head.s, (x, head.weight))
        with torch.no_grad():
            for point, slope, share in zip((x, head.weight), gradients, (per_class, 1), strict=True):
                point -= lr * share * slope
                point.copy_(F.normalize(point))
    return Walk(np.array(own), np.array(nearest))


def peeking_gains(pairs: int, sets: int = 200, apart: float = 4.5, seed: int = 0) -> Array:
    """What a threshold chosen on the test pairs gains over the ten-fold protocol, in points, on synthetic scores.

    Args:
        pairs: in each test set, half of them genuine.
        sets: number of test sets.
        apart: distance of the two score distributions in standard deviations; 4.5 gives an accuracy of about 98.8 %.
        seed: of the scores.

    Returns:
        (sets,) accuracy with the best threshold of all pairs minus accuracy by folds, times 100.
    """
    draw = np.random.default_rng(seed)
    same = np.arange(pairs) % 2 == 0
    gains = []
    for _ in range(sets):
        result = verify(draw.normal(np.where(same, apart, 0.0)), same)
        far, tar, _ = result.roc
        gains.append(100 * ((tar + 1 - far).max() / 2 - result.accuracy))  # as many genuine pairs as impostors
    return np.array(gains)
