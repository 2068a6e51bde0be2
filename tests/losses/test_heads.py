"""Each head against a plain loop from its paper: one sample, one class at a time."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F

from cosface_edu import losses

B, D, C = 7, 5, 6


def piecewise(m, theta):
    """A-Softmax's ψ, by looking for the interval."""
    k = next(k for k in range(m) if theta <= (k + 1) * math.pi / m + 1e-12)
    return (-1) ** k * math.cos(m * theta) - 2 * k


def continued(phi):
    """cosφ up to π, mirrored to keep falling up to 2π."""
    return math.cos(phi) if phi <= math.pi else -2 - math.cos(phi)


def adaface_z(head, length):
    return max(-1, min(1, head.h * (length - head.mean.item()) / (head.std.item() + 1e-3)))


# (name, options, scale(x length, w length), target(θ, head, x length))
LOOPS = [
    ("softmax", {}, lambda a, b: a * b, lambda t, h, a: math.cos(t)),
    ("nsl", {"s": 12.0}, lambda a, b: 12.0, lambda t, h, a: math.cos(t)),
    ("lsoftmax", {"m": 3}, lambda a, b: a * b, lambda t, h, a: piecewise(3, t)),
    ("asoftmax", {"m": 4}, lambda a, b: a, lambda t, h, a: piecewise(4, t)),
    (
        "asoftmax",
        {"m": 2, "annealing": losses.LambdaAnnealing(base=7)},
        lambda a, b: a,
        lambda t, h, a: (7 * math.cos(t) + piecewise(2, t)) / 8,
    ),
    ("asoftmax_normfea", {"s": 9.0, "m": 3}, lambda a, b: 9.0, lambda t, h, a: piecewise(3, t)),
    ("sphereface_r", {"s": 9.0, "m": 1.7}, lambda a, b: 9.0, lambda t, h, a: math.cos(min(1.7 * t, math.pi))),
    ("cosface", {"s": 12.0, "m": 0.35}, lambda a, b: 12.0, lambda t, h, a: math.cos(t) - 0.35),
    ("cosface", {"s": None, "m": 0.35}, lambda a, b: a, lambda t, h, a: math.cos(t) - 0.35),
    ("arcface", {"s": 12.0, "m": 1.5}, lambda a, b: 12.0, lambda t, h, a: continued(t + 1.5)),
    ("arcface", {"s": 12.0, "m": 1.5, "beyond_pi": "exact"}, lambda a, b: 12.0, lambda t, h, a: math.cos(t + 1.5)),
    (
        "combined",
        {"s": 12.0, "m1": 1.2, "m2": 0.4, "m3": 0.15},
        lambda a, b: 12.0,
        lambda t, h, a: continued(1.2 * t + 0.4) - 0.15,
    ),
    (
        "magface",
        {"s": 12.0, "lower": 1.0, "upper": 4.0, "weight_g": 0.0},
        lambda a, b: 12.0,
        lambda t, h, a: continued(t + 0.45 + 0.35 * (max(1, min(a, 4)) - 1) / 3),
    ),
    (
        "adaface",
        {"s": 12.0},
        lambda a, b: 12.0,
        lambda t, h, a: math.cos(max(0, min(math.pi, t - 0.4 * adaface_z(h, a)))) - (0.4 + 0.4 * adaface_z(h, a)),
    ),
]


def angles(x, w):
    """θ (B, C), and the lengths of both, by plain arithmetic."""
    dot = [[float(xi @ wj) for wj in w] for xi in x]
    a, b = [float(xi.norm()) for xi in x], [float(wj.norm()) for wj in w]
    return [[math.acos(dot[i][j] / a[i] / b[j]) for j in range(len(w))] for i in range(len(x))], a, b


def cross_entropy(scores, y):
    return math.log(sum(math.exp(v) for v in scores)) - scores[y]


def batch(scale=1.0):
    return scale * torch.randn(B, D, dtype=torch.float64), torch.randint(C, (B,))


# of numbers alone: an object's name has its address in it, and would be another in every run
LOOP_NAMES = [
    f"{name} { {k: v for k, v in options.items() if isinstance(v, float | int)} }" for name, options, *_ in LOOPS
]


@pytest.mark.parametrize(("name", "options", "scale", "target"), LOOPS, ids=LOOP_NAMES)
def test_equals_the_plain_loop(name, options, scale, target):
    x, labels = batch()
    head = losses.create(name, in_features=D, num_classes=C, **options).double()
    if isinstance(head, losses.AdaFace):
        head.mean.fill_(2.0)
        head.std.fill_(0.5)
    value = head(x, labels).item()
    theta, a, b = angles(x, head.weight.detach())
    total = 0.0
    for i, y in enumerate(labels.tolist()):
        scores = [scale(a[i], b[j]) * math.cos(theta[i][j]) for j in range(C)]
        scores[y] = scale(a[i], b[y]) * target(theta[i][y], head, a[i])
        total += cross_entropy(scores, y)
    assert value == pytest.approx(total / B, rel=1e-11)


