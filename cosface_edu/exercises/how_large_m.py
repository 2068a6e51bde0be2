"""Checks of the chapter "How large can m be?"."""

import torch

from cosface_edu import geometry
from cosface_edu.exercises import answers, exercise
from cosface_edu.experiments.numerical import largest_cosines


@exercise("how-large-m-largest")
def largest(answer) -> str:
    """A function from class centres (C, D) to the largest feasible m."""
    answers.function(answer)
    generator = torch.Generator().manual_seed(0)
    simplex = geometry.simplex(5)
    got = answer(simplex)
    assert got is not None, "The function returned None."
    assert abs(float(got) - 1.25) < 1e-4, (
        f"For a simplex of five the answer is 5/4; the function says {float(got):.4f}."
    )
    got = float(answer(7 * simplex))
    assert abs(got - 1.25) < 1e-4, f"Seven times longer centres have the same angles; now the function says {got:.4f}."
    for C, D in ((6, 3), (20, 8)):
        centres = torch.randn(C, D, generator=generator, dtype=torch.float64)
        right = 1 - largest_cosines(centres).max().item()
        got = float(answer(centres.clone()))
        assert abs(got - right) < 1e-4, f"For {C} random centres in {D} dimensions: {got:.4f} instead of {right:.4f}."
    return "Eq. 7 of the paper, in three lines."


@exercise("how-large-m-eight")
def eight(centres: torch.Tensor) -> str:
    """Eight centres in four dimensions with no positive cosine."""
    answers.tensor(centres, 8, 4)
    assert (centres.norm(dim=1) > 0).all(), "Every centre needs a direction."
    largest_cos = largest_cosines(centres.double()).max().item()
    assert largest_cos < 1e-4, (
        f"Your largest cosine is {largest_cos:.3f}, so m can be {1 - largest_cos:.3f}. It should be 1."
    )
    return "every two people at least 90° apart."


@exercise("how-large-m-crowd")
def crowd(answer: int) -> str:
    """The most classes on a circle that leave room for m = 0.35."""
    answer = int(answers.number(answer, low=2))
    allowed = geometry.max_margin(answer, 2)
    assert allowed >= 0.35, f"With {answer} identities m can be {allowed:.3f} at most."
    assert geometry.max_margin(answer + 1, 2) < 0.35, f"{answer} fit; one more does, too."
    return "the eighth identity does not fit: the toy at m = 0.35 asks for the impossible."
