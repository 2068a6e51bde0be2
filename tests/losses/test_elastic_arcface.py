"""ElasticFace-Arc: margins drawn in training."""

import torch
from test_arcface import scores  # noqa: F401

from cosface_edu import losses

CASES = {"": {"s": 10.0}}


def test_draws_one_margin_a_sample():
    head = losses.ElasticArcFace(5, 6, s=12.0, std=0.1).double()
    x, labels = torch.randn(7, 5, dtype=torch.float64), torch.randint(6, (7,))
    torch.manual_seed(3)
    value = head(x, labels)
    torch.manual_seed(3)
    margins = (head.m + 0.1 * torch.randn(7, 1, dtype=torch.float64)).flatten().tolist()
    one = [losses.ArcFace(5, 6, s=12.0, m=m).double() for m in margins]
    for head_of_one in one:
        head_of_one.load_state_dict(head.state_dict())
    expected = torch.stack([h(x[i : i + 1], labels[i : i + 1]) for i, h in enumerate(one)]).mean()
    torch.testing.assert_close(value, expected)
    head.eval()
    assert head(x, labels) == head(x, labels)