def test_sphereface_r_second_version():
    x, labels = batch()
    head = losses.SphereFaceR(D, C, s=9.0, m=1.7, version=2).double()
    theta, _, _ = angles(x, head.weight.detach())
    total = 0.0
    for i, y in enumerate(labels.tolist()):
        scores = [9 * math.cos(theta[i][j] / (1 if j == y else 1.7)) for j in range(C)]
        total += cross_entropy(scores, y)
    assert head(x, labels).item() == pytest.approx(total / B, rel=1e-11)


def test_sphereface2():
    x, labels = batch()
    head = losses.SphereFace2(D, C).double()
    bias, r, m, alpha = head.bias.item(), 40, 0.4, 0.7
    theta, _, _ = angles(x, head.weight.detach())
    total = 0.0
    for i, y in enumerate(labels.tolist()):
        for j in range(C):
            g = 2 * ((math.cos(theta[i][j]) + 1) / 2) ** 3 - 1
            if j == y:
                total += alpha / r * math.log1p(math.exp(-(r * (g - m) + bias)))
            else:
                total += (1 - alpha) / r * math.log1p(math.exp(r * (g + m) + bias))
    assert head(x, labels).item() == pytest.approx(total / B, rel=1e-11)


def test_sphereface2_starts_with_a_stationary_bias():
    head = losses.SphereFace2(D, C).double()
    with torch.no_grad():
        head.weight[:, D - 1] = 0.0
    x = torch.zeros(1, D, dtype=torch.float64)
    x[0, D - 1] = 1.0  # orthogonal to every centre
    head(x, torch.tensor([2])).backward()
    assert head.bias.grad.item() == pytest.approx(0, abs=1e-7)


def test_subcenter_takes_the_nearest_centre_of_each_class():
    x, labels = batch()
    head = losses.SubCenterArcFace(D, C, s=12.0, m=0.5, sub_centers=3).double()
    theta, _, _ = angles(x, head.weight.detach())
    total = 0.0
    for i, y in enumerate(labels.tolist()):
        nearest = [min(theta[i][3 * j : 3 * j + 3]) for j in range(C)]
        scores = [12 * (continued(nearest[j] + 0.5) if j == y else math.cos(nearest[j])) for j in range(C)]
        total += cross_entropy(scores, y)
    assert head(x, labels).item() == pytest.approx(total / B, rel=1e-11)


def test_curricularface():
    x, labels = batch()
    head = losses.CurricularFace(D, C, s=12.0, m=0.5).double()
    head.t.fill_(0.3)
    value = head(x, labels).item()
    theta, _, _ = angles(x, head.weight.detach())
    t = 0.99 * 0.3 + 0.01 * sum(math.cos(theta[i][y]) for i, y in enumerate(labels.tolist())) / B
    assert head.t.item() == pytest.approx(t, rel=1e-12)
    total, hard = 0.0, 0
    for i, y in enumerate(labels.tolist()):
        scores = []
        for j in range(C):
            c = math.cos(theta[i][j])
            if j == y:
                c = continued(theta[i][y] + 0.5)
            elif c > math.cos(theta[i][y] + 0.5):
                c, hard = c * (t + c), hard + 1
            scores.append(12 * c)
        total += cross_entropy(scores, y)
    assert hard > 0
    assert value == pytest.approx(total / B, rel=1e-11)
    head.eval()
    head(x, labels)
    assert head.t.item() == pytest.approx(t, rel=1e-12)


def test_magface_regulariser():
    x, labels = batch()
    with_g = losses.MagFace(D, C, lower=1.0, upper=3.0, weight_g=35.0).double()
    without = copy.deepcopy(with_g)
    without.weight_g = 0.0
    g = sum(a / 9 + 1 / a for a in (max(1, min(float(xi.norm()), 3)) for xi in x)) / B
    assert with_g(x, labels).item() - without(x, labels).item() == pytest.approx(35 * g, rel=1e-11)


def test_adaface_statistics():
    x, labels = batch()
    head = losses.AdaFace(D, C).double()
    head(x, labels)
    lengths = [float(xi.norm()) for xi in x]
    mean = sum(lengths) / B
    std = math.sqrt(sum((v - mean) ** 2 for v in lengths) / (B - 1))
    assert head.mean.item() == pytest.approx(0.99 * 20 + 0.01 * mean, rel=1e-12)
    assert head.std.item() == pytest.approx(0.99 * 100 + 0.01 * std, rel=1e-12)
    before = head.mean.clone(), head.std.clone()
    loss = head(x[:1], labels[:1])  # one sample has no deviation
    assert loss.isfinite()
    assert (head.mean, head.std) == before


