"""Templates: one representation of several images, such as a video's frames or a set of photographs."""

import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor

from .arrays import as_tensor
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
        ValueError: if a template has no image, as where numbers do not begin at 0, or images lack a template or media.

    Example:
        >>> import torch
        >>> from cosface_edu.evaluation import pool
        >>> pool(torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 0.0]]), template=[0, 0, 1]).round(decimals=3)
        tensor([[0.7070, 0.7070],
                [1.0000, 0.0000]])
    """
    unit = F.normalize(as_tensor(features).float(), dim=1)
    (owner,) = numbered(template, device=unit.device)
    owner, templates = _counted(owner, unit)
    if media is not None:
        (source,) = numbered(media, device=unit.device)
        if source.shape != (len(unit),):
            raise ValueError(f"one media for each of {len(unit)} images, got shape {tuple(source.shape)}")
        source = torch.unique(source, return_inverse=True)[1]  # any numbers
        pairs, group = torch.unique(torch.stack([owner, source], dim=1), dim=0, return_inverse=True)  # (n, 2), (N,)
        unit, owner = _means(unit, group, len(pairs)), pairs[:, 0]
    return F.normalize(_means(unit, owner, templates), dim=1)


def _counted(owner: Tensor, unit: Tensor) -> tuple[Tensor, int]:
    """Templates as int64, and T, if each image has one of the numbers 0 … T − 1 and each of these an image."""
    if owner.shape != (len(unit),):
        raise ValueError(f"one template for each of {len(unit)} images, got shape {tuple(owner.shape)}")
    if owner.is_floating_point() or owner.dtype == torch.bool:
        raise ValueError(f"templates are whole numbers or names, got {owner.dtype}")
    owner = owner.long()
    numbers = torch.unique(owner)  # rising
    wrong = numbers != torch.arange(len(numbers), device=numbers.device)
    if wrong.any():
        place = int(wrong.int().argmax())
        lowest, highest = int(numbers[0]), int(numbers[-1])
        found = f"template {lowest} is none" if lowest < 0 else f"template {place} of {highest + 1} has no image"
        raise ValueError(
            f"{found}: numbers must be 0 to T − 1, each of an image; names may be any, such as "
            "[str(number) for number in template], and come out sorted"
        )
    return owner, len(numbers)


def _means(rows: Tensor, group: Tensor, groups: int) -> Tensor:
    sums = rows.new_zeros(groups, rows.shape[1]).index_add_(0, group, rows)
    return sums / torch.bincount(group, minlength=groups)[:, None]
