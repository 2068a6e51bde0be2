"""Contrastive loss: pairs of samples, no class centres."""

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cosface_edu import palette
from cosface_edu.checks import check_number

from .checks import check_features, check_labels, watched
from .fused import safe_length
from .registry import register


def unit(features: Tensor) -> Tensor:
    """Embeddings at length 1, in float32 at least; a zero embedding stays zero."""
    x = features.to(torch.promote_types(features.dtype, torch.float32))
    return x / safe_length(torch.linalg.vector_norm(x, dim=1, keepdim=True))


@register("contrastive", title="Contrastive", paper="hadsell2006contrastive", colour=palette.GREY)
class Contrastive(nn.Module):
    """Contrastive loss (Hadsell et al. 2006, Eq. 4; DeepID2, Eq. 3): ½d² for a genuine, ½max(0, margin - d)² for an
    impostor pair, averaged over all pairs of the batch.

    d is the distance of the embeddings at unit length (our choice: at their own length no margin fits all scales).
    The gradient of d is taken as 0 at d = 0. The CosFace paper names this loss without its settings: the default is
    our choice.

    Args:
        margin: distance beyond which an impostor pair costs nothing, at most 2.

    Example:
        >>> import torch
        >>> from cosface_edu.losses import Contrastive
        >>> loss = Contrastive(margin=1.0)
        >>> x = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 2.0]])
        >>> round(loss(x, torch.tensor([0, 0, 1])).item(), 3)
        0.156
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, check_number(name, value, 0, 2) if name == "margin" else value)

    if TYPE_CHECKING:

        def __call__(self, features: Tensor, labels: Tensor) -> Tensor: ...  # Any, says nn.Module

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch; 0 for a batch of one.

        Args:
            features: embeddings (B, D).
            labels: identities (B,) int64.

        Returns:
            Scalar loss.
        """
        if not watched():
            check_features(features)
            check_labels(labels, len(features))
        with torch.autocast(features.device.type, enabled=False):
            i, j = torch.triu_indices(len(features), len(features), offset=1, device=features.device)
            if len(i) == 0:
                return features.sum() * 0.0
            x = unit(features)
            distance = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")[i, j]  # (pairs,)
            impostor = F.relu(self.margin - distance)
            return 0.5 * torch.where(labels[i] == labels[j], distance, impostor).square().mean()
