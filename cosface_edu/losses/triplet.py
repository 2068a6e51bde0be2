"""Triplet loss: an anchor, somebody alike and somebody else."""

from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cosface_edu import palette
from cosface_edu.checks import check_number

from .checks import check_features, check_labels, watched
from .contrastive import unit
from .registry import register

Mining = Literal["batch-hard", "semi-hard"]


@register("triplet", title="Triplet", paper="schroff2015facenet", colour=palette.OLIVE)
class Triplet(nn.Module):
    """Triplet loss (FaceNet, Schroff et al. 2015, Eq. 2): max(0, d²(anchor, positive) - d²(anchor, negative) + margin).

    d² is the squared distance at unit length, 2 - 2cosθ.

    Args:
        margin: α of the paper.
        mining: "batch-hard" takes for every anchor its farthest positive and nearest negative (Hermans et al. 2017);
            "semi-hard" takes for every anchor and positive the nearest negative that is farther than the positive
            (FaceNet), or the farthest of all where no negative is.

    Example:
        >>> import torch
        >>> from cosface_edu.losses import Triplet
        >>> loss = Triplet(margin=0.2)
        >>> x = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 2.0]])
        >>> round(loss(x, torch.tensor([0, 0, 1])).item(), 3)
        0.3
    """

    def __init__(self, margin: float = 0.2, mining: Mining = "batch-hard") -> None:
        super().__init__()
        self.margin, self.mining = margin, mining

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "margin":
            value = check_number(name, value, 0, 4)
        if name == "mining" and value not in ("batch-hard", "semi-hard"):
            raise ValueError(f'mining must be "batch-hard" or "semi-hard", got {value!r}')
        super().__setattr__(name, value)

    if TYPE_CHECKING:

        def __call__(self, features: Tensor, labels: Tensor) -> Tensor: ...  # Any, says nn.Module

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of the triplets found; 0, with zero gradient, where the batch holds none.

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
            x = unit(features)
            squared = 2 - 2 * (x @ x.T)  # (B, B)
            same = labels[:, None] == labels[None, :]  # (B, B)
            positive = same & ~torch.eye(len(x), dtype=torch.bool, device=x.device)
            negative = ~same
            if self.mining == "batch-hard":
                found = positive.any(1) & negative.any(1)  # (B,) anchors
                to_positive = squared.masked_fill(~positive, -torch.inf).amax(1)
                to_negative = squared.masked_fill(~negative, torch.inf).amin(1)
            else:
                found = positive & negative.any(1, keepdim=True)  # (B, B) anchors and positives
                to_positive = squared
                to_negative = self._semi_hard(squared, negative)  # (B, B)
            terms = torch.where(found, F.relu(to_positive - to_negative + self.margin), 0.0)
            return terms.sum() / found.sum().clamp_min(1)

    @staticmethod
    def _semi_hard(squared: Tensor, negative: Tensor) -> Tensor:
        """For each anchor and other (B, B): the nearest negative farther than that, or the farthest where none is."""
        ordered = squared.masked_fill(~negative, torch.inf).sort(dim=1).values
        place = torch.searchsorted(ordered.detach(), squared.detach(), right=True).clamp_max(
            len(squared) - 1
        )  # the anchor is no negative
        nearest = ordered.gather(1, place)  # infinite past the last negative
        farthest = squared.masked_fill(~negative, -torch.inf).amax(1, keepdim=True)  # (B, 1)
        return torch.where(nearest.isinf(), farthest, nearest)
