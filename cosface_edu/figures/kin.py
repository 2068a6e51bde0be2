"""Figures of the chapter on what came after CosFace: each later loss drawn from its own head or rule."""

import math
import warnings

import numpy as np
import torch
from matplotlib.figure import Figure

from cosface_edu import losses
from cosface_edu.experiments import numerical
from cosface_edu.figures import style
from cosface_edu.losses.margins import (
    AdaptiveMargin,
    AdditiveAngle,
    AdditiveCosine,
    Curricular,
    DividedAngle,
    NoMargin,
    PowerCosine,
    TruncatedAngle,
)

_DEGREES = np.linspace(0, 180, 361)
_COS = torch.cos(torch.deg2rad(torch.tensor(_DEGREES)))


def sub_centres(at: tuple[float, ...] = (90.0, 130.0, 230.0)) -> Figure:
    """Score of a class with several sub-centres against the direction of the embedding, in the plane."""
    head = losses.SubCenterArcFace(2, 2, s=1.0, m=0.0, sub_centers=len(at)).double()
    turns = torch.deg2rad(torch.tensor(at, dtype=torch.float64))
    with torch.no_grad():
        head.weight[: len(at)] = torch.stack([turns.cos(), turns.sin()], dim=1)
    around = torch.deg2rad(torch.linspace(0, 360, 721, dtype=torch.float64))
    x = torch.stack([around.cos(), around.sin()], dim=1)
    figure, axes = style.subplots(figsize=(5.6, 3.2))
    for degrees, line in zip(at, (":", "--", "-."), strict=False):
        cosine = (around - math.radians(degrees)).cos()
        axes.plot(around.rad2deg(), cosine, linestyle=line, color=style.TEXT, label=f"sub-centre at {degrees:g}°")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score = head.logits(x)[:, 0].detach()
    axes.plot(around.rad2deg(), score, color=style.loss("arcface"), linewidth=2.6, label="score of the class")
    axes.set(xlabel="direction of the embedding (degrees)", ylabel="cosine", xlim=(0, 360))
    axes.set_xticks(range(0, 361, 60))
    axes.set_ylim(-1.05, 1.05)
    axes.legend(fontsize=9, loc="lower left", bbox_to_anchor=(0, 1.02), ncols=2)
    return figure


def curriculum(target: float = 0.6, m: float = 0.5) -> Figure:
    """What CurricularFace makes of another class's cosine, for a sample at one target cosine, as training goes on."""
    cos = torch.linspace(-0.2, 1, 600, dtype=torch.float64)
    own = torch.full_like(cos, target)
    figure, axes = style.subplots(figsize=(5.6, 3.4))
    axes.plot(cos, cos, color=style.GUIDE, linewidth=0.9, label="plain cos $θ_j$")
    tint = style.loss("curricularface")
    for t, line in ((0.0, ":"), (0.4, "--"), (0.8, "-")):
        axes.plot(cos, Curricular(m, t=t).others(cos, own), line, color=tint, label=f"t = {t:g}")
    limit = AdditiveAngle(m).target(own[:1]).item()
    axes.axvline(limit, color=style.WARN, linewidth=0.9)
    axes.text(limit - 0.01, 1.15, "easy ", ha="right", fontsize=9)
    axes.text(limit + 0.01, 1.15, " hard", ha="left", fontsize=9)
    axes.set(
        xlabel="cosine to another class, cos $θ_j$", ylabel="score of that class", xlim=(-0.2, 1), ylim=(-0.25, 1.8)
    )
    axes.legend(fontsize=9, loc="upper left")
    return figure


def quality(m: float = 0.4) -> Figure:
    """Two losses that read the quality of an image from ‖x‖: MagFace's margin, and AdaFace's targets."""
    figure, (left, right) = style.subplots(2, 1, figsize=(5.6, 6.4))
    head = losses.MagFace(512, 100)
    lengths = torch.linspace(0, 120, 241)
    left.plot(lengths, head.rule.margin(lengths), color=style.loss("magface"), label="MagFace: margin m(‖x‖)")
    left.set(xlabel="length ‖x‖ of the embedding", ylabel="margin (radians)", xlim=(0, 120), ylim=(0.3, 0.9))
    left.set_title("MagFace", fontsize=11)
    for z, line, what in (
        (-1.0, ":", "low quality, z = −1"),
        (0.0, "--", "average, z = 0"),
        (1.0, "-", "high quality, z = 1"),
    ):
        right.plot(_DEGREES, AdaptiveMargin(m, z).target(_COS), line, color=style.loss("adaface"), label=what)
    right.plot(_DEGREES, _COS, color=style.GUIDE, linewidth=0.8, label="no margin")
    right.set(xlabel="angle $θ_y$ (degrees)", ylabel="target ψ($θ_y$)", xlim=(0, 180))
    right.set_title("AdaFace", fontsize=11)
    right.legend(fontsize=8)
    return figure


