"""What LMCL does to the length of features that are not normalised: the CosFace paper's second reason, Sec. 3.3.

With equal cosines, as at the start, dL/d‖x‖ = m(1 - p_y) > 0: every step shortens every feature, all scores go to 0 and
every posterior to 1/C.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cosface_edu.losses import CosFace

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lengths:
    """A short training, by step, with one value before the first.

    Attributes:
        length: mean ‖x‖ of the batch, (steps,).
        loss: its loss, (steps,).
    """

    length: Array
    loss: Array


def train(m: float, batch_norm: bool = False, steps: int = 400, classes: int = 200, seed: int = 0) -> Lengths:
    """Train a small network from scratch under LMCL with features as long as they like.

    Args:
        m: margin in cosine units.
        batch_norm: whether the two hidden layers have it; SphereFace's networks do not.
        steps: of SGD with momentum 0.9 and learning rate 0.05, batches of 256.
        classes: C, each a Gaussian in 32 dimensions.
        seed: of data, start and batches.

    Returns:
        Lengths and losses.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        middle = torch.randn(classes, 32)
        layers: list[nn.Module] = []
        for wide in (32, 128):
            layers += [nn.Linear(wide, 128), *([nn.BatchNorm1d(128)] if batch_norm else []), nn.ReLU()]
        network, head = nn.Sequential(*layers, nn.Linear(128, 64)), CosFace(64, classes, s=None, m=m)
        optimiser = torch.optim.SGD([*network.parameters(), *head.parameters()], lr=0.05, momentum=0.9)
        length, losses = [], []
        for _ in range(steps):
            labels = torch.randint(classes, (256,))
            x = network(middle[labels] + torch.randn(256, 32))  # (256, 64)
            loss = head(x, labels)
            length.append(x.detach().norm(dim=1).mean().item())
            losses.append(loss.item())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return Lengths(np.array(length), np.array(losses))
