"""Several networks as one. DeepID2+ (25 networks) and others of the CosFace paper's Table 3 are judged like this."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Ensemble(nn.Module):
    """Each network's embedding, brought to length 1, side by side: the cosine is the mean of the networks' cosines.

    Networks that were trained alike from different seeds make different mistakes, so the mean makes fewer. It costs as
    many times the computation.

    Args:
        networks: One or more, for images of one size; the lengths of their embeddings may differ.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        if not networks:
            raise ValueError("an ensemble needs at least one network")
        self.networks = nn.ModuleList(networks)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) normalised images to (B, D₁ + D₂ + …) embeddings of length 1."""
        units = [F.normalize(network(x).float(), dim=1) for network in self.networks]
        return torch.cat(units, dim=1) / math.sqrt(len(units))
