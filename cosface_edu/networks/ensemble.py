"""Several networks as one. DeepID2+ (25 networks) and others of the CosFace paper's Table 3 are judged like this."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cosface_edu.data import fit

from .numbers import dtype_of


class Ensemble(nn.Module):
    """Each network's embedding, brought to length 1, side by side: the cosine is the mean of the networks' cosines.

    Networks that were trained alike from different seeds make different mistakes, so the mean makes fewer. It costs as
    many times the computation.

    Args:
        networks: one or more; the lengths of their embeddings may differ, and so may their weights' numbers, such as
            float16 after `.half()`: each gets its images in its own.
        sizes: (height, width) of each network's images, if they are not all of one size; those given are fitted.

    Raises:
        ValueError: no network, or not as many sizes as networks.
    """

    def __init__(self, networks: Sequence[nn.Module], sizes: Sequence[tuple[int, int]] | None = None) -> None:
        super().__init__()
        if not networks:
            raise ValueError("an ensemble needs at least one network")
        if sizes is not None and len(sizes) != len(networks):
            raise ValueError(f"{len(networks)} networks and {len(sizes)} sizes: wanted one for each")
        self.networks = nn.ModuleList(networks)
        self.sizes = sizes

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) normalised images to (B, D₁ + D₂ + …) embeddings of length 1."""
        views = [x] * len(self.networks) if self.sizes is None else [fit(x, size) for size in self.sizes]
        units = [
            F.normalize(network(view.to(dtype_of(network) or view.dtype)).float(), dim=1)
            for network, view in zip(self.networks, views, strict=True)
        ]
        return torch.cat(units, dim=1) / math.sqrt(len(units))
