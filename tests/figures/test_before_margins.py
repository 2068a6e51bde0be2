"""Forces of the losses from before the margins point where the chapter says."""

import io

import torch

from cosface_edu.figures import before_margins


def test_pair_losses_move_along_the_circle_and_part_the_look_alikes() -> None:
    x, _ = before_margins.embeddings()
    forces = before_margins.forces()
    for name in ("Contrastive", "Triplet, hardest"):
        assert (x * forces[name]).sum(dim=1).abs().max() < 1e-9
    facing = 0  # person 0's picture nearest to person 1, who lies clockwise of it
    clockwise = torch.tensor([x[facing, 1], -x[facing, 0]])
    assert (forces["Triplet, hardest"][facing] * clockwise).sum() < 0


def test_center_draws_to_the_mean_and_never_apart() -> None:
    x, labels = before_margins.embeddings()
    force = before_margins.forces()["Center"]
    for person in labels.unique():
        own = labels == person
        assert torch.allclose(force[own], (x[own].mean(dim=0) - x[own]) / len(x))


def test_softmax_pushes_outwards() -> None:
    x, _ = before_margins.embeddings()
    assert ((x * before_margins.forces()["Softmax"]).sum(dim=1) > 0).all()


def test_figure_draws() -> None:
    before_margins.pulls().savefig(io.BytesIO(), dpi=40)
