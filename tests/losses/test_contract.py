"""What every loss of the registry keeps, a new one too: nothing here names one.

A loss's own file `test_<name>.py` holds its plain loop and the settings it is tested with; without one the collection
of these tests fails.
"""

import copy
import inspect
import io
import pickle
import sys
import warnings
from pathlib import Path

import cases
import numpy as np
import pytest
import torch
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode

from cosface_edu import losses, palette
from cosface_edu.losses import Head, PartialFC, registry, sample_classes
from cosface_edu.training.distributed import Centres

B, D, C = 7, 5, 6
LABELS = torch.tensor([0, 3, 3, 5, 1, 0, 2])
EVERY_CLASS = 1 - 1e-9  # a share of the classes that keeps them all


def batch(dtype=torch.float64, dimensions=D):
    return torch.randn(B, dimensions, dtype=dtype, requires_grad=True), LABELS


def value_and_gradients(function, x, module):
    """function() and its gradients with respect to x and every parameter."""
    torch.manual_seed(5)  # the same margins where they are drawn
    loss = function()
    return [loss.detach(), *torch.autograd.grad(loss, [x, *module.parameters()])]


def assert_same(found, wanted, **tolerance):
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, **tolerance)


# --- the number and its gradient


def test_equals_the_plain_loop(loss_case):
    loss = cases.make(loss_case, D, C).double().eval()
    x, labels = batch()
    wanted = value_and_gradients(lambda: cases.plain_loss(loss_case, loss, x, labels), x, loss)
    assert_same(value_and_gradients(lambda: loss(x, labels), x, loss), wanted, rtol=1e-9, atol=1e-11)


def places(place, weight, labels):
    """Embeddings (B, D) whose targets lie where `place` says, 1.7 long."""
    centre = weight[labels] / weight[labels].norm(dim=1, keepdim=True)
    across = torch.randn_like(centre)
    across -= (across * centre).sum(1, keepdim=True) * centre
    across /= across.norm(dim=1, keepdim=True)
    if place == "random":
        return torch.randn_like(centre)
    # cos and sin of a tensor would leave 1e-16 across the centre at θ = π
    c, s = {"on the centre": (1.0, 0.0), "opposite": (-1.0, 0.0), "past pi - m": (-0.98999249660, 0.14112000806)}[place]
    return 1.7 * (c * centre + s * across)


@pytest.mark.parametrize("place", ["random", "on the centre", "opposite", "past pi - m"])
def test_gradcheck(make, case, place):
    """On a centre (cosθ = 1) and opposite to it the angular losses have a kink: they depend on |θ|.

    The convention is 0, the centre of the subdifferential (`margins._Angle`); central differences see the same, since
    the loss is even about the kink.
    """
    if hasattr(cases.CASES[case][1], "HELD"):
        pytest.skip(f"{cases.CASES[case][1].HELD}: the plain loop, which holds it too, is the test")
    head = make(4, 5).double().eval()
    labels = torch.tensor([0, 3, 3])
    x = places(place, head.weight.detach()[:: head.sub_centers], labels).requires_grad_()
    # Near a kink θ = acos(1 - θ²/2) is exact to 1e-16/θ only, which asks for a wide step h; and central differences
    # across a kink err by about h, since ‖w + h‖ and ‖w - h‖ differ.
    kink = place in ("on the centre", "opposite")
    step, tolerance = (1e-5, 3e-4) if kink else (1e-6, 1e-5)
    loss = lambda x, weight: head.loss(x, weight, labels, labels)  # noqa: E731
    assert torch.autograd.gradcheck(loss, (x, head.weight), eps=step, atol=tolerance)
    if place == "random":
        try:
            assert torch.autograd.gradgradcheck(loss, (x, head.weight))
        except NotImplementedError as lack:  # torch 2.8 has no second derivative of cdist
            pytest.skip(f"the first derivative is right; torch {torch.__version__}: {lack}")


