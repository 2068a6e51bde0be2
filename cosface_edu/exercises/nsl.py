"""Check of the NSL chapter."""

import math

import torch

from cosface_edu.exercises import exercise
from cosface_edu.losses import NSL


@exercise("nsl-posterior")
def _posterior(answer) -> str:
    for s, classes, cosine in [(1.0, 8, 0.0), (5.0, 8, -1 / 7), (16.0, 100, 0.3), (2.0, 2, -1.0)]:
        # W_0 = e_0, all others at the cosine asked for; a sample on W_0.
        head = NSL(in_features=2, num_classes=classes, s=s).double()
        with torch.no_grad():
            head.weight[:] = torch.tensor([cosine, math.sqrt(1 - cosine**2)], dtype=torch.double)
            head.weight[0] = torch.tensor([1.0, 0.0], dtype=torch.double)
        sample = head.weight[:1].detach()
        truth = math.exp(-head(sample, torch.tensor([0])).item())
        given = float(answer(s, classes, cosine))
        assert abs(given - truth) < 1e-9, (
            f"s = {s:g}, C = {classes}, c = {cosine:.3f}: the loss itself gives {truth:.6f}, you say {given:.6f}"
        )
    return "the loss in the package gives the same posterior."
