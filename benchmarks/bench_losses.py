"""How much a loss costs on top of the matrix product under it, in time and in memory.

    pytest benchmarks/bench_losses.py

Every figure is a ratio to a reference that runs in turn with the measured loss, in the same process: the bare
product F.linear(normalize(x), normalize(W)), forward and backward. pytorch-metric-learning's losses run in the same
turns. B = 512, D = 512, C = 10,575 (CASIA-WebFace), float32, two threads. `x bare` is the median over the rounds of
wall time; `cpu` the same of processor time, which other programs on the machine disturb less. The table is printed at
the end and written to benchmarks/results/losses.json, from which the book's performance page is made.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from pytorch_metric_learning import losses as theirs

from cosface_edu import losses
from cosface_edu.experiments import record

RESULTS = Path(__file__).parent / "results" / "losses.json"
B, D, C = 512, 512, 10_575
ROUNDS = 9

# allowed ratio to the bare product (None: no budget), pytorch-metric-learning's counterpart
Budget = tuple[float | None, Callable[[], torch.nn.Module] | None]
BUDGETS: dict[str, Budget] = {
    "cosface": (1.10, lambda: theirs.CosFaceLoss(C, D)),
    "arcface": (1.15, lambda: theirs.ArcFaceLoss(C, D)),
    "combined": (1.15, None),
    "asoftmax": (1.20, lambda: theirs.SphereFaceLoss(C, D)),
    "curricularface": (1.60, None),
    "adaface": (1.30, None),
    "magface": (1.30, None),
    "nsl": (None, lambda: theirs.NormalizedSoftmaxLoss(C, D, temperature=1 / 64)),
    "lsoftmax": (None, lambda: theirs.LargeMarginSoftmaxLoss(C, D)),
}
CARDS = dict.fromkeys(losses.card(name) for name in losses.available())
# every loss with class centres
HEADS = [(card.name, *BUDGETS.get(card.name, (None, None))) for card in CARDS if issubclass(card.loss, losses.Head)]


Times = list[tuple[float, float]]  # (wall, processor) seconds of each round


def timed(step: Callable[[], object], seen: Times) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    seen.append((time.perf_counter() - wall, time.process_time() - cpu))


def training_step(loss: torch.nn.Module, x: torch.Tensor, labels: torch.Tensor) -> Callable[[], None]:
    def step() -> None:
        x.grad = None
        loss.zero_grad(set_to_none=True)
        loss(x, labels).backward()

    return step


def bare_step(x: torch.Tensor, classes: int) -> Callable[[], None]:
    """The bare product; its gradient comes from outside, as a loss would hand it over."""
    weight = torch.nn.Parameter(torch.randn(classes, x.shape[1]) * 0.05)
    grad = torch.randn(len(x), classes)

    def step() -> None:
        x.grad = weight.grad = None
        F.linear(F.normalize(x), F.normalize(weight)).backward(grad)

    return step


@pytest.fixture(scope="module")
def table():
    """Collects the results of the module, writes and prints them at the end."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.manual_seed(0)
    found: dict = {"time": [], "memory": [], "chunked": {}}
    began = time.perf_counter()
    yield found
    write(found, time.perf_counter() - began)
    torch.set_num_threads(threads)
    print("\n" + text(found))


def write(found: dict, seconds: float) -> None:
    """The record; a partial run (-k) leaves what it did not measure as it was."""
    old = record.load(RESULTS) if RESULTS.exists() else {}
    taken = [key for key in found if not found[key] and old.get(key)]
    found |= {key: old[key] for key in taken}
    made = record.new(
        "cosface_edu.losses",
        what="Time and memory of each loss beside the bare matrix product, in the same run",
        command="make bench",
        data={"source": "random embeddings and labels"},
        config={"B": B, "D": D, "C": C, "dtype": "float32", "rounds": ROUNDS},
        seeds=[0],
        seconds=seconds,
        note=f"load average {os.getloadavg()[0]:.1f}"
        + (f"; {' and '.join(taken)} are of {old['date']}, by another state of the package" if taken else ""),
        **found,
    )
    record.save(RESULTS, made)


def text(found: dict) -> str:
    lines = [f"{'loss':18s} {'ms':>6s} {'x bare':>7s} {'cpu':>6s} {'best':>6s} {'allowed':>8s} {'pml x bare':>11s}"]
    for row in found["time"]:
        allowed = "" if row["allowed"] is None else f"{row['allowed']:.2f}"
        other = "" if row["pml_ratio"] is None else f"{row['pml_ratio']:.2f}"
        ratios = f"{row['ratio']:7.2f} {row['ratio_cpu']:6.2f} {row['ratio_best']:6.2f}"
        lines.append(f"{row['loss']:18s} {row['ms']:6.0f} {ratios} {allowed:>8s} {other:>11s}")
    lines += [f"chunked, C = 100,000: {found['chunked']}", *(f"memory: {row}" for row in found["memory"])]
    return "\n".join(lines)