def test_no_gradient_is_paid_for_where_none_is_wanted(loss_case):
    """The value is the same in all modes of autograd, under Lightning's inference mode too."""
    loss = cases.make(loss_case, D, C).eval()
    x, labels = batch(torch.float32)
    value = loss(x, labels)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode(), Products() as products:
            found = loss(x, labels)
        torch.testing.assert_close(found.clone(), value.detach())
        assert not found.requires_grad
        assert products.number <= 1  # the scores; two more would be the gradients
    with torch.inference_mode():
        loss.train()(x.detach(), labels)
    loss(x, labels).backward()
    assert x.grad.isfinite().all()


class Products(TorchDispatchMode):
    """Counts matrix products."""

    number = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.number += func.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.addmm_)
        return func(*args, **(kwargs or {}))


def test_a_training_step_reads_no_value(loss_case, monkeypatch):
    """On a GPU, where values of a batch are not checked, the processor would wait for each number that it reads."""
    loss = cases.make(loss_case, D, 40)
    x, labels = batch(torch.float32)
    loss(x, labels)  # the first step looks at the margin, which is no tensor of the GPU's
    for module in [sys.modules[type(part).__module__] for part in loss.modules()] + [sys.modules[Head.__module__]]:
        for check in ("check_features", "check_labels"):
            monkeypatch.setattr(module, check, lambda *_: None, raising=False)
    with Waits():
        loss(x, labels)
        if isinstance(loss, Head) and loss.samples:
            PartialFC(loss, rate=0.5)(x, labels)


