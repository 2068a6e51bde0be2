"""Checks of the softmax chapter."""

import numpy as np
import torch

from cosface_edu import geometry
from cosface_edu.exercises import exercise
from cosface_edu.losses import Softmax, margins


@exercise("softmax-edge")
def _edge(answer) -> str:
    for degrees, ratio in [(60, 1.0), (60, 0.7), (60, 1.3), (100, 0.9), (25, 1.05)]:
        phi = np.radians(degrees)
        truth = float(geometry.edge_on_arc(margins.NoMargin(), phi, ratio=ratio))
        given = float(answer(phi, ratio))
        assert abs(given - truth) < 1e-6, (
            f"for φ = {degrees}° and a ratio of {ratio} you say {np.degrees(given):.2f}°, "
            f"solving the equation numerically gives {np.degrees(truth):.2f}°"
        )
    return "your formula agrees with the numerical root for every angle and ratio tried."


@exercise("softmax-cheat")
def _cheat(answer) -> str:
    generator = torch.Generator().manual_seed(0)
    head = Softmax(in_features=2, num_classes=8)
    angles = torch.arange(8) * (2 * torch.pi / 8)
    with torch.no_grad():
        head.weight.copy_(torch.stack([angles.cos(), angles.sin()], dim=1))
    labels = torch.arange(8).repeat(20)
    features = head.weight.detach()[labels] * 2 + 0.3 * torch.randn(160, 2, generator=generator)
    features = features[head.logits(features).argmax(1) == labels]
    labels = head.logits(features).argmax(1)
    changed = answer(features.clone())
    assert isinstance(changed, torch.Tensor), "return the changed features as a tensor"
    assert changed.shape == features.shape, (
        f"expected features of shape {tuple(features.shape)}, got {tuple(changed.shape)}"
    )
    kept = (head.logits(changed).argmax(1) == labels).float().mean().item()
    assert kept == 1, f"only {kept:.0%} of the decisions are as before"
    before, after = head(features, labels).item(), head(changed, labels).item()
    assert after < before, f"the loss was {before:.4f} and is {after:.4f}: it did not fall"
    return f"the loss fell from {before:.3f} to {after:.3f}, and not one decision changed."
