"""A check of the chapter on other people's loops."""

import torch

from cosface_edu.exercises import answers, exercise
from cosface_edu.exercises.seeded import seeded
from cosface_edu.losses import CosFace


@exercise("your-own-loop-centres")
@seeded()
def _centres(answer) -> str:
    answers.function(answer)
    old_names, new_names = ["Ada", "Bo", "Cy"], ["Di", "Cy", "Ada", "Ed"]
    old, new = CosFace(5, 3), CosFace(5, 4)
    weight, known, before = new.weight, old.weight.detach().clone(), new.weight.detach().clone()
    answer(old, list(old_names), new, list(new_names))
    assert torch.equal(old.weight, known), "the centres of `old` were changed: copy from `old` to `new`"
    assert new.weight is weight, (
        "`new.weight` is another parameter now, which no optimiser knows: write into the old one"
    )
    for place, name in enumerate(new_names):
        row = new.weight[place].detach()
        if name in old_names:
            assert torch.equal(row, known[old_names.index(name)]), (
                f"{name} was known, and row {place} is not the centre that {name} had"
            )
        else:
            assert torch.equal(row, before[place]), f"{name} is new, and row {place} was changed"
    trained = new.weight.requires_grad and new.weight.is_leaf  # what was computed from `old` is no leaf
    assert trained, "the centres must still be trained: copy under torch.no_grad()"
    return "those who were known keep their centres, the others start anew."