class Waits(TorchDispatchMode):
    """Refuses what hands a value, or a shape that depends on values, to the processor."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        waits = ("_local_scalar_dense", "nonzero", "unique", "_unique2", "bincount", "masked_select", "is_nonzero")
        assert func.overloadpacket.__name__ not in waits, func
        return func(*args, **(kwargs or {}))


def test_only_what_is_asked_for_gets_a_gradient(make):
    x, labels = batch()
    head = make(D, C).double()
    head(x.detach(), labels).backward()
    assert head.weight.grad is not None
    head.weight.requires_grad_(False)
    (grad,) = torch.autograd.grad(head(x, labels), x)
    assert grad.shape == x.shape


def test_a_second_backward_through_the_same_graph(loss_case):
    loss = cases.make(loss_case, D, C).double()
    x, labels = batch()
    value = loss(x, labels)
    first = torch.autograd.grad(value, [x, *loss.parameters()], retain_graph=True)
    loss(x + 1, labels)  # a step in between moves running statistics, and not what the first has seen
    again = torch.autograd.grad(3 * value, [x, *loss.parameters()])
    assert_same([3 * g for g in first], again)


def test_what_is_remembered_of_a_batch_carries_no_gradient(loss_case):
    """Else the next step would go back through this one."""
    loss = cases.make(loss_case, D, C)
    loss(*batch(torch.float32))
    assert not any(buffer.requires_grad for buffer in loss.buffers())


def test_what_happens_past_pi_is_the_heads_choice(make):
    """Opposite its centre a sample scores higher by the formula as it stands than by the one that keeps falling."""
    head = make(D, C).double()
    if "beyond_pi" not in head.settings:
        pytest.skip("no angle passes π")
    with torch.no_grad():
        head.weight.view(C, -1, D).copy_(head.weight.view(C, -1, D)[:, :1].clone())
    own = []
    for head.beyond_pi in ("monotone", "exact"):
        torch.manual_seed(5)  # the same margins where they are drawn
        own.append(head.logits(-head.weight[LABELS * head.sub_centers], LABELS).gather(1, LABELS[:, None]))
    assert (own[1] > own[0]).all()


# --- one way to the loss


def test_ones_own_cross_entropy_is_the_same_training_step(make, case):
    """criterion(logits) + extra: values, gradients, and running statistics, in training mode."""
    head = make(D, C).double()
    other = copy.deepcopy(head)
    x, labels = batch()

    def own():
        extra = other.extra(x, labels)
        loss = other.criterion(other.logits(x, labels), labels)
        return loss if extra is None else loss + extra

    wanted = value_and_gradients(lambda: head(x, labels), x, head)
    assert_same(value_and_gradients(own, x, other), wanted, rtol=1e-9, atol=1e-11)
    assert_same(other.state_dict().values(), head.state_dict().values())


def test_a_setting_set_later_is_one_that_was_given(make, case):
    """But for what is learned, and where that began: parameters and buffers are those of the head made with it."""
    head = make(D, C).double()
    x, labels = batch()
    for name, setting in head.settings.items():
        default = getattr(head, name)
        if isinstance(default, bool) or not isinstance(default, int | float) or setting.fixed:
            continue
        changed = default + 1 if isinstance(default, int) else 0.75 * default
        options = {name: getattr(head, name) for name in head.settings} | {name: changed}
        try:
            given = type(head)(D, C, **options).double()
        except ValueError:  # beyond what is allowed: a multiple of less than 1
            continue
        later = copy.deepcopy(head)
        later.load_state_dict(given.state_dict())
        setattr(later, name, changed)
        torch.manual_seed(5)  # the same margins where they are drawn
        wanted = given(x, labels)
        torch.manual_seed(5)
        torch.testing.assert_close(later(x, labels), wanted, rtol=0, atol=0, msg=name)


@pytest.mark.parametrize("chunk_size", [1, 3, 100])
def test_chunks_change_nothing(make, chunk_size):
    head = make(D, C).double()
    if "chunk_size" not in inspect.signature(type(head)).parameters:
        pytest.skip("no chunks: it says so in its constructor")
    chunked = copy.deepcopy(head)
    chunked.chunk_size = chunk_size
    x, labels = batch()
    wanted = value_and_gradients(lambda: head(x, labels), x, head)
    assert_same(value_and_gradients(lambda: chunked(x, labels), x, chunked), wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("sampled", [PartialFC, Centres])
def test_a_sample_of_all_classes_is_the_whole_or_refused(make, sampled):
    head = make(D, C).double()
    if not head.samples:
        with pytest.raises(ValueError, match="rate=1"):
            sampled(head, rate=0.5)
        return
    x, labels = batch()
    step = {"step": 0} if sampled is Centres else {}
    for training in [False, True][: 1 if draws(head) else 2]:  # which classes is drawn before a margin is
        whole, part = copy.deepcopy(head).train(training), sampled(copy.deepcopy(head), rate=EVERY_CLASS)
        part.head.train(training)
        wanted = value_and_gradients(lambda: whole(x, labels), x, whole)  # noqa: B023
        found = value_and_gradients(lambda: part(x, labels, **step), x, part)  # noqa: B023
        assert_same(found, wanted, rtol=1e-9, atol=1e-11)
        assert_same(part.head.state_dict().values(), whole.state_dict().values())


def draws(head):
    """Whether a training step is random."""
    x, labels = batch()
    return copy.deepcopy(head)(x, labels) != copy.deepcopy(head)(x, labels)


def test_a_sample_is_the_loss_over_its_classes(make):
    head = make(D, 40).double()
    if not head.samples:
        pytest.skip("refused: see above")
    part = PartialFC(head, rate=0.3)
    head.eval()  # nothing is drawn or updated
    x, labels = batch()
    found = value_and_gradients(lambda: part(x, labels), x, head)
    torch.manual_seed(5)
    index, columns = sample_classes(labels, 40, 0.3)
    K = head.sub_centers
    rows = torch.cat([torch.arange(K) + K * j for j in index.tolist()])

    def alone():
        return head.loss(x, head.weight[rows], labels, columns)

    def by_logits():
        extra = head.extra(x, labels)
        loss = head.criterion(head.logits(x, labels)[:, index], columns)
        return loss if extra is None else loss + extra

    assert_same(found, value_and_gradients(alone, x, head))
    assert_same(found, value_and_gradients(by_logits, x, head), rtol=1e-9, atol=1e-11)
    left_out = torch.ones(40, dtype=torch.bool)
    left_out[index] = False
    weight_grad = found[2].view(40, K, D)
    assert (weight_grad[left_out] == 0).all()


@pytest.mark.parametrize("name", ["forward", "loss", "logits", "scores"])
def test_the_way_to_the_loss_cannot_be_left(name):
    with pytest.raises(TypeError, match=f"{name}.*override a hook"):
        type("Mine", (Head,), {name: lambda self, *args: None})


def test_a_class_with_hooks_must_say_anew_that_it_splits():
    plain = type("Plain", (losses.CosFace,), {"__doc__": "no hooks"})
    hooked = type("Hooked", (losses.CosFace,), {"extra": lambda self, x, y: x.sum()})
    declared = type("Declared", (losses.CosFace,), {"extra": lambda self, x, y: x.sum(), "splits": True})
    several = type("Several", (losses.CosFace,), {"sub_centers": losses.Count(3, 1)})
    assert plain.splits
    assert not hooked.splits
    assert not several.splits
    assert declared.splits


@pytest.mark.parametrize("of_each", cases.FIRST)
@pytest.mark.filterwarnings("ignore:.*beyond the geometric bound")
def test_compiled_gives_the_same_numbers(of_each):
    """Through the compiler's front end, the whole loss as one graph; test_numerics goes on to machine code, once."""
    loss = cases.make(of_each, D, C).double()
    x, labels = batch()
    eager = copy.deepcopy(loss)
    wanted = value_and_gradients(lambda: eager(x, labels), x, eager)
    torch.compiler.reset()
    compiled = torch.compile(loss, backend="eager", fullgraph=True)
    assert_same(value_and_gradients(lambda: compiled(x, labels), x, loss), wanted)
    assert_same(loss.state_dict().values(), eager.state_dict().values())


