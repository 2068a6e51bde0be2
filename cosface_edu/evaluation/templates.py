"""Templates: one representation of several images, such as a video's frames or a set of photographs."""

import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor

from .labels import numbered


def pool(features: ArrayLike | Tensor, template: ArrayLike | Tensor, media: ArrayLike | Tensor | None = None) -> Tensor:
    """Average the embeddings of each template.

    Embeddings are made unit length first: under a cosine loss their length carries nothing that was trained. CosFace
    does not say how it pooled YouTube Faces' frames; the mean over frames is ArcFace's way. With `media`, the frames
    of a video count as one image among the photographs of its template (IJB-A and IJB-C).

    Args:
        features: (N, D).
        template: (N,) the template that each image belongs to, numbered from 0 or named.
        media: (N,) any number or name for the photograph or video that each image comes from.

    Returns:
        (T, D) of unit length, on the device of the features; of named templates in the order of `sorted(names)`.

    Raises:
        ValueError: if a template has no image.

    Example:
        >>> import torch
        >>> from cosface_edu.evaluation import pool
        >>> pool(torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 0.0]]), template=[0, 0, 1]).round(decimals=3)
        tensor([[0.7070, 0.7070],
                [1.0000, 0.0000]])
    """
    unit = F.normalize(torch.as_tensor(features).float(), dim=1)
    (owner,) = numbered(template, device=unit.device)
    if media is not None:
        pairs = torch.stack([owner, *numbered(media, device=unit.device)], dim=1)  # (N, 2)
        pairs, group = torch.unique(pairs, dim=0, return_inverse=True)
        unit, owner = _means(unit, group, len(pairs)), pairs[:, 0]
    counts = torch.bincount(owner)
    if (counts == 0).any():
        raise ValueError(f"template {int(torch.argmin(counts))} of {len(counts)} has no image")
    return F.normalize(_means(unit, owner, len(counts)), dim=1)


def _means(rows: Tensor, group: Tensor, groups: int) -> Tensor:
    sums = rows.new_zeros(groups, rows.shape[1]).index_add_(0, group, rows)
    return sums / torch.bincount(group, minlength=groups)[:, None]
