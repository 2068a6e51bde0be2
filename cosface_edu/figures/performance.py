"""What the performance page shows: memory of a head, measured here, and the recorded benchmark of all losses."""

import contextlib
import ctypes
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from cosface_edu import losses
from cosface_edu.experiments import shipped
from cosface_edu.experiments.record import load, processor
from cosface_edu.figures import page, style
from cosface_edu.figures.tables import table

RESULTS = "benchmarks/results/losses.json"


def _resident(field: str) -> float:
    """VmRSS or VmHWM of this process in bytes, as Linux tells it."""
    line = next(
        line for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if line.startswith(field)
    )
    return 1024 * float(line.split()[1])


def peak_bytes(C: int, chunk_size: int | None, B: int = 256, D: int = 64) -> float:
    """Memory that one forward and backward pass of CosFace needs at its peak beyond batch and centres; NaN off Linux.

    Args:
        C: number of classes.
        chunk_size: see `losses.Head`.
        B: batch size.
        D: length of an embedding.
    """
    head = losses.CosFace(D, C, chunk_size=chunk_size)
    x, labels = torch.randn(B, D, requires_grad=True), torch.randint(C, (B,))
    if not Path("/proc/self/clear_refs").exists():
        return math.nan
    with contextlib.suppress(OSError, AttributeError):  # other C libraries have no malloc_trim
        ctypes.CDLL(None).malloc_trim(0)  # freed memory that is still held would be used again unseen
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak starts anew from here
    head(x, labels).backward()
    return _resident("VmHWM") - before


def memory(
    classes: Sequence[int] = (10_000, 20_000, 40_000, 80_000), B: int = 256, D: int = 64, chunk: int = 32
) -> Figure:
    """Peak memory of one step against the number of classes, whole and in chunks; off Linux that it is not measured."""
    figure, axes = style.subplots(figsize=(5.6, 3.6))
    peak_bytes(classes[0], None, B, D)  # whatever is allocated only once
    for chunk_size, label, marker, tint in (
        (None, "whole batch at once", "o-", style.WARN),
        (chunk, f"chunks of {chunk} samples", "s-", style.CYCLE[2]),
    ):
        peaks = [peak_bytes(C, chunk_size, B, D) / 1e6 for C in classes]
        axes.plot(classes, peaks, marker, color=tint, label=label)
    if math.isnan(peaks[0]):
        axes.text(0.5, 0.5, "measured on Linux only", transform=axes.transAxes, ha="center")
    axes.plot(classes, [4 * B * C / 1e6 for C in classes], ":", color=style.GUIDE, label="one copy of the B×C logits")
    axes.plot(classes, [4 * D * C / 1e6 for C in classes], "--", color=style.GUIDE, label="gradient of the centres")
    axes.set(xlabel="number of classes C", ylabel="peak beyond batch and centres (MB)", ylim=(0, None))
    axes.legend(fontsize=9)
    return figure


def ratios(
    names: Mapping[str, Mapping[str, Any]], B: int = 256, D: int = 128, C: int = 4000, rounds: int = 7
) -> dict[str, float]:
    """Median time of a step of each loss over that of the bare product of unit vectors, interleaved.

    Args:
        names: name in the registry -> the head's own arguments.
        B: batch size.
        D: length of an embedding.
        C: number of classes.
        rounds: of each, in turn.
    """
    weight = torch.randn(C, D, requires_grad=True)
    x, labels = torch.randn(B, D, requires_grad=True), torch.randint(C, (B,))

    gradient = torch.rand(B, C)

    def bare() -> None:
        F.linear(F.normalize(x), F.normalize(weight)).backward(gradient)

    steps = {"": bare}
    for name, options in names.items():
        head = losses.create(name, in_features=D, num_classes=C, **options)
        steps[name] = lambda head=head: head(x, labels).backward()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds + 1):
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - began)
    medians = {name: float(np.median(taken[1:])) for name, taken in times.items()}
    return {name: medians[name] / medians[""] for name in names}


def recorded(path: Path | None = None) -> dict[str, Any] | None:
    """The record that `benchmarks/bench_losses.py` wrote, None where there is none; the book's own by default."""
    try:
        return load(path or shipped.path(RESULTS))
    except FileNotFoundError:
        return None


def provenance(record: Mapping[str, Any] | None) -> str:
    """Where the record comes from, and whether that is this machine."""
    if record is None:
        return "No benchmark has been recorded in this copy of the book. Run `make bench`."
    here = record["hardware"]["processor"] == processor()
    where = "It was this machine." if here else "It was **another machine than this page's**."
    return f"{page.provenance(record)} {where}"


def _measured(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of a record as a table; columns: heading -> key."""

    def cell(value: Any) -> str:
        if value is None:
            return "–"
        return f"{value:.3g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)

    return table(list(columns), ([cell(row[key]) for key in columns.values()] for row in rows))


def time_table(record: Mapping[str, Any] | None) -> str:
    """Time of each loss over the bare product, with the budget of this project, as Markdown."""
    if record is None or not record["time"]:
        return ""
    columns = {
        "loss": "loss",
        "ms a step": "ms",
        "× bare product": "ratio",
        "× bare, processor time": "ratio_cpu",
        "budget": "allowed",
        "pytorch-metric-learning × bare": "pml_ratio",
    }
    return _measured(columns, record["time"])


def memory_table(record: Mapping[str, Any] | None) -> str:
    """Peak memory whole and in chunks, and the time that chunks cost, as Markdown."""
    if record is None or not record["memory"]:
        return ""
    columns = {
        "classes": "C",
        "batch": "B",
        "chunk": "chunk_size",
        "peak GB": "peak_gb",
        "centres and gradient GB": "centres_and_gradient_gb",
        "beyond these, MB": "extra_mb",
    }
    text = _measured(columns, record["memory"])
    if chunked := record["chunked"]:
        text += f"\n\nAt {chunked['C']:,} classes the chunked step takes {chunked['ratio']:.2f} times the whole one."
    return text
