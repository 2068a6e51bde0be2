"""No NaN and no infinity, whatever the batch; half precision; code that the compiler makes."""

import contextlib
import inspect

import pytest
import torch

from cosface_edu import losses

TRIALS = 90
DTYPES = [torch.float32, torch.bfloat16, torch.float16]


def hostile_batch(head, trial):
    """Samples on their class centre, opposite to it, zero, short, long; every fifth batch holds one sample."""
    size = 1 if trial % 5 == 0 else 6
    labels = torch.randint(head.num_classes, (size,))
    centre = head.weight.detach()[labels * head.sub_centers].float()
    x = torch.randn(size, head.in_features)
    kinds = torch.randint(6, (size,)) if size > 1 else torch.tensor([trial // 5 % 6])
    for i, kind in enumerate(kinds.tolist()):
        x[i] = [x[i], centre[i], -centre[i], 0 * x[i], 1e-2 * x[i], 500 * centre[i]][kind]
    return x, labels


@pytest.mark.filterwarnings("ignore:.*beyond the geometric bound")
def test_always_finite(make, case):
    """90 trials a head, s = 64: float32, bfloat16 and float16 autocast in turn, every 40th with C = 100,000."""
    scale = (
        {"s": 64.0} if isinstance(make(2, 3).s, float) and "s" in inspect.signature(type(make(2, 3))).parameters else {}
    )
    heads = {C: make(8, C, **scale) for C in (50, 100_000)}
    for trial in range(TRIALS):
        head = heads[100_000 if trial % 40 == 0 else 50]
        dtype = DTYPES[trial % 3]
        x, labels = hostile_batch(head, trial)
        x = x.to(dtype).requires_grad_()
        context = contextlib.nullcontext() if dtype is torch.float32 else torch.autocast("cpu", dtype=dtype)
        with context:
            loss = head(x, labels)
            logits = head.logits(x, labels)
        head.zero_grad()
        loss.backward()
        assert loss.dtype == torch.float32
        assert loss.isfinite()
        assert logits.isfinite().all()
        assert head.weight.grad.isfinite().all()
        assert x.grad.isfinite().all(), (trial, x, labels)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_centres_are_scored_in_single_precision(dtype):
    head = losses.CosFace(8, 10)
    with torch.no_grad():
        head.weight.copy_(head.weight.to(dtype))  # values that both precisions hold
    low = losses.CosFace(8, 10)
    low.load_state_dict(head.state_dict())
    low.to(dtype)
    x, labels = torch.randn(4, 8).to(dtype), torch.randint(10, (4,))
    torch.testing.assert_close(low(x, labels), head(x, labels))
    low(x, labels).backward()
    assert low.weight.grad.dtype == dtype


def test_compiled_to_machine_code():
    head = losses.ArcFace(8, 20).double()
    x, labels = torch.randn(6, 8, dtype=torch.float64, requires_grad=True), torch.randint(20, (6,))
    loss = head(x, labels)
    eager = [loss, *torch.autograd.grad(loss, (x, head.weight))]
    torch.compiler.reset()
    loss = torch.compile(head, backend="inductor", fullgraph=True)(x, labels)
    for a, b in zip(eager, [loss, *torch.autograd.grad(loss, (x, head.weight))], strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("zero", ["features", "centres"])
def test_a_zero_length_has_the_gradient_of_the_bare_product(zero: str) -> None:
    """Class centres that start at zero are usual for softmax: their gradient is the inner product's, not a cosine's."""
    torch.manual_seed(0)
    head = losses.Softmax(4, 5).double()
    x, labels = torch.randn(6, 4, dtype=torch.float64), torch.randint(5, (6,))
    with torch.no_grad():
        (x if zero == "features" else head.weight)[1:3] = 0
    x.requires_grad_()
    found = torch.autograd.grad(head(x, labels), (x, head.weight))
    expected = torch.autograd.grad(torch.nn.functional.cross_entropy(x @ head.weight.T, labels), (x, head.weight))
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.filterwarnings("ignore:the embeddings of the first batch")
@pytest.mark.parametrize("which", ["features", "centres"])
def test_a_length_past_the_largest_number_is_not_passed_over(make, case, which: str) -> None:
    """1e21 can be stored and not squared: a finite loss from which that row learns nothing would hide it."""
    head = make(8, 5)
    x, labels = torch.randn(6, 8), torch.tensor([0, 1, 2, 3, 4, 0])
    rows = x if which == "features" else head.weight
    with torch.no_grad():
        rows[1] *= 1e21
    loss = head(x.requires_grad_(), labels)
    (gradient,) = torch.autograd.grad(loss, rows)
    assert not loss.isfinite() or gradient[1].any()


def test_nothing_but_a_zero_is_without_a_direction():
    head = losses.CosFace(4, 5)
    x, labels = torch.randn(6, 4), torch.randint(5, (6,))
    logits, loss = head.logits(x, labels), head(x, labels)
    with torch.no_grad():
        head.weight.mul_(1e-10)
    torch.testing.assert_close(head.logits(1e-10 * x, labels), logits)
    torch.testing.assert_close(head(1e-10 * x, labels), loss)


def test_flat_scores_of_many_classes_lose_the_logarithm_of_their_number():
    """The largest posterior is then 1/C, however small: 0.0002 here."""
    head = losses.NSL(4, 5000)
    with torch.no_grad():
        head.weight.zero_()
    torch.testing.assert_close(head(torch.randn(3, 4), torch.tensor([0, 17, 4999])), torch.tensor(5000.0).log())