def in_turn(benchmark, *steps: Callable[[], None], rounds: int = ROUNDS) -> list[Times]:
    """Times the steps in turn, the first one last in each round; the first round is left out."""
    times: list[Times] = [[] for _ in steps]

    def others() -> None:
        for step, seen in zip(steps[1:], times[1:], strict=True):
            timed(step, seen)

    benchmark.pedantic(lambda: timed(steps[0], times[0]), setup=others, rounds=rounds + 1)
    return [seen[1:] for seen in times]


def ratios(times: Times, reference: Times) -> dict[str, float]:
    wall, cpu = ([a[i] / b[i] for a, b in zip(times, reference, strict=True)] for i in (0, 1))
    best = min(times)[0] / min(reference)[0]
    return {"ratio": statistics.median(wall), "ratio_cpu": statistics.median(cpu), "ratio_best": best}


@pytest.mark.parametrize(("name", "allowed", "counterpart"), HEADS, ids=[h[0] for h in HEADS])
def test_head(benchmark, table, name, allowed, counterpart):
    x, labels = torch.randn(B, D, requires_grad=True), torch.randint(C, (B,))
    step = training_step(losses.create(name, in_features=D, num_classes=C), x, labels)
    others = [bare_step(x, C)]
    if counterpart is not None:
        others.append(training_step(counterpart(), x, labels))
    ours, bare, *pml = in_turn(benchmark, step, *others)
    row = {
        "loss": name,
        "ms": 1e3 * statistics.median(ours)[0],
        "bare_ms": 1e3 * statistics.median(bare)[0],
        **ratios(ours, bare),
        "allowed": allowed,
        "pml_ratio": ratios(pml[0], bare)["ratio"] if pml else None,
    }
    benchmark.extra_info.update(row)
    table["time"].append(row)


CHUNK = 104  # five parts of the batch, multiples of 8


def test_chunked_head(benchmark, table):
    """C = 100,000: the chunked head against the unchunked one."""
    classes = 100_000
    x, labels = torch.randn(B, D, requires_grad=True), torch.randint(classes, (B,))
    whole = training_step(losses.CosFace(D, classes), x, labels)
    chunked = training_step(losses.CosFace(D, classes, chunk_size=CHUNK), x, labels)
    ours, reference = in_turn(benchmark, chunked, whole)
    row = {
        "C": classes,
        "chunk_size": CHUNK,
        **ratios(ours, reference),
        "allowed": 1.15,
    }
    benchmark.extra_info.update(row)
    table["chunked"] = row


PEAK = """
import pathlib, re, sys, torch
from cosface_edu.losses import CosFace
classes, batch, chunk = (int(v) for v in sys.argv[1:])
torch.set_num_threads(2)
head = CosFace(512, classes, chunk_size=chunk or None)
x = torch.randn(batch, 512, requires_grad=True)
CosFace(512, 300, chunk_size=chunk or None)(x, torch.randint(300, (batch,))).backward()  # libraries load
# not getrusage, whose maximum starts at what the parent held when it forked
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]) * 1024
before = peak()
head(x, torch.randint(classes, (batch,))).backward()
print(before, peak())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read as Linux reports it")
def test_memory(benchmark, table):
    """Peak of a fresh process. `extra`: beyond the centres, their gradient, and what the process held before."""

    def measure() -> None:
        for classes, batch, chunk in [(100_000, B, 0), (100_000, B, CHUNK), (1_000_000, 128, 32)]:
            run = subprocess.run(
                [sys.executable, "-c", PEAK, str(classes), str(batch), str(chunk)],
                capture_output=True,
                text=True,
                check=True,
            )
            before, after = (int(v) for v in run.stdout.split())
            extra = after - before - classes * D * 4
            table["memory"].append(
                {
                    "C": classes,
                    "B": batch,
                    "chunk_size": chunk or None,
                    "peak_gb": round(after / 1e9, 2),
                    "extra_mb": round(extra / 1e6, 1),
                    "centres_and_gradient_gb": round(2 * classes * D * 4 / 1e9, 2),
                }
            )

    benchmark.pedantic(measure, rounds=1)