def test_torch_func(loss_case):
    """grad, jvp, and gradients of single samples by vmap, in evaluation mode."""
    loss = cases.make(loss_case, D, C).double().eval()
    x, labels = batch()
    state = dict(loss.named_parameters())
    wanted = value_and_gradients(lambda: loss(x, labels), x, loss)[1:]

    def function(x, state):
        return functional_call(loss, state, (x, labels))

    detached = {k: v.detach() for k, v in state.items()}
    grad_x, grads = torch.func.grad(function, argnums=(0, 1))(x.detach(), detached)
    assert_same([grad_x, *grads.values()], wanted)
    direction = torch.randn_like(x)
    forward = lambda: torch.func.jvp(lambda x: function(x, detached), (x.detach(),), (direction,))[1]  # noqa: E731
    if any("torch.cdist" in inspect.getsource(type(module)) for module in loss.modules()):
        with pytest.raises(NotImplementedError, match="forward AD with _cdist_forward"):  # PyTorch's own sentence
            forward()
    else:
        torch.testing.assert_close(forward(), (direction * wanted[0]).sum())
    if isinstance(loss, Head) and not isinstance(loss.extra(x, labels), torch.Tensor):  # a loss of each sample
        single = torch.func.vmap(torch.func.grad(lambda x, y: loss(x[None], y[None])))(x.detach(), labels)
        torch.testing.assert_close(single / B, wanted[0])


