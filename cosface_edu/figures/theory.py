"""Figures of the theory chapters: how large s and m must be, gradients, margins on an arc, the unified margin."""

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from cosface_edu import geometry, losses
from cosface_edu.experiments import numerical
from cosface_edu.figures import style
from cosface_edu.losses import NSL
from cosface_edu.losses.margins import (
    AdditiveAngle,
    AdditiveCosine,
    Combined,
    MultiplicativeAngle,
    NoMargin,
    Rule,
)

CASIA = 10_575  # identities of CASIA-WebFace

# The family as the chapters compare it, each with the margin of its paper.
FAMILY: dict[str, Rule] = {
    "NSL": NoMargin(),
    "A-Softmax, m = 4": MultiplicativeAngle(4),
    "CosFace, m = 0.35": AdditiveCosine(0.35),
    "ArcFace, m = 0.5": AdditiveAngle(0.5),
}
UNIFIED: dict[str, Rule] = {
    "SphereFace (1.35, 0, 0)": Combined(1.35, 0, 0),
    "ArcFace (1, 0.5, 0)": Combined(1, 0.5, 0),
    "CosFace (1, 0, 0.35)": Combined(1, 0, 0.35),
    "CM1 (1, 0.3, 0.2)": Combined(1, 0.3, 0.2),
    "CM2 (0.9, 0.4, 0.15)": Combined(0.9, 0.4, 0.15),
}


def colour(label: str) -> str:
    """The book's colour for the loss that a label such as 'CosFace, m = 0.35' begins with; or the combined margin's."""
    known = {word.lower(): style.loss(name) for name in losses.available() for word in (name, losses.card(name).title)}
    return known.get(re.split("[ ,]", label.lower())[0], style.loss("combined"))


def ceilings(classes: Sequence[int] = (8, 1000, CASIA, 90_000), m: float = 0.35) -> Figure:
    """Posterior that a class centre itself can reach at most, against s, with the bound at P = 0.99 marked."""
    s = np.linspace(0, 30, 301)
    figure, axes = style.subplots(figsize=(5.6, 3.8))
    for C, tint in zip(classes, style.CYCLE, strict=False):
        axes.plot(s, numerical.simplex_posterior(NoMargin(), s, C), color=tint, label=f"C = {C:,}")
        axes.plot(geometry.min_scale(C, 0.99), 0.99, "o", color=tint)
        if C == CASIA:
            axes.plot(
                s,
                numerical.simplex_posterior(AdditiveCosine(m), s, C),
                "--",
                color=tint,
                label=f"C = {C:,}, m = {m:g}",
            )
            axes.plot(geometry.min_scale(C, 0.99, m), 0.99, "o", color=tint, fillstyle="none")
    axes.set(xlabel="scale s", ylabel="posterior of a perfect sample", xlim=(0, 30), ylim=(-0.02, 1.05))
    axes.legend(loc="lower right", fontsize=9)
    return figure


def settled_posteriors(scales: Sequence[float] = (1, 2, 4, 6, 8, 12, 16, 20), C: int = 8) -> Figure:
    """Posteriors of centres that the loss arranged by itself, in many dimensions and on a circle."""
    s = np.linspace(0, max(scales), 200)
    figure, axes = style.subplots(figsize=(5.6, 3.6))
    axes.plot(s, numerical.simplex_posterior(NoMargin(), s, C), color=style.CYCLE[0], label="simplex, closed form")
    for K, tint, marker in ((16, style.CYCLE[0], "o"), (2, style.CYCLE[1], "s")):
        reached = []
        for scale in scales:
            head = NSL(K, C, s=scale).double()
            centres = numerical.settle_centres(head, steps=100, lr=0.1)
            reached.append(head.logits(centres).softmax(1).diagonal().mean().item())
        axes.plot(scales, reached, marker, color=tint, label=f"arranged by gradient descent, {K} dimensions")
    axes.axhline(0.99, linestyle=":", color=style.GUIDE, linewidth=1)
    axes.axvline(geometry.min_scale(C, 0.99), linestyle=":", color=style.GUIDE, linewidth=1)
    axes.set(xlabel="scale s", ylabel=f"mean posterior of {C} centres", ylim=(0, 1.05))
    axes.legend(loc="lower right", fontsize=9)
    return figure


