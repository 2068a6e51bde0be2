"""A check of the chapter on ArcFace that needs tensors."""

import math

import torch

from cosface_edu.exercises import answers, exercise, jumps
from cosface_edu.losses.margins import AdditiveAngle


@exercise("arcface-monotone")
def monotone(target) -> str:
    """A function (theta, m) -> ArcFace's target, monotone and without a jump past π - m."""
    target = answers.function(target)
    for m in (0.3, 0.5, 1.0):
        theta = torch.linspace(0.001, math.pi - 0.001, 4001, dtype=torch.float64, requires_grad=True)
        psi = answers.tensor(target(theta, m), *theta.shape)
        assert psi.requires_grad, "No gradient reaches θ at all."
        (slope,) = torch.autograd.grad(psi.sum(), theta)
        psi, angle = psi.detach(), theta.detach()
        before = angle + m <= math.pi
        exact = AdditiveAngle(m, beyond_pi="exact").target(angle.cos())
        assert torch.allclose(psi[before], exact[before], atol=1e-6), "Before π - m it must be cos(θ + m)."
        assert (psi.diff() <= 1e-9).all(), f"For m = {m} it rises with θ somewhere past π - m."
        height, place = jumps.largest_jump(lambda theta, m=m: target(theta, m), angle)
        assert height < jumps.LEAST, f"For m = {m} it jumps by {height:.2g} at {math.degrees(place):.1f}°."
        past = angle > math.pi - m + 0.05
        in_cosine = -slope / angle.sin()  # as the network sees it: in θ itself it may fade on the far side
        assert (in_cosine[past] > 1e-3).all(), "Past π - m the gradient is zero: a sample there is never helped."
    return "it falls all the way, and helps everyone."
