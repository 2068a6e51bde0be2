"""CurricularFace: hard negatives, and the running mean t."""

import pytest
import torch
from cases import continued, with_target

from cosface_edu import losses

CASES = {"": {"s": 10.0, "m": 0.5}}


def prepare(head):
    head.t.fill_(0.3)


def scores(head, cos, y, a, b):
    limit = (cos[y].acos() + head.m).cos()
    plain = [c * (head.t + c) if c > limit else c for c in cos]
    return with_target([head.s * c for c in plain], y, head.s * continued(cos[y].acos() + head.m))


def test_t_follows_the_target_cosines_in_training_only():
    head = losses.CurricularFace(5, 6).double()
    prepare(head)
    x, labels = torch.randn(7, 5, dtype=torch.float64), torch.randint(6, (7,))
    cos = torch.nn.functional.cosine_similarity(x, head.weight[labels]).mean().item()
    head(x, labels)
    assert head.t.item() == pytest.approx(0.99 * 0.3 + 0.01 * cos, rel=1e-12)
    head.eval()
    head(x, labels)
    assert head.t.item() == pytest.approx(0.99 * 0.3 + 0.01 * cos, rel=1e-12)
    assert set(head.state_dict()) == {"weight", "t"}
