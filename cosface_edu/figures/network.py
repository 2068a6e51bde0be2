"""A network layer by layer: shapes, parameters, multiply-adds and receptive fields, measured by running it."""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from cosface_edu import palette
from cosface_edu.figures import style
from cosface_edu.networks import evaluating


@dataclass(frozen=True)
class Layer:
    """One convolution or linear layer as an image passes through it."""

    name: str
    kind: str
    shape: tuple[int, ...]  # of the output, without the batch
    parameters: int
    multiply_adds: int
    receptive_field: int  # side in input pixels; 0 for a linear layer, which sees everything


def trace(network: nn.Module, size: tuple[int, int] = (112, 96)) -> list[Layer]:
    """Run one image through a network and note each convolution and linear layer in the order of execution.

    The receptive field assumes that convolutions follow each other along the longest path, as in a residual block.

    Args:
        network: any network of (B, 3, H, W) images.
        size: (height, width) of the image.

    Returns:
        The layers.
    """
    layers: list[Layer] = []
    field, jump = 1, 1  # receptive field so far, and input pixels per step of the current map
    hooks = []

    def note(name: str):
        def hook(module: nn.Module, inputs, output: torch.Tensor) -> None:
            nonlocal field, jump
            weights = sum(p.numel() for p in module.parameters())
            if isinstance(module, nn.Conv2d):
                field += (module.kernel_size[0] - 1) * jump
                jump *= module.stride[0]
                positions = output.shape[2] * output.shape[3]
                kind = f"conv {module.kernel_size[0]}×{module.kernel_size[1]}, stride {module.stride[0]}"
                layers.append(
                    Layer(name, kind, tuple(output.shape[1:]), weights, module.weight.numel() * positions, field)
                )
            else:
                layers.append(Layer(name, "linear", tuple(output.shape[1:]), weights, module.weight.numel(), 0))

        return hook

    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            hooks.append(module.register_forward_hook(note(name)))
    try:
        with evaluating(network), torch.no_grad():
            network(torch.zeros(1, 3, *size, device=next(network.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    return layers


def where_the_weight_is(layers: list[Layer], groups: dict[str, str]) -> Figure:
    """Share of parameters and of multiply-adds by part of the network.

    Args:
        layers: from `trace`.
        groups: label by the prefix of the layers' names.

    Returns:
        The figure.
    """
    labels = list(groups)
    parameters, work = (
        np.array(
            [sum(getattr(la, what) for la in layers if la.name.startswith(groups[g])) for g in labels], dtype=float
        )
        for what in ("parameters", "multiply_adds")
    )
    fig, ax = style.subplots(figsize=(6.4, 3.2))
    x = np.arange(len(labels))
    for offset, values, colour, name in [
        (-0.2, parameters, palette.BLUE, "parameters"),
        (0.2, work, palette.ORANGE, "multiply-adds"),
    ]:
        bars = ax.bar(x + offset, 100 * values / values.sum(), 0.38, color=colour, label=name)
        ax.bar_label(bars, [f"{100 * v / values.sum():.0f}" for v in values], fontsize=9, padding=2)
    ax.set_xticks(x, labels)
    ax.set_ylabel("share in percent")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return fig


def shapes(layers: list[Layer], groups: dict[str, str], size: tuple[int, int] = (112, 96)) -> Figure:
    """The maps that a picture passes through: a box for each part, as high as its map, labelled by shape and channels.

    Args:
        layers: from `trace`.
        groups: label by the prefix of the layers' names, in the order of execution.
        size: (height, width) of the image.

    Returns:
        The figure.
    """
    parts = {label: [la for la in layers if la.name.startswith(prefix)] for label, prefix in groups.items()}
    boxes = [("picture", (3, *size), 0)] + [(label, part[-1].shape, len(part)) for label, part in parts.items()]
    fig, ax = style.subplots(figsize=(7.0, 3.0))
    x = 0.0
    for label, shape, count in boxes:
        flat = len(shape) == 1
        width, height = 6 + 7 * np.log2(shape[0] / 3), 112.0 if flat else float(shape[1])  # a vector stands upright
        if flat:
            width = 6
        slot = max(width, 24)  # the text under a narrow box needs room too
        middle = x + slot / 2
        colour = palette.GREY if not count else palette.VERMILION if flat else palette.BLUE
        ax.add_patch(
            plt.Rectangle((middle - width / 2, -height / 2), width, height, color=colour, alpha=0.45, linewidth=0)
        )
        ax.text(middle, 64, label, ha="center", va="bottom", fontsize=10)
        convolutions = f"\n{count} conv" if count and not flat else ""
        ax.text(middle, -62, " × ".join(map(str, shape)) + convolutions, ha="center", va="top", fontsize=9)
        x += slot + 36
    ax.set(xlim=(-20, x - 18), ylim=(-92, 82))
    ax.axis("off")
    return fig
