"""Heads of one's own: what a hook holds gets its gradient and knows its classes, however the loss is computed."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cosface_edu import losses
from cosface_edu.losses import Batch, CosFace, Head, PartialFC, Rule
from cosface_edu.losses.fused import margin_logits
from cosface_edu.training.distributed import Centres

B, D, C = 7, 5, 6
X, LABELS = torch.randn(B, D, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), torch.arange(B) % C
EVERY_CLASS = 1 - 1e-9  # a share of the classes that keeps them all


# --- a parameter in each hook


@dataclass(frozen=True)
class Shifted(Rule):
    """The target less a number, the others more by it: a margin on both sides."""

    m: Any
    plain_others: ClassVar[bool] = False

    def target(self, cos):
        return cos - self.m

    def others(self, cos, cos_y=None):
        return cos + self.m


class Learned(Head):
    """The base of the heads below: one number to be learned, and none of the package's own losses."""

    s = losses.Scale(4.0)

    def build(self):
        self.own = nn.Parameter(torch.tensor(0.3))


class InScale(Learned):
    def scale(self):
        return 4 * self.own.exp()


class InRule(Learned):
    rule = property(lambda head: losses.AdditiveCosine(head.own))


class InOthers(Learned):
    rule = property(lambda head: Shifted(head.own))


class InScaleOfOthers(InScale):
    rule = property(lambda head: Shifted(0.2))


@dataclass(frozen=True)
class OthersRaised(Shifted):
    """The margin on the other side alone."""

    def target(self, cos):
        return cos


class InOthersAlone(Learned):
    rule = property(lambda head: OthersRaised(head.own))


def without_fields(m):
    class Hidden(Rule):
        """Nobody sees from outside what it holds."""

        def target(self, cos):
            return cos - m

    return Hidden()


class InNoField(Learned):
    rule = property(lambda head: without_fields(head.own))


class InBatchRule(Learned):
    samples = True

    def batch_rule(self, batch: Batch):
        return losses.AdditiveAngle(self.own * batch.norms)


class InShift(Learned):
    samples = True

    def shift(self, logits):
        return logits * (1 + self.own)


class InCriterion(Learned):
    samples = True

    def criterion(self, logits, columns):
        return self.own * F.cross_entropy(logits, columns)


class InExtra(Learned):
    def extra(self, features, labels):
        return self.own * features.square().mean()


class InRuleOfLengths(Learned):
    s = None
    normalise_centres = False
    rule = property(lambda head: losses.AdditiveCosine(head.own))


LEARNED = [
    *(InScale, InRule, InOthers, InScaleOfOthers, InOthersAlone, InNoField),
    *(InBatchRule, InShift, InCriterion, InExtra, InRuleOfLengths),
]


def slope(loss, number, step=1e-6):
    """The derivative of loss() by a parameter, from two values of it."""
    with torch.no_grad():
        above = (number.add_(step), loss())[1]
        below = (number.sub_(2 * step), loss())[1]
        number.add_(step)
    return float(above - below) / (2 * step)


@pytest.mark.parametrize("kind", LEARNED)
@pytest.mark.parametrize("way", ["whole", "chunks", "sampled", "frozen centres", "compiled"])
def test_a_parameter_in_any_hook_gets_its_gradient(kind, way):
    head = kind(D, C).double()
    head.chunk_size = 3 if way == "chunks" else None
    head.weight.requires_grad_(way != "frozen centres")
    torch.compiler.reset()
    ways = {"compiled": lambda: torch.compile(head, backend="aot_eager")}
    if way == "sampled":
        ways["sampled"] = lambda: PartialFC(head, EVERY_CLASS)
    found = ways.get(way, lambda: head)()
    found(X, LABELS).backward()
    assert head.own.grad.item() == pytest.approx(slope(lambda: head(X, LABELS), head.own), rel=1e-6)


def test_a_tensor_from_elsewhere_gets_its_gradient_too():
    """The margins of a network that is no part of the head."""
    network = nn.Linear(D, 1).double()

    class Given(CosFace):
        def batch_rule(self, batch: Batch):
            return losses.AdditiveCosine(0.2 * network(X).sigmoid())  # (B, 1)

    Given(D, C).double()(X, LABELS).backward()
    head = Given(D, C).double()
    network.zero_grad()
    head(X, LABELS).backward()
    assert network.bias.grad.item() == pytest.approx(slope(lambda: head(X, LABELS), network.bias), rel=1e-6)


