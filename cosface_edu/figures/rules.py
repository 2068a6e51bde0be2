"""What the rules look like: target logits, margins on an arc, decision boundaries on the plane and on the circle.

Every line is computed from the rules that train (`cosface_edu.losses.margins`), by `cosface_edu.geometry`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from cosface_edu import geometry
from cosface_edu.figures import style
from cosface_edu.losses.margins import AdditiveAngle, AdditiveCosine, MultiplicativeAngle, NoMargin, Rule

CLASS_1, CLASS_2 = style.IDENTITIES[0], style.IDENTITIES[1]
_LOSSES: dict[type[Rule], str] = {
    NoMargin: "nsl",
    MultiplicativeAngle: "asoftmax",
    AdditiveCosine: "cosface",
    AdditiveAngle: "arcface",
}
_AXIS_1, _AXIS_2 = r"$\cos\theta_1$", r"$\cos\theta_2$"


def _colour(rule: Rule) -> str:
    """Of the loss that the rule makes; of the combined margin for any other."""
    return style.loss(_LOSSES.get(type(rule), "combined"))


def target_logits(rules: Mapping[str, Rule], dotted: Mapping[str, Rule] | None = None) -> Figure:
    """Target logit ψ against the angle θ between a sample and its class centre; a loss has its colour, m a line style.

    Args:
        rules: by the name in the legend.
        dotted: further rules, drawn thin and dotted, for comparison.
    """
    theta = np.linspace(0, np.pi, 721)
    cos = torch.from_numpy(np.cos(theta))
    fig, ax = style.subplots(figsize=(5.6, 3.8))
    for (name, rule), line in zip(rules.items(), style.LINES, strict=False):
        ax.plot(np.degrees(theta), rule.target(cos), label=name, color=_colour(rule), linestyle=line)
    for name, rule in (dotted or {}).items():
        ax.plot(np.degrees(theta), rule.target(cos), label=name, linestyle=":", color=style.WARN, linewidth=1.3)
    ax.set(xlabel="angle θ to its own class centre, degrees", ylabel="target logit ψ(θ)", xlim=(0, 180))
    ax.set_xticks(range(0, 181, 30))
    ax.grid()
    ax.legend()
    return fig


def gap_curves(rules: Mapping[str, Rule]) -> Figure:
    """Angular gap between two class regions against the angle φ between their centres; no line where nothing between
    them meets the margin.

    Args:
        rules: by the name in the legend.
    """
    phi = np.linspace(0.5, 180, 360)
    fig, ax = style.subplots(figsize=(5.6, 3.8))
    for (name, rule), line in zip(rules.items(), style.LINES, strict=False):
        gap = np.degrees(geometry.gap_on_arc(rule, np.radians(phi)))
        ax.plot(phi, gap, label=name, color=_colour(rule), linestyle=line)
    ax.set(
        xlabel="angle φ between the class centres, degrees", ylabel="gap between the classes, degrees", xlim=(0, 180)
    )
    ax.set_xticks(range(0, 181, 30))
    ax.grid()
    ax.legend()
    return fig


def _plane(ax: Axes, title: str | None) -> None:
    ax.plot([-1, 1], [-1, 1], color=style.GUIDE, linewidth=0.8, linestyle=":")
    ax.set(xlim=(-1, 1), ylim=(-1, 1), xlabel=_AXIS_1, ylabel=_AXIS_2, aspect="equal")
    ax.set_xticks([-1, 0, 1])
    ax.set_yticks([-1, 0, 1])
    ax.set_title(title or "")


def _name_classes(ax: Axes) -> None:
    """In the colour of text: orange letters on an orange tint could not be read."""
    ax.text(0.94, -0.92, "class 1", ha="right", fontweight="bold")
    ax.text(-0.94, 0.9, "class 2", va="top", fontweight="bold")


def _draw_cosine_plane(ax: Axes, rule: Rule) -> None:
    """Regions of the two classes, their boundaries, and the band between."""
    cos = np.linspace(-1, 1, 401)
    edge = geometry.boundary(rule, cos)  # class 1 is right of it, class 2 (by symmetry) above its mirror image
    met = ~np.isnan(edge)
    ax.fill_betweenx(cos[met], edge[met], 1, color=CLASS_1, alpha=0.22, linewidth=0)
    ax.fill_between(cos[met], edge[met], 1, color=CLASS_2, alpha=0.22, linewidth=0)
    if np.nanmax(edge - cos) > 1e-6:
        ax.fill_betweenx(
            cos, cos, np.where(met, edge, 1), color=style.GUIDE, alpha=0.3, linewidth=0, hatch="///", facecolor="none"
        )
        ax.fill_between(
            cos, cos, np.where(met, edge, 1), color=style.GUIDE, alpha=0.3, linewidth=0, hatch="///", facecolor="none"
        )
    ax.plot(edge, cos, color=CLASS_1)
    ax.plot(cos, edge, color=CLASS_2, linestyle="--")
    _name_classes(ax)


def cosine_plane(rule: Rule, title: str | None = None) -> Figure:
    """The plane of (cosθ1, cosθ2): where each class is accepted with its margin, and the hatched band where neither is.

    Args:
        rule: whose boundaries.
        title: of the figure.
    """
    fig, ax = style.subplots(figsize=(4.2, 4.2))
    _plane(ax, title)
    _draw_cosine_plane(ax, rule)
    return fig


def _draw_softmax_plane(ax: Axes, ratios: Sequence[float]) -> None:
    cos = np.linspace(-1, 1, 401)
    edges = np.array([geometry.boundary(NoMargin(), cos, ratio=ratio) for ratio in ratios])  # (R, 401)
    edges = np.where(np.isnan(edges), np.where(cos > 0, 1, -1), edges)  # the boundary leaves the plane: its border
    ax.fill_betweenx(cos, edges.max(axis=0), 1, color=CLASS_1, alpha=0.22, linewidth=0)
    ax.fill_betweenx(cos, -1, edges.min(axis=0), color=CLASS_2, alpha=0.22, linewidth=0)
    ax.fill_betweenx(
        cos, edges.min(axis=0), edges.max(axis=0), facecolor=style.WARN, alpha=0.25, linewidth=0, hatch="xx"
    )
    _name_classes(ax)


def softmax_plane(ratios: Sequence[float] = (0.7, 1.0, 1 / 0.7)) -> Figure:
    """Softmax's boundaries on the plane of cosines for several ‖W2‖/‖W1‖; the crossed wedge is claimed by both classes.

    Args:
        ratios: ‖W2‖/‖W1‖, at least two.
    """
    fig, ax = style.subplots(figsize=(4.6, 4.4))
    _plane(ax, None)
    _draw_softmax_plane(ax, ratios)
    cos = np.linspace(-1, 1, 401)
    for ratio, colour, line in zip(ratios, style.CYCLE[2:], style.LINES, strict=False):
        name = rf"$\Vert W_2\Vert/\Vert W_1\Vert$ = {ratio:.2f}"
        ax.plot(geometry.boundary(NoMargin(), cos, ratio=ratio), cos, color=colour, linestyle=line, label=name)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=1)
    return fig


def _family(cosface_m: float) -> dict[str, Rule]:
    return {
        "NSL": NoMargin(),
        "A-Softmax, m = 2": MultiplicativeAngle(2),
        f"LMCL, m = {cosface_m:g}": AdditiveCosine(cosface_m),
        "ArcFace, m = 0.5": AdditiveAngle(0.5),
    }


def fig2_planes(cosface_m: float = 0.35) -> Figure:
    """The plane of cosines of softmax, NSL, A-Softmax, LMCL and ArcFace: the CosFace paper's Fig. 2, and one more.

    Args:
        cosface_m: LMCL's margin.
    """
    fig, axes = style.subplots(2, 3, figsize=(7.2, 5.2))
    for ax in axes.flat[:5]:
        _plane(ax, None)
    _draw_softmax_plane(axes.flat[0], (0.7, 1 / 0.7))
    axes.flat[0].set_title("Softmax")
    for ax, (name, rule) in zip(axes.flat[1:], _family(cosface_m).items(), strict=False):
        _draw_cosine_plane(ax, rule)
        ax.set_title(name)
    for ax in axes.flat:
        ax.label_outer()
    legend = axes.flat[5]
    legend.axis("off")
    legend.legend(
        handles=[
            Patch(facecolor=CLASS_1, alpha=0.35, label="class 1"),
            Patch(facecolor=CLASS_2, alpha=0.35, label="class 2"),
            Patch(facecolor="none", edgecolor=style.GUIDE, hatch="///", label="margin: neither"),
            Patch(facecolor=style.WARN, edgecolor=style.GUIDE, lw=0, alpha=0.35, hatch="xx", label="overlap: both"),
        ],
        loc="center",
    )
    return fig


def _accepted(
    rule: Rule, angles: NDArray[np.float64], own: float, other: float, ratio: float = 1.0
) -> NDArray[np.bool_]:
    """Directions in which a sample of the class with centre `own` meets its margin against `other`."""
    cos_own, cos_other = (torch.from_numpy(np.cos(angles - centre)) for centre in (own, other))
    return (rule.target(cos_own) >= ratio * rule.others(cos_other)).numpy()


def _sector(ax: Axes, angles: NDArray[np.float64], inside: NDArray[np.bool_], radius: float, colour: str) -> None:
    """Fill the directions marked inside, from the origin to a radius."""
    x, y = radius * np.cos(angles), radius * np.sin(angles)
    starts = np.flatnonzero(inside & ~np.roll(inside, 1))
    for start in starts:
        run = np.arange(start, start + len(angles)) % len(angles)
        stop = np.argmin(inside[run]) or len(run)
        ax.fill(np.r_[0, x[run[:stop]]], np.r_[0, y[run[:stop]]], color=colour, alpha=0.28, linewidth=0)


def fig3_wedges(phi: float = np.pi / 2, cosface_m: float = 0.35) -> Figure:
    """Two class centres on the unit circle and the wedges in which each class meets its margin (the paper's Fig. 3).

    Args:
        phi: angle between the centres, radians.
        cosface_m: LMCL's margin.
    """
    angles = np.linspace(0, 2 * np.pi, 1441)[:-1]
    first, second = np.pi / 2 + phi / 2, np.pi / 2 - phi / 2
    fig, axes = style.subplots(2, 3, figsize=(7.2, 5.0))
    for ax in axes.flat:
        ax.axis("off")
    panels: list[tuple[str, Rule, float]] = [("Softmax", NoMargin(), 0.8)]
    panels += [(name, rule, 1.0) for name, rule in _family(cosface_m).items()]
    for ax, (name, rule, ratio) in zip(axes.flat, panels, strict=False):
        ax.set(aspect="equal", xlim=(-1.25, 1.25), ylim=(-1.15, 1.35))
        ax.plot(np.cos(angles), np.sin(angles), color=style.GUIDE, linewidth=0.8)
        # under softmax each class wins its widest region where its own centre is the longer one
        for own, other, colour in ((first, second, CLASS_1), (second, first, CLASS_2)):
            _sector(ax, angles, _accepted(rule, angles, own, other, ratio), 1.0, colour)
        for centre, colour, label in ((first, CLASS_1, "$W_1$"), (second, CLASS_2, "$W_2$")):
            x, y = np.cos(centre), np.sin(centre)
            ax.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 2})
            ax.text(1.16 * x, 1.16 * y, label, ha="center", va="center", fontweight="bold")
        edge = float(geometry.edge_on_arc(rule, phi, ratio=ratio))
        gap = np.degrees(phi - 2 * edge)
        if np.isnan(edge):
            verdict = "nowhere between" if ratio == 1 else "overlap: all between"
        elif gap < -0.05:
            verdict = f"overlap {-gap:.0f}° (two pairs)"  # one trained pair has one boundary and no overlap
        else:
            verdict = f"gap {gap:.0f}°" if gap > 0.05 else "gap 0°"
        ax.set_title(f"{name}\n{verdict}")
    axes.flat[5].legend(
        handles=[
            Line2D([], [], color=CLASS_1, label="centre, class 1"),
            Line2D([], [], color=CLASS_2, label="centre, class 2"),
            Patch(facecolor=CLASS_1, alpha=0.35, label="accepted as 1"),
            Patch(facecolor=CLASS_2, alpha=0.35, label="accepted as 2"),
        ],
        loc="center",
        title="Softmax: two pairs, each class\nonce with the longer centre",
    )
    return fig
