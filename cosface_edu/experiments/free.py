"""Features without a network, free to move under a loss: where a loss leads when nothing but itself decides.

What all features have in common, as those of an untrained network have, is a part of its own: a loss can move all of
them at once, as a bias does.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn import functional as F

from cosface_edu.losses import Head


class Seen(NamedTuple):
    """The features at a step: share whose own score without margin is highest, and mean cosines to centres.

    Attributes:
        step: counted from 0.
        loss: with the margin.
        accuracy: without the margin.
        target: mean cosine to its own centre.
        all: mean cosine to all centres.
    """

    step: int
    loss: float
    accuracy: float
    target: float
    all: float


def descend(
    make: Callable[[], Head], steps: int = 400, lr: float = 0.03, own: float = 0.3, each: int = 5, seed: int = 0
) -> list[Seen]:
    """Gradient descent on features and class centres.

    Args:
        make: makes a head, after the seed has been set.
        steps: of SGD with momentum 0.9.
        lr: its rate.
        own: length of what is a person's own at the start, beside 1 of what all have in common.
        each: pictures of a person, a tenth of `own` apart.
        seed: of the start.

    Returns:
        What was seen at the first step, at some between, and at the last.
    """
    torch.manual_seed(seed)
    head = make()
    assert head.s is not None  # cosines are asked for
    C, D = head.weight.shape
    labels = torch.arange(C).repeat_interleave(each)  # (B,)
    common = F.normalize(torch.randn(D), dim=0).requires_grad_()  # (D,)
    person = F.normalize(torch.randn(C, D), dim=1)[labels]  # (B, D)
    rest = (own * (person + 0.1 * torch.randn(len(labels), D))).requires_grad_()
    optimiser = torch.optim.SGD([common, rest, head.weight], lr, momentum=0.9)
    shown, seen = {0, steps // 8, steps // 4, steps // 2, steps - 1}, []
    for step in range(steps):
        features = common + rest
        loss = head(features, labels)
        if step in shown:
            with torch.no_grad():
                cos = head.logits(features) / head.s  # (B, C)
            right = (cos.argmax(dim=1) == labels).float().mean()
            target = cos.gather(1, labels[:, None]).mean()
            seen.append(Seen(step, loss.item(), float(right), float(target), float(cos.mean())))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return seen


def opposite_loss(C: int, s: float, m: float) -> float:
    """Loss of cos(θ + m), as it is, where every feature is opposite to every centre: ln(1 + (C-1)e^{-s(1-cos m)}).

    Args:
        C: number of classes.
        s: scale.
        m: margin in radians.
    """
    return math.log1p((C - 1) * math.exp(-s * (1 - math.cos(m))))
