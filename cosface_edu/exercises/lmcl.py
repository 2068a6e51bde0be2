"""Checks of the LMCL chapter."""

import numpy as np
import torch

from cosface_edu import geometry
from cosface_edu.exercises import exercise
from cosface_edu.losses import CosFace, margins


@exercise("lmcl-loss")
def _loss(answer) -> str:
    generator = torch.Generator().manual_seed(0)
    for s, m in [(8.0, 0.35), (30.0, 0.2), (64.0, 0.0)]:
        head = CosFace(in_features=16, num_classes=10, s=s, m=m).double()
        features = torch.randn(32, 16, generator=generator, dtype=torch.double)
        labels = torch.randint(10, (32,), generator=generator)
        cosines = head.logits(features).detach() / s
        truth, given = head(features, labels).item(), float(answer(cosines, labels, s, m))
        assert abs(given - truth) < 1e-9 * max(1, truth), (
            f"for s = {s:g}, m = {m:g} the package's loss is {truth:.6f}, yours is {given:.6f}"
        )
    return "equal to CosFace in the package, margin or none."


@exercise("lmcl-edge")
def _edge(answer) -> str:
    for degrees, m in [(60, 0.2), (45, 0.2), (90, 0.35), (150, 0.5), (20, 0.05), (30, 0.35)]:
        phi = np.radians(degrees)
        truth = float(geometry.edge_on_arc(margins.AdditiveCosine(m), phi))
        given = float(answer(phi, m))
        if np.isnan(truth):
            assert np.isnan(given), f"at φ = {degrees}° a margin of {m} cannot be met: return nan, not {given:.4f}"
        else:
            assert abs(given - truth) < 1e-6, (
                f"at φ = {degrees}°, m = {m} the numerical root is {np.degrees(truth):.3f}°, "
                f"you say {np.degrees(given):.3f}°"
            )
    return "agrees with the root that geometry finds from the loss's own rule."