# --- dtypes


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_embeddings(loss_case, dtype):
    """Scored in single precision: the loss is that of the same numbers; parameters and batch keep their dtypes."""
    loss = cases.make(loss_case, D, C).eval()
    x, labels = torch.randn(B, D).to(dtype).requires_grad_(), LABELS
    with torch.autocast("cpu", dtype=dtype):
        value = loss(x, labels)
        logits = loss.logits(x, labels) if isinstance(loss, Head) else None
    if logits is not None:
        torch.testing.assert_close(logits, loss.logits(x.float(), labels))
    value.backward()
    assert value.dtype == torch.float32
    assert x.grad.dtype == dtype
    assert all(p.dtype == p.grad.dtype == torch.float32 for p in loss.parameters())
    torch.testing.assert_close(value, loss(x.float(), labels))


def test_single_precision_is_close_to_double(loss_case):
    loss = cases.make(loss_case, 32, C).eval()
    x, labels = batch(torch.float32, 32)
    single = value_and_gradients(lambda: loss(x, labels), x, loss)
    x = x.detach().double().requires_grad_()
    loss.double()
    for a, b in zip(single, value_and_gradients(lambda: loss(x, labels), x, loss), strict=True):
        assert (a - b).norm() <= 1e-5 * b.norm() + 1e-6


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_running_statistics_are_never_kept_in_half_precision(make, dtype):
    """Cast afterwards, as a part of a larger module, or made under that default, as Lightning does."""
    larger = torch.nn.Sequential(make(D, C)).to(dtype)
    torch.set_default_dtype(dtype)
    try:
        made = make(D, C)
    finally:
        torch.set_default_dtype(torch.float32)
    for head in (larger[0], made):
        assert head.weight.dtype == dtype
        assert all(buffer.dtype == torch.float32 for buffer in head.buffers(recurse=False))


# --- a module among modules


def test_made_and_computed_whatever_the_default_device(loss_case):
    """Without values at first, as for weights that come later; and beside a default device that is not the batch's."""
    loss = cases.make(loss_case, D, C).eval()
    x, labels = batch(torch.float32)
    wanted = copy.deepcopy(loss)(x, labels)  # the first batch of each looks at the margin's bound
    with torch.device("meta"):
        empty = losses.create(cases.CASES[loss_case][0], in_features=D, num_classes=C)
        torch.testing.assert_close(loss(x, labels), wanted)
    assert all(value.is_meta for value in empty.state_dict().values())


def test_centres_start_by_xavier(make):
    """As in the released SphereFace networks: uniform, up to √(6/(C + D))."""
    head = make(40, 50)
    bound = (6 / (len(head.weight) + 40)) ** 0.5
    assert 0.98 * bound < head.weight.abs().max() <= bound


def test_people_who_stay_keep_what_was_learned_of_them(make):
    old, new = make(D, C).double().eval(), make(D, C + 2).double().eval()
    with torch.no_grad():
        for value in old.state_dict().values():
            value.add_(torch.rand_like(value))
    came = torch.tensor([4, -1, 0, 5, -1, -1, 2, 1])
    fresh = copy.deepcopy(new.weight)
    new.keep(old, came.tolist())
    x, _ = batch()
    stay = (came >= 0).nonzero()[:, 0]
    if type(new).keep is Head.keep:  # the fixed AdaCos has another scale for more classes
        torch.testing.assert_close(new.logits(x)[:, stay], old.logits(x)[:, came[stay]], rtol=0, atol=1e-12)
    K = new.sub_centers
    both = [module.weight.unflatten(0, (-1, K)) for module in (new, old)]
    assert torch.equal(both[0][stay], both[1][came[stay]])
    assert torch.equal(both[0][came < 0], fresh.unflatten(0, (-1, K))[came < 0])
    for name, value in new.named_buffers():
        theirs = old.get_buffer(name)
        if value.dim():
            assert torch.equal(value[stay], theirs[came[stay]])
        elif type(new).keep is Head.keep:
            assert torch.equal(value, theirs)


