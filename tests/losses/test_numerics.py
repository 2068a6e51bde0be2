"""No NaN and no infinity, whatever the batch; parameters keep their dtype; the compiler changes nothing."""

import contextlib

import pytest
import torch

from cosface_edu import losses

TRIALS = 200
# The same code with other numbers, or random margins, which the compiler draws from a stream of its own.
NOT_COMPILED = ["nsl", "nsl, length kept", "lsoftmax, annealed", "asoftmax m=1", "asoftmax m=2", "asoftmax m=3"]
NOT_COMPILED += ["asoftmax m=4", "asoftmax_normfea", "sphereface_r, 2", "cosface, length kept", "arcface"]
NOT_COMPILED += [
    "arcface, exact",
    "combined",
    "combined m1>1",
    "sphereface_r, 1",
    "subcenter_arcface",
    "elastic_cosface",
    "elastic_arcface",
]
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
    """200 trials a head, s = 64: float32, bfloat16 and float16 autocast in turn, every 40th with C = 100,000."""
    scale = {} if make(2, 3).s is None or case == "sphereface2" else {"s": 64.0}
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


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_parameters_keep_their_dtype(make, dtype):
    head = make(8, 10)
    x, labels = torch.randn(4, 8).to(dtype).requires_grad_(), torch.randint(10, (4,))
    loss = head(x, labels)
    loss.backward()
    assert head.weight.dtype == head.weight.grad.dtype == torch.float32
    assert x.grad.dtype == dtype
    assert loss.dtype == torch.float32


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


def test_single_precision_close_to_double(make):
    x, labels = torch.randn(16, 32), torch.randint(200, (16,))
    head = make(32, 200).eval()
    x.requires_grad_()
    single = [head(x, labels), *torch.autograd.grad(head(x, labels), (x, head.weight))]
    head = head.double()
    x = x.detach().double().requires_grad_()
    double = [head(x, labels), *torch.autograd.grad(head(x, labels), (x, head.weight))]
    for a, b in zip(single, double, strict=True):
        assert (a - b).norm() <= 1e-5 * b.norm()


def test_a_loss_beyond_the_range_of_exp():
    """s = 64, opposite to its centre: the posterior underflows, the loss must not."""
    head = losses.ArcFace(2, 2, s=64.0, m=0.5)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    loss = head(torch.tensor([[-3.0, 0.0]]), torch.tensor([0]))
    expected = 64 * (1 + 2 + torch.tensor(torch.pi + 0.5).cos())  # s(cosθ_j - ψ), the other posterior being 1
    torch.testing.assert_close(loss, expected)


@pytest.mark.without(*NOT_COMPILED)
@pytest.mark.filterwarnings("ignore:.*beyond the geometric bound")
def test_compiled_gives_the_same_numbers(make, case):
    """Through the compiler's front end and its autograd; the code generator is tested on ArcFace below."""
    check_compiled(make(8, 20).double(), "aot_eager")


def test_compiled_to_machine_code():
    check_compiled(losses.ArcFace(8, 20).double(), "inductor")


def check_compiled(head, backend):
    x, labels = torch.randn(6, 8, dtype=torch.float64), torch.randint(20, (6,))
    state = {k: v.clone() for k, v in head.state_dict().items()}
    x.requires_grad_()
    loss = head(x, labels)
    eager = [loss, *torch.autograd.grad(loss, (x, head.weight))]
    head.load_state_dict(state)
    torch.compiler.reset()
    loss = torch.compile(head, backend=backend, fullgraph=True)(x, labels)
    for a, b in zip(eager, [loss, *torch.autograd.grad(loss, (x, head.weight))], strict=True):
        torch.testing.assert_close(a, b)
