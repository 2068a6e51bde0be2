"""What the feature-normalisation chapter shows: what length alone does to a loss, and the book's own Table 2."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from cosface_edu import losses
from cosface_edu.experiments import comparison as experiment
from cosface_edu.experiments.closure import code_hash
from cosface_edu.figures import page, paper, style, tables


def lengths(m: float = 0.0, C: int = 8) -> Figure:
    """Loss of three samples of fixed direction against the length of their embedding, class centres on a circle."""
    head = losses.CosFace(2, C, s=None, m=m).double()
    around = 2 * torch.pi * torch.arange(C, dtype=torch.float64) / C
    with torch.no_grad():
        head.weight.copy_(torch.stack([around.cos(), around.sin()], dim=1))
    length = torch.linspace(0.1, 60, 300, dtype=torch.float64)
    figure, axes = style.subplots(figsize=(5.6, 3.4))
    for degrees, line, tint in ((5, "-", style.CYCLE[2]), (20, "--", style.CYCLE[0]), (26, ":", style.WARN)):
        turn = torch.deg2rad(torch.tensor(float(degrees), dtype=torch.float64))
        x = length[:, None] * torch.stack([turn.cos(), turn.sin()])  # (300, 2)
        logits = head.logits(x, torch.zeros(len(x), dtype=torch.int64)).detach()
        loss = -logits.log_softmax(1)[:, 0]
        axes.plot(length, loss, line, color=tint, label=f"{degrees}° from its own centre")
    axes.set(xlabel="length ‖x‖ of the embedding", ylabel="loss of the sample", xlim=(0, 60), ylim=(0, None))
    axes.legend(fontsize=9)
    return figure


def by_row(record: Mapping[str, Any], what: str, lr: float) -> dict[str, np.ndarray]:
    """One measure of every row at one learning rate: row -> (seeds,)."""
    rows: dict[str, list[float]] = {}
    for run in record["runs"]:
        if run["lr"] == lr:
            rows.setdefault(run["row"], []).append(run[what])
    return {row: np.array(values) for row, values in rows.items()}


def better_rate(record: Mapping[str, Any]) -> dict[str, float]:
    """For each row the learning rate with the higher mean accuracy."""
    means = {lr: by_row(record, "accuracy", lr) for lr in record["config"]["rates"]}
    rows = next(iter(means.values()))
    return {row: max(means, key=lambda lr: means[lr][row].mean()) for row in rows}


def provenance(record: Mapping[str, Any]) -> str:
    """Where the runs come from and how large they are; says so if the code that they ran has changed since."""
    config, seeds = record["config"], record["seeds"]
    seconds = np.mean([run["seconds"] for run in record["runs"]])
    same = record["code"] == code_hash(experiment.__name__)
    return (
        f"{len(seeds)} seed(s), {config['steps']} steps of {config['people'] * config['shots']} images a run, "
        f"{config['identities']} people to train on and {config['strangers']} strangers to test on, "
        f"{seconds:.0f} s a run while the machine was busy with other work. "
        f"{page.provenance(record)} {'The code is the same today.' if same else '**The code has changed since.**'}"
    )


def table(record: Mapping[str, Any]) -> str:
    """Ours at each learning rate beside the paper's Table 2, as Markdown; mean ± half the range over the seeds."""
    rates = record["config"]["rates"]
    lfw, mf1 = paper.column("table2", "LFW"), paper.column("table2", "MF1 rank 1")

    def ours(values: np.ndarray) -> str:
        spread = f" ± {np.ptp(values) / 2:.1f}" if len(values) > 1 else ""
        return f"{values.mean():.1f}{spread}"

    ours_at = [f"ours: {what}, rate {lr:g}" for what in ("verification", "rank 1") for lr in rates]
    columns = [by_row(record, what, lr) for what in ("accuracy", "rank1") for lr in rates]
    rows = []
    for row in columns[0]:
        theirs = (f"{lfw[row]:.2f}", f"{mf1[row]:.2f}") if row in lfw else ("–", "–")
        rows.append([row, *(ours(column[row]) for column in columns), *theirs])
    return tables.table(["loss", *ours_at, "the paper's: LFW", "the paper's: MF1 rank 1"], rows)


# What the page asks of the table: (question, row, row that it is compared with).
_QUESTIONS = (
    ("margin, at equal s = 16", "LMCL", "NSL"),
    ("margin, at equal s = 64", "LMCL, s = 64", "NSL, s = 64"),
    ("features normalised", "LMCL", "LMCL, features not normalised"),
    ("normalising alone", "NSL", "Softmax"),
    ("features normalised", "A-Softmax-NormFea", "A-Softmax"),
    ("cosine against multiplied angle", "LMCL", "A-Softmax-NormFea"),
)


def differences(record: Mapping[str, Any]) -> str:
    """What single changes were worth in verification, against the noise of the test pairs, as Markdown.

    Each row counts at the better of its learning rates.
    """
    best = better_rate(record)
    rows = {row: by_row(record, "accuracy", lr)[row] for row, lr in best.items()}
    errors = {row: by_row(record, "standard_error", lr)[row] for row, lr in best.items()}
    lines = []
    for what, after, before in _QUESTIONS:
        gain = rows[after].mean() - rows[before].mean()
        # Seeds share the test pairs: averaging over them does not make the error of the pairs smaller.
        noise = 2 * float(np.hypot(errors[after].mean(), errors[before].mean()))
        verdict = "within the noise" if abs(gain) < noise else "beyond it"
        lines.append([what, before, after, f"{gain:+.1f}", f"{noise:.1f}", verdict])
    return tables.table(["what changes", "from", "to", "points", "noise (2 standard errors)", ""], lines, "lllrrl")


def dots(record: Mapping[str, Any]) -> Figure:
    """Verification accuracy of every row: a dot for each seed at each learning rate."""
    rates = record["config"]["rates"]
    names = list(by_row(record, "accuracy", rates[0]))[::-1]
    figure, axes = style.subplots(figsize=(5.6, 0.36 * len(names) + 1.2))
    for lr, marker, tint in zip(rates, "os^", style.CYCLE, strict=False):
        rows = by_row(record, "accuracy", lr)
        for y, name in enumerate(names):
            label = f"learning rate {lr:g}" if y == 0 else None
            axes.plot(rows[name], np.full(len(rows[name]), y), marker, color=tint, alpha=0.8, label=label)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("verification accuracy on strangers (%)")
    axes.legend(fontsize=9, loc="upper left")
    return figure