@pytest.mark.parametrize(
    ("old", "classes", "message"),
    [
        (losses.CosFace(D + 1, 3), [0, 1], "in_features must be the same, got 5 here, 6 there"),
        (losses.SubCenterArcFace(D, 3), [0, 1], "sub_centers must be the same, got 1 here, 3 there"),
        (PartialFC(losses.CosFace(D, 3)), [0, 1], r"old must be a head, got PartialFC .*\.head"),
        (losses.CosFace(D, 3), [0, 1, 2], "classes must be 2 whole numbers"),
        (losses.CosFace(D, 3), [0.0, 1.0], "classes must be 2 whole numbers"),
        (losses.CosFace(D, 3), [0, 3], r"classes must lie between -1 and 2, got \[0, 3\]"),
        (losses.CosFace(D, 3), [-2, 0], r"classes must lie between -1 and 2, got \[-2, 0\]"),
    ],
)
def test_heads_that_do_not_fit_keep_nothing(old, classes, message):
    with pytest.raises(ValueError, match=message):
        losses.CosFace(D, 2).keep(old, classes)


def test_copies_pickles_and_states(loss_case):
    loss = cases.make(loss_case, D, C)
    x, labels = batch(torch.float32)
    loss.eval()
    value = loss(x, labels)
    stored = io.BytesIO()
    torch.save(loss.state_dict(), stored)
    stored.seek(0)
    fresh = cases.make(loss_case, D, C).eval()
    fresh.load_state_dict(torch.load(stored, weights_only=True))
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss)), fresh):
        assert torch.equal(other(x, labels), value)
        assert repr(other) == repr(loss)
    if isinstance(loss, Head):
        assert "weight" in loss.state_dict()


def test_logits_without_labels_have_no_margin(make):
    head = make(D, C).double().eval()
    x, labels = batch()
    assert head.logits(x).shape == head.logits(x, labels).shape == (B, C)
    if head.rule.plain_others and head.samples:
        others = torch.ones(B, C, dtype=torch.bool).scatter(1, labels[:, None], False)
        torch.testing.assert_close(head.logits(x)[others], head.logits(x, labels)[others])
    if type(head).plain_rule is Head.plain_rule:  # then they are cosines, scaled
        cos = torch.nn.functional.cosine_similarity(x[:, None], head.weight[None], dim=2)
        lengths = 1 if head.normalise_centres else head.weight.norm(dim=1)
        s = x.norm(dim=1, keepdim=True) if head.s is None else head.s
        torch.testing.assert_close(head.logits(x), s * (lengths * cos).view(B, C, -1).amax(2))


# --- arguments


@pytest.mark.parametrize("of_each", cases.FIRST)
def test_numbers_that_are_not_pythons_own(of_each):
    loss = cases.make(of_each, D, C)
    numbers = {
        name: np.int64(p.default) if isinstance(p.default, int) else np.float32(p.default)
        for name, p in inspect.signature(type(loss)).parameters.items()
        if isinstance(p.default, int | float) and not isinstance(p.default, bool)
    }
    kind = losses.card(cases.CASES[of_each][0]).loss
    sizes = {"in_features": np.int64(D), "num_classes": np.int32(C)}
    wanted = inspect.signature(kind).parameters
    other = kind(**{k: v for k, v in sizes.items() if k in wanted}, **numbers)
    for name in numbers:
        assert type(getattr(other, name)) in (int, float)
        if name in getattr(kind, "settings", {}):
            with pytest.raises(ValueError, match=f"{name} must be .* got 'many'"):
                setattr(other, name, "many")
    x, labels = batch(torch.float32)
    assert other(x, labels).isfinite()


@pytest.mark.parametrize("of_each", cases.FIRST)
def test_the_constructor_can_be_read(of_each):
    kind = losses.card(cases.CASES[of_each][0]).loss
    parameters = inspect.signature(kind).parameters
    for name in parameters:
        assert f"{name}:" in inspect.getdoc(kind), name
    with pytest.raises(TypeError, match="no_such_setting"):
        kind(**dict.fromkeys({"in_features", "num_classes"} & set(parameters), 5), no_such_setting=1)