def _circle(axes: Axes, reach: float = 1.3) -> None:
    turn = np.linspace(0, 2 * np.pi, 361)
    axes.plot(np.cos(turn), np.sin(turn), color=style.GUIDE, linewidth=0.8)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.axis("off")


def circle_demands(margins: Sequence[float] = (0.0, 0.15, 0.29, 0.4), C: int = 8) -> Figure:
    """Where on the circle the samples of each of C evenly spread classes must lie, for several margins."""
    figure, panels = style.subplots(2, -(-len(margins) // 2), figsize=(5.6, 6.2))
    for axes, m in zip(panels.flat, margins, strict=True):
        _circle(axes)
        width = float(geometry.edge_on_arc(AdditiveCosine(m), 2 * math.pi / C))
        for j in range(C):
            middle = 2 * math.pi * j / C
            tint = style.CYCLE[j % len(style.CYCLE)]
            axes.plot([0, math.cos(middle)], [0, math.sin(middle)], color=tint, linewidth=0.8, alpha=0.6)
            if not math.isnan(width):
                arc = np.linspace(middle - width, middle + width, 30)
                axes.fill(np.append(0, np.cos(arc)), np.append(0, np.sin(arc)), color=tint, alpha=0.45, linewidth=0)
                axes.plot(np.cos(arc), np.sin(arc), color=tint, linewidth=3)
        what = "no place satisfies it" if math.isnan(width) else f"wedges {math.degrees(2 * width):.0f}° wide"
        axes.set_title(f"m = {m:g}\n{what}", fontsize=10)
    return figure


def packing(grid: Mapping[int, Sequence[int]] | None = None) -> Figure:
    """The largest margin that gradient descent finds for C centres in K dimensions, and the bound."""
    grid = grid or {2: (3, 4, 8, 24), 3: (4, 6, 12, 24), 8: (9, 16, 32, 64)}
    figure, axes = style.subplots(figsize=(5.6, 3.8))
    for (K, classes), tint in zip(grid.items(), style.CYCLE, strict=False):
        every = range(classes[0], classes[-1] + 1)
        axes.plot(every, [geometry.max_margin(C, K) for C in every], color=tint, label=f"bound, D = {K}")
        found = [numerical.best_margin_found(C, K, steps=240) for C in classes]
        axes.plot(classes, found, "o", color=tint, label=f"found, D = {K}")
    axes.set(xscale="log", xlabel="number of classes C", ylabel="largest feasible m", ylim=(0, 1.6))
    axes.set_xticks([3, 4, 6, 8, 12, 16, 24, 32, 64], labels=["3", "4", "6", "8", "12", "16", "24", "32", "64"])
    axes.minorticks_off()
    axes.legend(fontsize=9, ncols=3, loc="upper right")
    return figure


def random_neighbours(nearest: Tensor, margins: Sequence[float] = (0.35, 0.45)) -> Figure:
    """Cosines of random class centres to their nearest neighbours, with what each margin would still allow."""
    figure, axes = style.subplots(figsize=(5.6, 3.2))
    axes.hist(nearest.cpu().numpy(), bins=60, color=style.loss("nsl"), alpha=0.8)
    top = axes.get_ylim()[1]
    for m in margins:
        axes.axvline(1 - m, color=style.loss("cosface"))
        axes.text(1 - m - 0.008, top * 0.95, f"1 − m at m = {m:g}", va="top", ha="right", rotation=90, fontsize=9)
    axes.set(xlabel="cosine to the nearest other class centre", ylabel="class centres", xlim=(0, 0.75))
    return figure


def collapse(margins: Sequence[float] = (0.2, 0.29, 0.35, 0.4, 0.45, 0.6), C: int = 8, s: float = 30.0) -> Figure:
    """Eight centres and a sample of each on a circle as LMCL itself arranges them, below the bound and past it."""
    figure, panels = style.subplots(2, (len(margins) + 1) // 2, figsize=(5.6, 4.8))
    for axes, m in zip(panels.flat, margins, strict=False):
        settled = geometry.settle(AdditiveCosine(m), s, (1,) * C)
        _circle(axes)
        turns, gaps = np.degrees(settled.angles) % 360, np.degrees(settled.gaps)
        for turn in np.unique(np.round(turns / 2) * 2 % 360):
            together = int((np.abs((turns - turn + 180) % 360 - 180) <= 2).sum())
            x, y = math.cos(math.radians(turn)), math.sin(math.radians(turn))
            tint = style.CYCLE[0] if together == 1 else style.WARN
            axes.plot([0, x], [0, y], color=tint, linewidth=1.5 if together == 1 else 3)
            if together > 1:
                axes.text(1.2 * x, 1.2 * y, f"{together}", ha="center", va="center", fontsize=11, color=tint)
        for centre, sample in zip(settled.angles, settled.samples, strict=True):
            arc = np.linspace(centre, sample, 20)
            axes.plot(np.cos(arc), np.sin(arc), color=style.TEXT, linewidth=1.5)
            axes.plot(np.cos(sample), np.sin(sample), "o", color=style.TEXT, markersize=4)
        distinct = int((gaps > 2).sum())
        if distinct < C:
            said = f"{C} classes in {distinct} places"
        elif np.ptp(gaps) < 1:
            said = f"all gaps {gaps.mean():.0f}°"
        else:
            said = f"gaps of {gaps.min():.0f}° to {gaps.max():.0f}°"
        axes.set_title(f"m = {m:g}\n{said}", fontsize=10)
    return figure


def crossing(C: int = 8, s: float = 30.0, margins: Sequence[float] = tuple(np.linspace(0.0, 0.6, 25))) -> Figure:
    """Loss of C classes on a circle against m: evenly spread, arranged at will, and with two or three in one place."""
    figure, (above, below) = style.subplots(2, 1, figsize=(5.6, 5.4), sharex=True)
    spread = 2 * torch.pi * torch.arange(C, dtype=torch.float64) / C
    even = np.array([geometry.circle_loss(AdditiveCosine(m), s, spread).item() for m in margins])
    kinds = {"cheapest found": 1, "two in one place": 2, "three in one place": 3}
    found = {
        name: np.array([geometry.settle(AdditiveCosine(m), s, (k, *(1,) * (C - k))).loss for m in margins])
        for name, k in kinds.items()
    }
    lines = {"evenly spread": even} | found
    for (name, values), tint, line in zip(lines.items(), style.CYCLE, ("-", "--", "-.", ":"), strict=False):
        above.plot(margins, values, line, color=tint, label=name)
        below.plot(margins, values - even, line, color=tint)
    for axes in (above, below):
        axes.axvline(geometry.max_margin(C, 2), color=style.GUIDE, linewidth=0.8, linestyle=":")
    above.set_ylabel(f"loss, s = {s:g}")
    above.legend(fontsize=9)
    below.set(xlabel="margin m", ylabel="more than evenly spread", xlim=(0, max(margins)))
    return figure


# Settings whose pull the gradient chapter compares: label -> (rule, s).
PULLS: dict[str, tuple[Rule, float]] = {
    "NSL, s = 8": (NoMargin(), 8.0),
    "NSL, s = 20": (NoMargin(), 20.0),
    "NSL, s = 64": (NoMargin(), 64.0),
    "CosFace, s = 64, m = 0.35": (AdditiveCosine(0.35), 64.0),
    "ArcFace, s = 64, m = 0.5": (AdditiveAngle(0.5), 64.0),
}
_LINES = {"s = 8": ":", "s = 20": "--"}


def _line(name: str) -> str:
    return next((line for scale, line in _LINES.items() if scale in name), "-")


def pulls(C: int = CASIA) -> Figure:
    """How hard each loss turns a sample towards its centre, against the sample's angle; all others at 90°."""
    degrees = np.linspace(0.5, 120, 480)
    figure, axes = style.subplots(figsize=(5.6, 3.8))
    for name, (rule, s) in PULLS.items():
        force = numerical.pull(rule, s, np.radians(degrees), C) / s
        axes.plot(degrees, force, _line(name), color=colour(name), label=name)
    axes.set(
        xlabel="angle $θ_y$ between the sample and its class centre (degrees)",
        ylabel="pull dL/d$θ_y$, divided by s",
        xlim=(0, 120),
        ylim=(0, 1.85),
    )
    axes.legend(fontsize=9, loc="upper left")
    return figure


def hinges(C: int = CASIA) -> Figure:
    """L/s against the lead cosθ_y - cosθ_j: a large s turns the loss into a hinge, and m moves the hinge's foot."""
    lead = np.linspace(-0.5, 1, 301)
    figure, axes = style.subplots(figsize=(5.6, 3.6))
    for name in ("NSL, s = 20", "NSL, s = 64", "CosFace, s = 64, m = 0.35"):
        rule, s = PULLS[name]
        p = numerical.posterior(rule, s, np.clip(lead, -1, 1), 0.0, C)
        axes.plot(lead, -np.log(p) / s, _line(name), color=colour(name), label=name)
    axes.axvline(0, color=style.GUIDE, linewidth=0.8)
    axes.set(xlabel="lead of the true class, cos $θ_y$ − cos $θ_j$", ylabel="loss / s", xlim=(-0.5, 1), ylim=(-0.02, 1))
    axes.legend(fontsize=9)
    return figure


def walks(walked: Mapping[str, numerical.Walk]) -> Figure:
    """Mean angle of free embeddings to their own class centre while each loss pulls them."""
    figure, axes = style.subplots(figsize=(5.6, 3.6))
    for name, path in walked.items():
        axes.plot(path.own, _line(name), color=colour(name), label=name)
    axes.set(xlabel="step of gradient descent", ylabel="mean angle to own centre (degrees)", ylim=(0, 85))
    axes.set_xlim(0, len(path.own) - 1)
    axes.legend(fontsize=9, ncols=2)
    return figure


def arcs(angles: Sequence[float] = (30, 60, 90), rules: Mapping[str, Rule] = FAMILY) -> Figure:
    """Regions of two classes and the gap between them, for class centres at several angles (degrees)."""
    figure, panels = style.subplots(len(rules), len(angles), figsize=(5.6, 7.6))
    for row, (name, rule) in zip(panels, rules.items(), strict=True):
        for axes, degrees in zip(row, angles, strict=True):
            phi = math.radians(degrees)
            edge = float(geometry.edge_on_arc(rule, phi))
            low, high = math.pi / 2 - phi / 2, math.pi / 2 + phi / 2
            if math.isnan(edge):
                sectors = [(low, high, style.WARN)]
                said = "nowhere between"
            else:
                # class 1 lies on the left, as in the other pictures
                sectors = [(low, low + edge, style.CYCLE[1]), (high - edge, high, style.CYCLE[0])]
                said = f"gap {math.degrees(phi - 2 * edge):.0f}°"
            for start, end, tint in sectors:
                arc = np.linspace(start, end, 40)
                hatch = "////" if tint == style.WARN else None
                axes.fill(
                    np.append(0, np.cos(arc)),
                    np.append(0, np.sin(arc)),
                    facecolor=tint,
                    alpha=0.2 if hatch else 0.55,
                    hatch=hatch,
                    edgecolor=tint if hatch else "none",
                    linewidth=0,
                )
            for end in (low, high):
                axes.annotate(
                    "", (math.cos(end), math.sin(end)), (0, 0), arrowprops={"arrowstyle": "->", "color": style.GUIDE}
                )
            axes.set(xlim=(-0.85, 0.85), ylim=(-0.28, 1.3), aspect="equal")
            axes.axis("off")
            axes.text(0, -0.04, said, ha="center", va="top", fontsize=9)
            if name == next(iter(rules)):
                axes.set_title(f"φ = {degrees:g}°", fontsize=11)
        row[0].text(-0.85, 1.16, name, fontsize=10)
    return figure


def prices(rules: Mapping[str, Rule] = FAMILY) -> Figure:
    """What each margin takes from the target's cosine, cosθ - ψ(θ), against the sample's angle to its own centre."""
    degrees = np.linspace(0, 180, 361)
    cos = torch.cos(torch.deg2rad(torch.tensor(degrees)))
    figure, axes = style.subplots(figsize=(5.6, 3.8))
    for (name, rule), line in zip(rules.items(), style.LINES, strict=False):
        axes.plot(degrees, (cos - rule.target(cos)).numpy(), color=colour(name), linestyle=line, label=name)
    axes.set(
        xlabel="angle θ to its own class centre (degrees)",
        ylabel="price: cos θ − ψ(θ)",
        xlim=(0, 120),
        ylim=(-0.05, 2.2),
    )
    axes.legend(fontsize=9)
    return figure


def beyond_pi(m: float = 0.5) -> Figure:
    """ArcFace's target past θ = π - m under each choice, and the slope that training gets from it."""
    degrees = np.linspace(0.5, 179.5, 719)
    figure, (left, right) = style.subplots(2, 1, figsize=(5.6, 6.4))
    styles = {
        "monotone": ("-", style.loss("arcface")),
        "exact": ("--", style.loss("arcface")),
        "straight-through": ((0, (1, 4)), style.WARN),
    }
    for choice, (line, tint) in styles.items():
        cos = torch.cos(torch.deg2rad(torch.tensor(degrees))).requires_grad_()
        target = AdditiveAngle(m, beyond_pi=choice).target(cos)
        (slope,) = torch.autograd.grad(target.sum(), cos)
        left.plot(degrees, target.detach().numpy(), linestyle=line, color=tint, label=choice, linewidth=2)
        right.plot(degrees, slope.numpy(), linestyle=line, color=tint, label=choice, linewidth=2)
    for axes in (left, right):
        axes.axvline(180 - math.degrees(m), color=style.GUIDE, linewidth=0.8)
        axes.set(xlabel="angle $θ_y$ (degrees)", xlim=(0, 180))
    left.set_ylabel("target ψ($θ_y$)")
    right.set(ylabel="gradient dψ/dcos $θ_y$", ylim=(-3, 6))
    right.axhline(0, color=style.GUIDE, linewidth=0.8)
    left.legend(fontsize=9)
    return figure


def unified(rules: Mapping[str, Rule] = UNIFIED) -> Figure:
    """The unified margin's five published settings: target curves, and boundaries of class 1 on the cosine plane."""
    figure, (left, right) = style.subplots(2, 1, figsize=(5.6, 8.4))
    degrees = np.linspace(0, 180, 361)
    cos = torch.cos(torch.deg2rad(torch.tensor(degrees)))
    other = np.linspace(-1, 1, 401)
    lines = ("-", "-", "-", "--", ":")
    for (name, rule), line in zip(rules.items(), lines, strict=True):
        left.plot(degrees, rule.target(cos).numpy(), line, color=colour(name), label=name)
        right.plot(geometry.boundary(rule, other), other, line, color=colour(name))
    left.plot(degrees, cos.numpy(), color=style.GUIDE, linewidth=0.8, label="no margin: cos $θ_y$")
    right.plot(other, other, color=style.GUIDE, linewidth=0.8)
    left.set(xlabel="angle $θ_y$ (degrees)", ylabel="target ψ($θ_y$)", xlim=(0, 180))
    left.legend(fontsize=8)
    right.set(xlabel="cos θ₁", ylabel="cos θ₂", xlim=(-1, 1), ylim=(-1, 1), aspect="equal")
    return figure


def straight_through(m: float = 0.5, s: float = 64.0) -> Figure:
    """Gradient of ArcFace's target logit, and what code that computes the angle without gradient takes for it."""
    degrees = np.linspace(2, 140, 400)
    figure, axes = style.subplots(figsize=(5.6, 3.4))
    for choice, label, line in (
        ("monotone", "true gradient", "-"),
        ("straight-through", "angle without gradient", "--"),
    ):
        cos = torch.cos(torch.deg2rad(torch.tensor(degrees))).requires_grad_()
        (slope,) = torch.autograd.grad((s * AdditiveAngle(m, beyond_pi=choice).target(cos)).sum(), cos)
        tint = style.loss("arcface") if line == "-" else style.WARN
        axes.plot(degrees, slope.numpy(), line, color=tint, label=label)
    axes.set(yscale="log", xlabel="angle $θ_y$ (degrees)", ylabel="d logit / d cos $θ_y$", xlim=(0, 140))
    axes.legend(fontsize=9)
    return figure


def peeking(gains: Mapping[int, np.ndarray]) -> Figure:
    """How much a threshold chosen on the test pairs flatters, for test sets of several sizes, on one axis."""
    figure, panels = style.subplots(len(gains), 1, figsize=(5.6, 5), sharex=True)
    bins = np.histogram_bin_edges(np.concatenate(list(gains.values())), bins=30)
    for axes, (pairs, gain), tint in zip(panels, gains.items(), style.CYCLE, strict=False):
        axes.hist(gain, bins, color=tint, alpha=0.8)
        axes.axvline(0, color=style.GUIDE, linewidth=0.8)
        axes.axvline(gain.mean(), color=style.TEXT, linestyle="--")
        axes.set_title(f"{pairs:,} pairs: mean {gain.mean():.2f}", fontsize=10)
        axes.set_ylabel("test sets")
    panels[-1].set_xlabel("gain in points of accuracy")
    return figure