def test_a_head_without_numbers_to_learn_keeps_the_quick_way(case, make, monkeypatch):
    """Another parameter beside the centres is not enough to leave it: only one that the scores hold."""
    calls = []
    monkeypatch.setattr("cosface_edu.losses.fused.margin_logits", lambda *a: calls.append(1) or margin_logits(*a))
    make(D, C).double()(X, LABELS).backward()
    InExtra(D, C).double()(X, LABELS).backward()
    assert not calls
    InRule(D, C).double()(X, LABELS).backward()
    assert calls


@pytest.mark.parametrize("name", ["s", "m"])
@pytest.mark.parametrize("value", [nn.Parameter(torch.tensor(1.0)), torch.ones((), requires_grad=True), nn.Identity()])
def test_a_setting_that_would_be_learned_says_where_that_belongs(name, value):
    head = CosFace(D, C)
    before = getattr(head, name)
    hook = {"s": r"scale\(\)", "m": "rule"}[name]
    for attempt in (lambda: CosFace(D, C, **{name: value}), lambda: setattr(head, name, value)):
        with pytest.raises(ValueError, match=rf"{name} must be a number.*build\(\).*{hook}"):
            attempt()
    assert getattr(head, name) == before
    assert set(dict(head.named_parameters())) == {"weight"}


# --- what a hook may look at, and what goes together


def test_what_a_head_may_look_at_is_of_the_best_centre_and_carries_no_gradient():
    x, weight = X.clone().requires_grad_(), torch.randn(C * 3, D, dtype=torch.float64, requires_grad=True)
    batch = Batch(x, x.norm(dim=1, keepdim=True), weight, labels=LABELS, columns=LABELS, sub_centers=3)
    cos = F.cosine_similarity(x[:, None], weight[None], dim=2).view(B, C, 3).amax(2).detach()
    torch.testing.assert_close(batch.cosines(), cos)
    torch.testing.assert_close(batch.target_cosine(), cos.gather(1, LABELS[:, None]))
    assert not any(seen.requires_grad for seen in (batch.norms, batch.cosines(), batch.target_cosine()))


class OwnLengths(CosFace):
    """Several centres a class, each as long as it is."""

    normalise_centres = False
    sub_centers = losses.Count(3, 1, fixed=True)


@pytest.mark.parametrize("s", [None, 4.0])
def test_the_margin_is_scaled_by_the_length_of_the_nearest_centre(s):
    """It once was by that of a centre of another class."""
    head, x = OwnLengths(D, C, s=s).double(), X.clone().requires_grad_()
    total = torch.zeros((), dtype=torch.float64)
    for xi, y in zip(x, LABELS.tolist(), strict=True):
        a = xi.norm() if s is None else s
        z = [a * (xi / xi.norm()) @ w for w in head.weight]
        best = [max(range(3 * j, 3 * j + 3), key=z.__getitem__) for j in range(C)]
        scores = [z[k] - a * head.weight[k].norm() * head.m if j == y else z[k] for j, k in enumerate(best)]
        total = total + torch.stack(scores).logsumexp(0) - scores[y]
    wanted = [total / B, *torch.autograd.grad(total / B, (x, head.weight))]
    for loss in (head(x, LABELS), F.cross_entropy(head.logits(x, LABELS), LABELS)):
        for found, right in zip([loss, *torch.autograd.grad(loss, (x, head.weight))], wanted, strict=True):
            torch.testing.assert_close(found, right)


@pytest.mark.parametrize("change", [{"s": None}, {"normalise_centres": False}])
def test_others_are_not_bent_without_a_cosine(change):
    kind = type("Bent", (Head,), {"s": 4.0, "rule": Shifted(0.2), **change})
    with pytest.raises(ValueError, match="s must be a number and normalise_centres True: Bent bends the scores"):
        kind(D, C).double()(X, LABELS)


# --- margins that differ by class


class ByClass(CosFace):
    """A margin for each class (Liu et al. 2019 and others choose it by how many pictures a person has)."""

    samples = splits = True

    def build(self):
        self.register_buffer("margins", torch.linspace(0.1, 0.6, self.num_classes))

    def batch_rule(self, batch: Batch):
        return losses.AdditiveCosine(self.margins[batch.labels, None])