@pytest.mark.parametrize("kind", [losses.ElasticCosFace, losses.ElasticArcFace])
def test_elastic_draws_one_margin_a_sample(kind):
    x, labels = batch()
    head = kind(D, C, s=12.0, std=0.1).double()
    torch.manual_seed(3)
    value = head(x, labels).item()
    torch.manual_seed(3)
    m = (head.m + 0.1 * torch.randn(B, 1, dtype=torch.float64)).flatten().tolist()
    theta, _, _ = angles(x, head.weight.detach())
    total = 0.0
    for i, y in enumerate(labels.tolist()):
        scores = [12 * math.cos(theta[i][j]) for j in range(C)]
        arc = kind is losses.ElasticArcFace
        scores[y] = 12 * (continued(theta[i][y] + m[i]) if arc else math.cos(theta[i][y]) - m[i])
        total += cross_entropy(scores, y)
    assert value == pytest.approx(total / B, rel=1e-11)
    assert head(x, labels).item() != value
    head.eval()
    assert head(x, labels).item() == head(x, labels).item()


def test_logits_without_labels_have_no_margin(make):
    x, labels = batch()
    head = make(D, C).double()
    plain, margin = head.logits(x), head.logits(x, labels)
    assert plain.shape == margin.shape == (B, C)
    target = torch.zeros(B, C, dtype=torch.bool).scatter(1, labels[:, None], True)
    assert (margin[target] <= plain[target] + 1e-12).all() or isinstance(head, losses.AdaFace)
    bends_others = isinstance(head, losses.SphereFace2 | losses.SphereFaceR | losses.CurricularFace)
    if not bends_others:
        torch.testing.assert_close(plain[~target], margin[~target])


@pytest.mark.without("sphereface2")  # no softmax: test_sphereface2
def test_loss_is_the_cross_entropy_of_the_logits(make):
    """The fused loss and its gradient against ordinary autograd through `logits`."""
    x, labels = batch()
    head = make(D, C).double()
    head.eval()  # nothing is drawn or updated
    x.requires_grad_()
    fused = torch.autograd.grad(head(x, labels), (x, head.weight))
    norms = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    extra = head.regulariser(norms)
    plain_loss = F.cross_entropy(head.logits(x, labels), labels) + (0 if extra is None else extra)
    torch.testing.assert_close(head(x, labels), plain_loss)
    torch.testing.assert_close(fused, torch.autograd.grad(plain_loss, (x, head.weight)), rtol=1e-10, atol=1e-12)


def test_a_second_backward_through_the_same_graph(make):
    x, labels = batch()
    head = make(D, C).double()
    loss = head(x.requires_grad_(), labels)
    first = torch.autograd.grad(loss, (x, head.weight), retain_graph=True)
    again = torch.autograd.grad(3 * loss, (x, head.weight))
    for a, b in zip(first, again, strict=True):
        torch.testing.assert_close(3 * a, b)


def test_only_what_is_asked_for_gets_a_gradient():
    x, labels = batch()
    head = losses.CosFace(D, C).double()
    head(x, labels).backward()
    assert x.grad is None
    assert head.weight.grad is not None
    head.weight.requires_grad_(False)
    (grad,) = torch.autograd.grad(head(x.requires_grad_(), labels), x)
    assert grad.shape == x.shape
    with torch.no_grad():
        assert not head(x, labels).requires_grad


def test_gradient_lies_across_the_direction():
    """What normalisation takes away: no gradient along x or along any W_j (CosFace paper, section 3.2)."""
    x, labels = batch()
    head = losses.CosFace(D, C).double()
    grad_x, grad_w = torch.autograd.grad(head(x.requires_grad_(), labels), (x, head.weight))
    torch.testing.assert_close((grad_x * x).sum(1), torch.zeros(B, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close((grad_w * head.weight).sum(1), torch.zeros(C, dtype=torch.float64), atol=1e-12, rtol=0)


def test_names():
    assert losses.LMCL is losses.CosFace is losses.AMSoftmax
    assert len(losses.available()) == len(set(losses.available()))
    for name in losses.available():
        loss = losses.create(name, in_features=D, num_classes=C)
        x, labels = batch()
        assert loss(x.float(), labels).isfinite()
        assert isinstance(repr(loss), str)
    with pytest.raises(ValueError, match="'cosine_face'"):
        losses.create("cosine_face", in_features=2, num_classes=3)


def test_checkpoints_hold_running_statistics():
    for name, keys in [("curricularface", {"t"}), ("adaface", {"mean", "std"}), ("softmax_center", {"center.centers"})]:
        head = losses.create(name, in_features=D, num_classes=C)
        assert set(head.state_dict()) == keys | {"weight"}
