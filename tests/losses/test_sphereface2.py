"""SphereFace2: one binary classifier a class."""

import math
import warnings

import pytest
import torch

from cosface_edu import losses

CASES = {"": {"r": 8.0, "t": 3.0}}


def scores(head, cos, y, a, b):
    g = [2 * ((c + 1) / 2) ** head.t - 1 for c in cos]
    return [head.r * (v - head.m if j == y else v + head.m) + head.bias[0] for j, v in enumerate(g)]


def cost(head, z, y):
    rest = sum(torch.log1p(v.exp()) for j, v in enumerate(z) if j != y)
    return (head.alpha * torch.log1p((-z[y]).exp()) + (1 - head.alpha) * rest) / head.r


def test_scores_without_labels_have_no_margin_and_keep_the_bias():
    head = losses.SphereFace2(5, 6, r=8.0, t=2.5).double()
    x = torch.randn(4, 5, dtype=torch.float64)
    cos = torch.nn.functional.cosine_similarity(x[:, None], head.weight[None], dim=2)
    torch.testing.assert_close(head.logits(x), 8 * (2 * ((cos + 1) / 2) ** 2.5 - 1) + head.bias)


def test_starts_with_a_stationary_bias():
    head = losses.SphereFace2(5, 6).double()
    with torch.no_grad():
        head.weight[:, 4] = 0.0
    x = torch.zeros(1, 5, dtype=torch.float64)
    x[0, 4] = 1.0  # orthogonal to every centre
    head(x, torch.tensor([2])).backward()
    assert head.bias.grad.item() == pytest.approx(0, abs=1e-7)


def test_a_bias_that_was_saved_as_a_scalar_is_loaded():
    head, within = losses.SphereFace2(5, 6), torch.nn.Sequential(losses.SphereFace2(5, 6))
    old = {**head.state_dict(), "bias": torch.tensor(-3.0)}
    head.load_state_dict(old)
    within.load_state_dict({f"0.{name}": value for name, value in old.items()})
    assert head.bias.tolist() == within[0].bias.tolist() == [-3.0]
    assert old["bias"].dim() == 0


def test_margin_beyond_the_bound_of_one_classifier_warns():
    """Eight centres in the plane, t = 3: 2m ≤ g(1) - g(cos 45°), so m ≤ .378."""
    x, labels = torch.randn(4, 2), torch.tensor([0, 1, 7, 3])
    bound = (1 - (2 * ((1 + math.cos(math.pi / 4)) / 2) ** 3 - 1)) / 2
    assert bound == pytest.approx(0.378, abs=5e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses.SphereFace2(2, 8, m=bound - 1e-6)(x, labels)
    with pytest.warns(UserWarning, match=r"geometric bound.* m can be at most 0\.3781"):
        losses.SphereFace2(2, 8, m=bound + 1e-4)(x, labels)


def test_the_bound_is_where_a_perfect_arrangement_stops_being_separated():
    """Eight evenly spaced centres, samples on them: one bias satisfies both kinds of classifier up to the bound."""
    angle = torch.arange(8, dtype=torch.float64) * (math.pi / 4)
    centres = torch.stack([angle.cos(), angle.sin()], 1)
    for m, separated in [(0.377, True), (0.379, False)]:
        head = losses.SphereFace2(2, 8, m=m).double()
        with torch.no_grad():
            head.weight.copy_(centres)
            head.bias.zero_()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            z = head.logits(centres, torch.arange(8))
        own = torch.eye(8, dtype=torch.bool)
        assert (z[own].min() > z[~own].max()) == separated  # a bias between them exists
