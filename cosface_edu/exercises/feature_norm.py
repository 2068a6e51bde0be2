"""Checks of the chapter on feature normalisation."""

import torch
import torch.nn.functional as F

from cosface_edu.exercises import answers, exercise


@exercise("feature-norm-length")
def length(gradient) -> str:
    """(u, y, length) -> dL/d‖x‖, compared with autograd."""
    answers.function(gradient)
    generator = torch.Generator().manual_seed(0)
    for size in (1.0, 8.0, 30.0):
        u = 2 * torch.rand(6, generator=generator, dtype=torch.float64) - 1
        for y in (0, int(u.argmax())):
            a = torch.tensor(size, dtype=torch.float64, requires_grad=True)
            loss = F.cross_entropy((a * u)[None], torch.tensor([y]))
            right = torch.autograd.grad(loss, a)[0].item()
            got = answers.number(gradient(u.clone(), y, size))
            assert abs(got - right) < 1e-6, f"At length {size:g} the derivative is {right:+.4f}; you say {got:+.4f}."
    return "negative for the well placed, positive for the others."


@exercise("feature-norm-error")
def error(points: float) -> str:
    """Standard error, in points, of an accuracy of 99.2 % on 6,000 independent pairs."""
    points = answers.number(points, low=0)
    right = 100 * (0.992 * 0.008 / 6000) ** 0.5
    assert abs(100 * points - right) > 0.02, "In points, that is per cent, not as a share."
    assert abs(points - right) < 0.02, "The standard error of a share p of n trials is √(p(1 - p)/n)."
    return "and the difference of two accuracies has 1.4 times that."
