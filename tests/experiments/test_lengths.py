"""The paper's second reason for normalised features: with a margin, equal cosines shorten every feature."""

import math

import pytest
import torch

from cosface_edu.experiments import lengths
from cosface_edu.losses import CosFace


@pytest.mark.parametrize(("m", "C"), [(0.2, 8), (0.35, 200)])
def test_with_equal_cosines_the_slope_along_the_length_is_m_times_one_minus_p(m: float, C: int) -> None:
    head = CosFace(3, C, s=None, m=m).double()
    with torch.no_grad():
        head.weight.copy_(torch.tensor([1.0, 0.0, 0.0]).expand(C, 3))  # all cosines alike, whatever x is
    x = torch.tensor([[0.6, 0.9, -0.4]], dtype=torch.float64, requires_grad=True)
    loss = head(x, torch.tensor([2]))
    (slope,) = torch.autograd.grad(loss, x)
    along = (slope * x).sum() / x.norm()
    assert along.item() == pytest.approx(m * (1 - math.exp(-loss.item())), rel=1e-9)
    assert along > 0


def test_a_margin_shrinks_features_and_without_one_they_grow() -> None:
    steps = 150
    shrunk, grown = lengths.train(0.35, steps=steps), lengths.train(0.0, steps=steps)
    assert shrunk.length[-1] < 0.1 * shrunk.length[0]
    assert shrunk.loss[-1] == pytest.approx(math.log(200), abs=0.05)
    assert grown.length[-1] > 5 * grown.length[0]
    assert lengths.train(0.35, batch_norm=True, steps=steps).length[-1] > shrunk.length[0]
