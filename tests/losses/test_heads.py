"""Each head against a plain loop from its paper, and its gradient against finite differences."""

import math

import pytest
import torch

from cosface_edu import losses

HEADS = [
    ("softmax", {}),
    ("nsl", {"s": 10.0}),
    ("asoftmax", {"m": 3}),
    ("cosface", {"s": 10.0, "m": 0.35}),
    ("arcface", {"s": 10.0, "m": 0.5}),
    ("combined", {"s": 10.0, "m1": 0.9, "m2": 0.4, "m3": 0.15}),
]


def batch(B=6, D=5, C=7):
    return torch.randn(B, D, dtype=torch.float64), torch.randint(C, (B,))


def loop(name, x, w, labels, **k):
    """Mean cross entropy, one sample and one class at a time."""
    psi = {
        "nsl": math.cos,
        "asoftmax": lambda t: (-1) ** (n := int(k["m"] * t / math.pi)) * math.cos(k["m"] * t) - 2 * n,
        "cosface": lambda t: math.cos(t) - k["m"],
        "arcface": lambda t: math.cos(t + k["m"]) if t + k["m"] <= math.pi else -2 - math.cos(t + k["m"]),
        "combined": lambda t: math.cos(k["m1"] * t + k["m2"]) - k["m3"],
    }
    total = 0.0
    for xi, y in zip(x, labels.tolist(), strict=True):
        scores = []
        for j, wj in enumerate(w):
            dot, length = float(xi @ wj), float(xi.norm())
            theta = math.acos(dot / length / float(wj.norm()))
            if name == "softmax":
                scores.append(dot)
            else:
                scores.append(k.get("s", length) * (psi[name](theta) if j == y else math.cos(theta)))
        total += math.log(sum(math.exp(v) for v in scores)) - scores[y]
    return total / len(labels)


@pytest.mark.parametrize(("name", "options"), HEADS)
def test_equals_the_plain_loop(name, options):
    x, labels = batch()
    head = losses.create(name, in_features=5, num_classes=7, **options).double()
    assert head(x, labels).item() == pytest.approx(loop(name, x, head.weight.detach(), labels, **options), rel=1e-12)


@pytest.mark.parametrize(("name", "options"), HEADS)
def test_gradcheck(name, options):
    x, labels = batch()
    head = losses.create(name, in_features=5, num_classes=7, **options).double()

    def loss(x, weight):
        return torch.func.functional_call(head, {"weight": weight}, (x, labels))

    assert torch.autograd.gradcheck(loss, (x.requires_grad_(), head.weight))


def test_logits_without_labels_have_no_margin():
    x, labels = batch()
    head = losses.CosFace(5, 7, s=10.0, m=0.35).double()
    difference = head.logits(x) - head.logits(x, labels)
    expected = torch.zeros(6, 7, dtype=torch.float64).scatter(1, labels[:, None], 3.5)
    torch.testing.assert_close(difference, expected)


def test_names():
    assert losses.LMCL is losses.CosFace is losses.AMSoftmax
    assert "cosface" in losses.available()
    with pytest.raises(ValueError, match="cosine_face"):
        losses.create("cosine_face", in_features=2, num_classes=3)


def test_annealing_and_warm_up():
    annealing = losses.LambdaAnnealing()
    head = losses.ASoftmax(5, 7, m=4, annealing=annealing)
    assert head.rule.lam == 1000
    annealing.step()
    assert head.rule.lam == pytest.approx(892.86, abs=0.005)
    annealing.load_state_dict({"steps_done": 1_658})
    assert head.rule.lam == pytest.approx(5, abs=0.01)
    cosface = losses.CosFace(5, 7, m=0.4)
    warm_up = losses.MarginWarmUp(cosface, steps=4)
    margins = [cosface.m]
    for _ in range(5):
        warm_up.step()
        margins.append(cosface.m)
    assert margins == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.4])