def test_bad_labels_are_refused(loss_case):
    loss = cases.make(loss_case, D, C)
    x, labels = batch(torch.float32)
    with pytest.raises(ValueError, match=r"labels must lie between 0.* got -1"):
        loss(x, labels - 1)
    with pytest.raises(ValueError, match=r"labels must be an int64 tensor"):
        loss(x, labels.int())


# --- the card


@pytest.mark.parametrize("name", losses.available())
def test_every_name_makes_a_loss_without_options(name):
    card = losses.card(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss = losses.create(name, in_features=64, num_classes=200)
        assert loss(torch.randn(4, 64), torch.tensor([0, 1, 7, 3])).isfinite()
    assert type(loss) is card.loss
    assert getattr(losses, card.loss.__name__) is card.loss
    assert name in (card.name, *card.aliases)


@pytest.mark.parametrize("name", losses.available())
def test_the_card_names_a_paper_and_a_colour_of_the_book(name):
    card = losses.card(name)
    references = (Path(__file__).parents[2] / "book" / "references.bib").read_text(encoding="utf-8")
    assert card.paper is None or f"{{{card.paper}," in references  # a loss of one's own has none
    assert card.colour in palette.PEOPLE
    assert sum(losses.card(other).title == card.title for other in losses.available()) == 1 + len(card.aliases)


def test_unknown_names_are_told():
    with pytest.raises(ValueError, match=r"one of .*cosface.* module:Class.* 'cosine_face'"):
        losses.create("cosine_face", in_features=2, num_classes=3)


OWN = """
from cosface_edu.losses import CosFace, Setting, register

@register("own", title="My own", colour="#112233")
class Own(CosFace):
    'CosFace, and a term that pulls embeddings to a length.'
    pull = Setting(0.1, 0, text="weight of the term")
    splits = True

    def extra(self, features, labels):
        return self.pull * (features.float().norm(dim=1) - 1).square().mean()
"""


def test_a_loss_of_ones_own_by_module_and_class(tmp_path, monkeypatch):
    (tmp_path / "a_loss_of_mine.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    card = losses.card("a_loss_of_mine:Own")
    assert (card.title, card.colour) == ("My own", "#112233")
    assert losses.card("own") is card  # it has registered itself by a name of its own
    head = losses.create("a_loss_of_mine:Own", in_features=D, num_classes=C, m=0.2, pull=2.0)
    x, labels = batch(torch.float32)
    plain = losses.CosFace(D, C, m=0.2)
    plain.load_state_dict(head.state_dict())
    pull = 2 * (x.norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(head(x, labels), plain(x, labels) + pull)
    torch.testing.assert_close(Centres(head, rate=EVERY_CLASS)(x, labels, step=0), plain(x, labels) + pull)
    for wrong, message in [
        ("a_loss_of_mine:Other", "no class 'Other'"),
        ("a_loss_of_mine:register", "no class 'register'"),
        ("no_such_module:Own", "no_such_module.*looked in"),
        ("a_loss_of_mine:", "module:Class"),
    ]:
        with pytest.raises(ValueError, match=message):
            losses.card(wrong)
    with pytest.raises(ValueError, match="'cosface' is taken by"):
        losses.register("cosface")(type(head))
    with pytest.raises(ValueError, match="'lmcl' is taken by"):
        losses.register("new", aliases=("lmcl",))(type(head))


def test_one_other_name_is_as_good_as_a_list_of_one(monkeypatch):
    monkeypatch.setattr(registry, "_CARDS", dict(registry._CARDS))
    before = set(losses.available())
    losses.register("named", aliases="called")(type("Named", (losses.CosFace,), {}))
    assert set(losses.available()) - before == {"named", "called"}
    anew = type("Named", (losses.CosFace,), {})  # a notebook's cell that runs again
    losses.register("named", aliases="called")(anew)
    assert losses.card("called").loss is anew
