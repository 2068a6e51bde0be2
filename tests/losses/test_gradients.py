"""float64 gradcheck of every head: at random points, on a class centre, opposite to it, and past π - m.

On a centre (cosθ = 1) and opposite to it (cosθ = -1) the angular losses have a kink: they depend on |θ|. The
convention there is the value 0, the centre of the subdifferential (`margins._Angle`); central differences see the same,
since the loss is even about the kink.
"""

import pytest
import torch

from cosface_edu import losses

D, C = 4, 5


def places(place, weight, labels):
    """Embeddings (B, D) whose targets lie where `place` says, 1.7 long."""
    centre = weight[labels] / weight[labels].norm(dim=1, keepdim=True)
    across = torch.randn_like(centre)
    across -= (across * centre).sum(1, keepdim=True) * centre
    across /= across.norm(dim=1, keepdim=True)
    theta = {"on the centre": 0.0, "opposite": torch.pi, "past pi - m": 3.0}.get(place)
    if theta is None:
        return torch.randn_like(centre)
    # cos and sin of a tensor would leave 1e-16 across the centre at θ = π
    c, s = (1.0, 0.0) if theta == 0 else (-1.0, 0.0) if theta == torch.pi else (-0.98999249660, 0.14112000806)
    return 1.7 * (c * centre + s * across)


def gradient_of(head, labels, case):
    """The loss as a function of x and W, with no path that a convention closes to the gradient."""

    def loss(x, weight):
        if case == "adaface":  # its margin follows ‖x‖ without a gradient: hold ‖x‖
            x = 1.7 * x / x.norm(dim=1, keepdim=True)
        return head.loss(x, weight, labels)

    return loss


@pytest.mark.parametrize("place", ["random", "on the centre", "opposite", "past pi - m"])
def test_gradcheck(make, case, place):
    head = make(D, C).double().eval()
    labels = torch.tensor([0, 3, 3])
    x = places(place, head.weight.detach()[:: head.sub_centers], labels).requires_grad_()
    # Near a kink θ = acos(1 - θ²/2) is exact to 1e-16/θ only, which asks for a wide step h; and central differences
    # across a kink err by about h, since ‖w + h‖ and ‖w - h‖ differ.
    kink = place in ("on the centre", "opposite")
    step, tolerance = (1e-5, 3e-4) if kink else (1e-6, 1e-5)
    loss = gradient_of(head, labels, case)
    assert torch.autograd.gradcheck(loss, (x, head.weight), eps=step, atol=tolerance)


@pytest.mark.parametrize("place", ["random", "past pi - m"])
def test_second_derivatives(make, case, place):
    head = make(D, C).double().eval()
    labels = torch.tensor([0, 3, 3])
    x = places(place, head.weight.detach()[:: head.sub_centers], labels).requires_grad_()
    assert torch.autograd.gradgradcheck(gradient_of(head, labels, case), (x, head.weight))


def test_arcface_true_gradient_is_not_the_straight_through_one():
    """dψ/dcosθ = sin(θ+m)/sinθ: 5.66 at θ = .1, m = .5; released code with acos under no_grad gives 1."""
    theta = torch.tensor(0.1, dtype=torch.float64)
    for choice, expected in [("monotone", 5.6558), ("exact", 5.6558), ("straight-through", 1.0)]:
        cos = torch.cos(theta).requires_grad_()
        (slope,) = torch.autograd.grad(losses.AdditiveAngle(0.5, choice).target(cos), cos)
        assert slope.item() == pytest.approx(expected, abs=1e-4)


def test_training_mode_gradients():
    """With statistics updated and margins drawn inside the step, the gradient is still that of the value returned."""
    x = torch.randn(3, D, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([0, 3, 3])
    for name in ("curricularface", "adaface", "elastic_cosface", "elastic_arcface"):
        head = losses.create(name, in_features=D, num_classes=C, s=10.0).double()
        if name == "curricularface":
            head.momentum = 0.0  # t follows the batch without a gradient
        start = {k: v.clone() for k, v in head.named_buffers()}

        def loss(x, head=head, start=start):
            torch.manual_seed(1)
            for k, v in head.named_buffers():
                v.copy_(start[k])
            return head(x, labels)

        if name == "adaface":  # its margin follows ‖x‖ without a gradient: move x across its own direction only
            unit = x.detach() / x.detach().norm(dim=1, keepdim=True)
            (grad,) = torch.autograd.grad(loss(x), x)
            step = torch.randn_like(unit)
            step -= (step * unit).sum(1, keepdim=True) * unit
            ahead, behind = (loss((x + e * step).detach()).item() for e in (1e-6, -1e-6))
            assert (grad * step).sum().item() == pytest.approx((ahead - behind) / 2e-6, rel=1e-6)
        else:
            assert torch.autograd.gradcheck(loss, (x,))
