"""Where the losses from before the margins pull: the same few embeddings under each, by automatic differentiation."""

from collections.abc import Callable

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from cosface_edu.figures import style
from cosface_edu.losses import Center, Contrastive, Softmax, Triplet

#: Directions in degrees of three pictures each of three people; the first two people look alike.
DEGREES = {0: (72.0, 90.0, 112.0), 1: (18.0, 40.0, 60.0), 2: (200.0, 250.0, 275.0)}


def embeddings() -> tuple[Tensor, Tensor]:
    """Nine embeddings of length 1, (9, 2), and who they show, (9,)."""
    angles = torch.tensor([angle for person in DEGREES.values() for angle in person], dtype=torch.float64).deg2rad()
    labels = torch.arange(len(DEGREES)).repeat_interleave(3)
    return torch.stack([angles.cos(), angles.sin()], dim=1), labels


def _losses(x: Tensor, labels: Tensor) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    means = torch.stack([x[labels == person].mean(dim=0) for person in labels.unique()])
    softmax, center = Softmax(2, len(means)).double(), Center(2, len(means)).double().eval()
    with torch.no_grad():
        softmax.weight.copy_(means)
        center.centers.copy_(means)
    return {"Softmax": softmax, "Contrastive": Contrastive(), "Triplet, hardest": Triplet(), "Center": center}


def forces() -> dict[str, Tensor]:
    """Minus the gradient of each loss on each embedding, (9, 2), by the loss's name."""
    x, labels = embeddings()
    found = {}
    for name, loss in _losses(x, labels).items():
        at = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(loss(at, labels), at)
        found[name] = -slope
    return found


def pulls() -> Figure:
    """Nine embeddings of three people and the force of each loss on each; a panel's longest arrow is half a radius."""
    x, labels = embeddings()
    figure, panels = style.subplots(2, 2, figsize=(5.8, 6.2))
    turn = np.linspace(0, 2 * np.pi, 181)
    for axes, (name, force) in zip(panels.flat, forces().items(), strict=True):
        axes.plot(np.cos(turn), np.sin(turn), color=style.GUIDE, linewidth=0.7)
        arrows = 0.5 * force / force.norm(dim=1).max()
        for (px, py), (ax, ay), person in zip(x.tolist(), arrows.tolist(), labels.tolist(), strict=True):
            axes.plot(px, py, style.MARKERS[person], color=style.IDENTITIES[person], markersize=7)
            if ax * ax + ay * ay > 1e-6:
                arrow = {"arrowstyle": "-|>", "color": style.IDENTITIES[person], "linewidth": 1.4}
                axes.annotate("", (px + ax, py + ay), (px, py), arrowprops=arrow)
        axes.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal")
        axes.set_title(name, fontsize=11)
        axes.axis("off")
    return figure