def pull_by_quality(m: float = 0.4, s: float = 64.0, C: int = 10_575) -> Figure:
    """AdaFace's pull on images of three qualities against their angle, all other centres at 90°."""
    degrees = np.linspace(0.5, 110, 440)
    figure, axes = style.subplots(figsize=(5.6, 3.4))
    for z, line, what in (
        (-1.0, ":", "low quality, z = −1"),
        (0.0, "--", "average, z = 0"),
        (1.0, "-", "high quality, z = 1"),
    ):
        force = numerical.pull(AdaptiveMargin(m, z), s, np.radians(degrees), C) / s
        axes.plot(degrees, force, line, color=style.loss("adaface"), label=what)
    axes.set(xlabel="angle $θ_y$ (degrees)", ylabel="pull dL/d$θ_y$, divided by s", xlim=(0, 110), ylim=(0, 1.1))
    axes.legend(fontsize=9, loc="upper left")
    return figure


def elastic(m: float = 0.35, std: float = 0.05, draws: int = 40) -> Figure:
    """ElasticFace-Cos: the targets that chance gives to forty samples, around CosFace's."""
    figure, axes = style.subplots(figsize=(5.6, 3.2))
    margins = m + std * torch.randn(draws, generator=torch.Generator().manual_seed(0))
    for margin in margins.tolist():
        axes.plot(_DEGREES, AdditiveCosine(margin).target(_COS), color=style.loss("cosface"), alpha=0.15, linewidth=1)
    axes.plot(_DEGREES, AdditiveCosine(m).target(_COS), color=style.loss("cosface"), label="CosFace, m = 0.35")
    axes.plot(_DEGREES, NoMargin().target(_COS), color=style.GUIDE, linewidth=0.8, label="no margin")
    axes.set(xlabel="angle $θ_y$ (degrees)", ylabel="target ψ($θ_y$)", xlim=(0, 180))
    axes.legend(fontsize=9)
    return figure


def spherefaces(m: float = 1.5) -> Figure:
    """SphereFace-R bends one curve; SphereFace2 asks a yes-no question of each class with a margin on both sides."""
    figure, (left, right) = style.subplots(2, 1, figsize=(5.6, 6.4))
    tint = style.loss("sphereface_r")
    left.plot(_DEGREES, _COS, color=style.GUIDE, linewidth=0.8, label="cos θ")
    left.plot(_DEGREES, TruncatedAngle(m).target(_COS), color=tint, label="v1: target cos(min(mθ, π))")
    left.plot(_DEGREES, DividedAngle(m).others(_COS), "--", color=tint, label="v2: others cos(θ/m)")
    left.set(xlabel="angle θ (degrees)", ylabel="score", xlim=(0, 180))
    left.set_title(f"SphereFace-R, m = {m:g}", fontsize=11)
    left.legend(fontsize=8)
    rule = PowerCosine(0.4, 3.0)
    right.plot(_DEGREES, rule.target(_COS), color=style.loss("sphereface2"), label="if it is this person: g − m")
    right.plot(_DEGREES, rule.others(_COS), "--", color=style.loss("sphereface2"), label="if it is not: g + m")
    right.set(xlabel="angle θ (degrees)", ylabel="score", xlim=(0, 180))
    right.set_title("SphereFace2, m = 0.4", fontsize=11)
    right.legend(fontsize=8)
    return figure


def partial_losses(rates: tuple[float, ...] = (0.5, 0.1), C: int = 2000, D: int = 64, batches: int = 120) -> Figure:
    """Loss of one batch of CosFace when only a share of the negative centres takes part, against the full loss."""
    generator = torch.Generator().manual_seed(0)
    head = losses.CosFace(D, C, s=64.0, m=0.35)
    with torch.no_grad():
        head.weight.copy_(torch.randn(C, D, generator=generator))
    labels = torch.randint(C, (64,), generator=generator)
    noise = torch.randn(64, D, generator=generator)
    x = head.weight[labels].detach() + 1.5 * noise
    figure, axes = style.subplots(figsize=(5.6, 3.2))
    for rate, tint in zip(rates, style.CYCLE, strict=False):
        partial = losses.PartialFC(head, rate)
        with torch.no_grad():
            drawn = [partial(x, labels).item() for _ in range(batches)]
        axes.hist(drawn, bins=20, color=tint, alpha=0.7, label=f"{rate:.0%} of the classes")
    axes.axvline(head(x, labels).item(), color=style.WARN, label="all classes")
    axes.set(xlabel="loss of the batch", ylabel="draws")
    axes.legend(fontsize=9)
    return figure
