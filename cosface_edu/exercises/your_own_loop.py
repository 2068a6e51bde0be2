"""Checks of the chapter on other people's loops."""

import numpy as np
import torch

from cosface_edu.exercises import exercise
from cosface_edu.losses import CosFace


@exercise("your-own-loop-centres")
def _centres(answer) -> str:
    old_names, new_names = ["Ada", "Bo", "Cy"], ["Di", "Cy", "Ada", "Ed"]
    old, new = CosFace(5, 3), CosFace(5, 4)
    before = new.weight.detach().clone()
    answer(old, old_names, new, new_names)
    for place, name in enumerate(new_names):
        row = new.weight[place].detach()
        if name in old_names:
            wanted = old.weight[old_names.index(name)].detach()
            assert torch.equal(row, wanted), f"{name} was known, and row {place} is not the centre that {name} had"
        else:
            assert torch.equal(row, before[place]), f"{name} is new, and row {place} was changed"
    assert new.weight.requires_grad, "the centres must still be trained: copy under torch.no_grad()"
    return "those who were known keep their centres, the others start anew."


@exercise("your-own-loop-threshold")
def _threshold(answer) -> str:
    scores = np.random.default_rng(0).normal(0, 0.2, 2000)
    for far in (0.1, 0.01, 0.001):
        threshold = float(answer(scores, far))
        accepted = int((scores >= threshold).sum())
        assert accepted == round(far * len(scores)), (
            f"for a rate of {far:g}, {far * len(scores):.0f} of {len(scores):,} impostor pairs may be accepted,"
            f" and yours accepts {accepted}"
        )
    return "as many strangers pass as you allowed."