def test_a_margin_by_class_is_the_classs_own_in_a_sample():
    head = ByClass(D, 40, s=4.0).double()
    labels = torch.tensor([39, 12, 12, 3, 30, 8, 21])
    torch.manual_seed(5)  # the same sample twice
    index, columns = losses.sample_classes(labels, 40, 0.3)
    wanted = F.cross_entropy(head.logits(X, labels)[:, index], columns)
    torch.testing.assert_close(head.loss(X, head.weight[index], labels, columns), wanted)
    torch.manual_seed(5)
    torch.testing.assert_close(PartialFC(head, 0.3)(X, labels), wanted)
    for sampled in (PartialFC(head, EVERY_CLASS), lambda x, y: Centres(head, rate=EVERY_CLASS)(x, y, step=0)):
        torch.testing.assert_close(sampled(X, labels), head(X, labels))


@pytest.mark.parametrize("hook", ["observe", "batch_rule", "shift", "criterion"])
def test_a_head_whose_hooks_see_places_must_say_that_it_may_be_sampled(hook):
    """They are handed logits or columns, whose places in a sample are no longer the classes'."""
    silent = type("Silent", (CosFace,), {hook: getattr(CosFace, hook)})
    declared = type("Declared", (silent,), {"samples": True})
    assert not silent(D, C).samples
    with pytest.raises(ValueError, match=r"Silent looks at all classes.*samples = True.*rate=1"):
        PartialFC(silent(D, C), rate=0.5)
    PartialFC(declared(D, C), rate=0.5)
    assert type("Scaled", (CosFace,), {"scale": CosFace.scale}).samples


class Lowered(losses.NoMargin):
    """A rule of one's own that is derived from the one without a margin."""

    def target(self, cos):
        return cos - 0.5


class Unscaled(Head):
    """‖x‖ is kept, and the target has a margin."""

    rule = Lowered()


def test_a_rule_derived_from_no_margin_has_its_target():
    head = Unscaled(D, C).double()
    own = head.logits(X, LABELS) - head.logits(X)
    margins = 0.5 * X.norm(dim=1, keepdim=True) * F.one_hot(LABELS, C)
    torch.testing.assert_close(own, -margins)


class Turned(ByClass):
    """A margin for each class, and a number for each feature."""

    of_each_class = ("margins",)

    def build(self):
        super().build()
        self.by_feature = nn.Parameter(torch.rand(self.in_features))


@pytest.mark.parametrize("names", [("margins",), "margins"])
@pytest.mark.parametrize("size", [D, C])
def test_a_head_names_what_goes_by_class(size, names, monkeypatch):
    """With as many features as classes lengths do not tell."""
    monkeypatch.setattr(Turned, "of_each_class", names)
    old, new = Turned(size, C).double(), Turned(size, C).double()
    came = torch.tensor([4, 2, 0, 5, 3, 1])
    new.keep(old, came)
    assert torch.equal(new.weight, old.weight[came])
    assert torch.equal(new.margins, old.margins[came])
    assert torch.equal(new.by_feature, old.by_feature)


def test_a_head_that_leaves_open_what_goes_by_class_keeps_nothing():
    class Open(Turned):
        of_each_class = None

    old, new = Open(C, C), Open(C, C)
    before = new.weight.detach().clone()
    with pytest.raises(ValueError, match=rf"by_feature, margins: {C} rows may be .* in Open\.of_each_class"):
        new.keep(old, range(C))
    assert torch.equal(new.weight, before)
    plain = Open(D, C)
    plain.keep(Open(D, C), range(C))


@pytest.mark.parametrize("name", losses.available())
def test_a_head_of_as_many_features_as_classes_is_kept(name):
    """The package's own say what goes by class, where their state has more than centres."""
    old, new = (losses.create(name, in_features=C, num_classes=C) for _ in range(2))
    if not isinstance(new, Head):
        return
    with torch.no_grad():
        for value in old.state_dict().values():
            value.add_(torch.rand_like(value))
    came = torch.tensor([4, 2, 0, 5, 3, 1])
    new.keep(old, came)
    for key, value in new.state_dict().items():
        theirs = old.state_dict()[key]
        assert torch.equal(value, theirs.unflatten(0, (C, -1))[came].flatten(0, 1) if value.dim() > 1 else theirs)
