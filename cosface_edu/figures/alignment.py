"""Pictures of alignment: detected points on a scene, crops with the template on them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from cosface_edu.figures import style
from cosface_edu.palette import SKY, WARN


def pictures(
    images: Tensor,
    points: Sequence[Tensor | None] | None = None,
    marks: Tensor | None = None,
    titles: Sequence[str] | None = None,
    columns: int = 4,
) -> Figure:
    """A grid of pictures with points drawn on them.

    Args:
        images: (n, 3, H, W) in [0, 1].
        points: for each picture (5, 2) points in its pixels, drawn as dots, or None.
        marks: (5, 2) points drawn on every picture as crosses: a template.
        titles: one for each picture.
        columns: pictures side by side.

    Returns:
        The figure.
    """
    rows = -(-len(images) // columns)
    height, width = images.shape[-2:]
    side = 6.8 / columns
    fig, axes = style.subplots(rows, columns, figsize=(6.8, rows * side * (height / width + (0.16 if titles else 0))))
    for ax in np.atleast_1d(axes).flat:
        ax.axis("off")
    for number, ax in zip(range(len(images)), np.atleast_1d(axes).flat, strict=False):
        ax.imshow(images[number].clamp(0, 1).permute(1, 2, 0).cpu().numpy())
        if points is not None and (own := points[number]) is not None:
            ax.scatter(*own.cpu().numpy().T, s=16, color=SKY, edgecolor="black", linewidth=0.5)
        if marks is not None:
            ax.scatter(*marks.cpu().numpy().T, s=26, marker="+", color=WARN, linewidth=1.2)
        if titles:
            ax.set_title(titles[number], fontsize=10)
    return fig
