"""Center loss: the places of the classes, and how they move."""

import copy

import pytest
import torch

from cosface_edu import losses

CASES = {"": {}}


def prepare(loss):
    shape = loss.centers.shape
    loss.centers.copy_(torch.randn(shape, generator=torch.Generator().manual_seed(1)))


def loop(loss, x, labels):
    return sum(0.5 * (xi - loss.centers[y]).square().sum() for xi, y in zip(x, labels, strict=True)) / len(x)


def test_centres_move_to_their_samples_in_training_only():
    loss = losses.Center(4, 5, alpha=0.5).double()
    prepare(loss)
    x, labels = torch.randn(8, 4, dtype=torch.float64), torch.tensor([0, 0, 0, 1, 1, 2, 3, 3])
    before = loss.centers.clone()
    loss(x, labels)
    for j in range(5):
        members = [i for i in range(8) if labels[i] == j]
        delta = sum((before[j] - x[i] for i in members), torch.zeros(4, dtype=torch.float64)) / (1 + len(members))
        torch.testing.assert_close(loss.centers[j], before[j] - 0.5 * delta)
    after = loss.eval().centers.clone()
    loss(x, labels)
    assert torch.equal(loss.centers, after)


def test_bad_alpha():
    with pytest.raises(ValueError, match="alpha"):
        losses.Center(4, 5, alpha=2)


def test_an_alpha_that_is_set_later_is_checked():
    loss = losses.Center(4, 5)
    with pytest.raises(ValueError, match="alpha must be a number between 0 and 1, got 2"):
        loss.alpha = 2
    loss.alpha = 0.25
    assert loss.alpha == 0.25


@pytest.mark.parametrize("name", ["center", "softmax_center"])
def test_the_compiler_s_gradient_is_that_of_the_centres_before_they_move(name: str):
    """To save memory it computes parts of the loss again for the gradient, when the centres have moved."""
    torch.manual_seed(0)
    loss = losses.create(name, in_features=4, num_classes=3)
    twin = copy.deepcopy(loss)
    torch.compiler.reset()
    compiled = torch.compile(twin, backend="aot_eager_decomp_partition", fullgraph=True)
    x, labels = torch.randn(6, 4, requires_grad=True), torch.tensor([0, 0, 1, 1, 1, 2])
    for _ in range(2):
        wanted = torch.autograd.grad(loss(x, labels), x)
        torch.testing.assert_close(torch.autograd.grad(compiled(x, labels), x), wanted)
    torch.testing.assert_close(twin.state_dict(), loss.state_dict())
