"""Losses on pairs and triplets of samples, and the softmax combinations of the CosFace paper's Table 2.

Contrastive and triplet loss look at distances between the embeddings of one batch, at unit length; they have no class
centres. The paper names these losses without their settings: the defaults are those of the papers that introduced
them, or our choice where it says so.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .checks import check_count, check_features, check_labels, check_number
from .heads import Softmax

Mining = Literal["batch-hard", "semi-hard"]


def _unit(features: Tensor) -> Tensor:
    """Embeddings at length 1, in float32 at least; a zero embedding stays zero."""
    x = features.to(torch.promote_types(features.dtype, torch.float32))
    norms = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    return x / torch.where(norms > 1e-12, norms, torch.ones_like(norms))


class Contrastive(nn.Module):
    """Contrastive loss (Hadsell et al. 2006, Eq. 4; DeepID2, Eq. 3): ½d² for a genuine, ½max(0, margin - d)² for an
    impostor pair, averaged over all pairs of the batch.

    d is the distance of the embeddings at unit length (our choice: at their own length no margin fits all scales).
    The gradient of d is taken as 0 at d = 0.

    Args:
        margin: distance beyond which an impostor pair costs nothing, at most 2.
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = check_number("margin", margin, 0, 2)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch; 0 for a batch of one.

        Args:
            features: embeddings (B, D).
            labels: identities (B,) int64.

        Returns:
            Scalar loss.
        """
        check_features(features)
        check_labels(labels, len(features))
        with torch.autocast(features.device.type, enabled=False):
            i, j = torch.triu_indices(len(features), len(features), offset=1, device=features.device)
            if len(i) == 0:
                return features.sum() * 0.0
            x = _unit(features)
            distance = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")[i, j]  # (pairs,)
            impostor = F.relu(self.margin - distance)
            return 0.5 * torch.where(labels[i] == labels[j], distance, impostor).square().mean()


class Triplet(nn.Module):
    """Triplet loss (FaceNet, Schroff et al. 2015, Eq. 2): max(0, d²(anchor, positive) - d²(anchor, negative) + margin).

    d² is the squared distance at unit length, 2 - 2cosθ.

    Args:
        margin: α of the paper.
        mining: "batch-hard" takes for every anchor its farthest positive and nearest negative (Hermans et al. 2017);
            "semi-hard" takes for every anchor and positive the nearest negative that is farther than the positive
            (FaceNet), or the farthest of all where no negative is.
    """

    def __init__(self, margin: float = 0.2, mining: Mining = "batch-hard") -> None:
        super().__init__()
        self.margin = check_number("margin", margin, 0, 4)
        if mining not in ("batch-hard", "semi-hard"):
            raise ValueError(f'mining must be "batch-hard" or "semi-hard", got {mining!r}')
        self.mining = mining

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of the triplets found; 0, with zero gradient, where the batch holds none.

        Args:
            features: embeddings (B, D).
            labels: identities (B,) int64.

        Returns:
            Scalar loss.
        """
        check_features(features)
        check_labels(labels, len(features))
        with torch.autocast(features.device.type, enabled=False):
            x = _unit(features)
            squared = 2 - 2 * (x @ x.T)  # (B, B)
            same = labels[:, None] == labels[None, :]  # (B, B)
            positive = same & ~torch.eye(len(x), dtype=torch.bool, device=x.device)
            negative = ~same
            valid = positive.any(1) & negative.any(1)  # (B,)
            if not valid.any():
                return features.sum() * 0.0
            if self.mining == "batch-hard":
                farthest = squared.masked_fill(~positive, -torch.inf).amax(1)[valid]
                nearest = squared.masked_fill(~negative, torch.inf).amin(1)[valid]
                return F.relu(farthest - nearest + self.margin).mean()
            anchor, other = (positive & valid[:, None]).nonzero(as_tuple=True)  # (pairs,)
            to_positive = squared[anchor, other]  # (pairs,)
            candidates, is_negative = squared[anchor], negative[anchor]  # (pairs, B)
            beyond = is_negative & (candidates > to_positive[:, None])
            nearest = candidates.masked_fill(~beyond, torch.inf).amin(1)
            farthest = candidates.masked_fill(~is_negative, -torch.inf).amax(1)
            to_negative = torch.where(beyond.any(1), nearest, farthest)
            return F.relu(to_positive - to_negative + self.margin).mean()


class Center(nn.Module):
    """Center loss (Wen et al. 2016, Eq. 2-4): ½‖x - c_y‖², averaged over the batch.

    The centres c are no parameters. In a training step they move towards their samples by the paper's own rule,
    c_j -= alpha · Σ_{y_i=j}(c_j - x_i) / (1 + n_j), after the loss has been taken; they are saved with the module.

    Args:
        in_features: D.
        num_classes: C.
        alpha: rate of the centres, in [0, 1].
    """

    centers: Tensor

    def __init__(self, in_features: int, num_classes: int, alpha: float = 0.5) -> None:
        super().__init__()
        self.alpha = check_number("alpha", alpha, 0, 1)
        shape = check_count("num_classes", num_classes, 2), check_count("in_features", in_features, 1)
        self.register_buffer("centers", torch.zeros(shape))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch; moves the centres in training mode.

        Args:
            features: embeddings (B, D).
            labels: true classes (B,) int64.

        Returns:
            Scalar loss.
        """
        check_features(features, self.centers.shape[1])
        check_labels(labels, len(features), len(self.centers))
        with torch.autocast(features.device.type, enabled=False):
            x = features.to(torch.promote_types(self.centers.dtype, torch.float32))
            apart = x - self.centers[labels]  # (B, D)
            if self.training:
                count = torch.bincount(labels, minlength=len(self.centers))[labels, None]  # (B, 1)
                step = self.alpha * apart.detach() / (1 + count)
                self.centers.index_add_(0, labels, step.to(self.centers.dtype))
            return 0.5 * apart.square().sum(1).mean()


class SoftmaxContrastive(Softmax):
    """Softmax + contrastive loss (DeepID2, Sun et al. 2014; row 2 of the CosFace paper's Table 2).

    Args:
        in_features: D.
        num_classes: C.
        weight_pairs: weight of the contrastive term (.05 in DeepID2).
        margin: margin of the contrastive term.
        chunk_size: see `Head`.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        weight_pairs: float = 0.05,
        margin: float = 1.0,
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(in_features, num_classes, chunk_size)
        self.weight_pairs = check_number("weight_pairs", weight_pairs, 0)
        self.pairs = Contrastive(margin)

    def loss(self, features: Tensor, weight: Tensor, labels: Tensor) -> Tensor:
        """Softmax loss + weight · contrastive loss."""
        return super().loss(features, weight, labels) + self.weight_pairs * self.pairs(features, labels)


class SoftmaxCenter(Softmax):
    """Softmax + center loss (Wen et al. 2016, Eq. 5; row 5 of the CosFace paper's Table 2).

    Args:
        in_features: D.
        num_classes: C.
        weight_center: λ, weight of the center loss (.003 in the paper).
        alpha: rate of the centres (.5 in the paper).
        chunk_size: see `Head`.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        weight_center: float = 0.003,
        alpha: float = 0.5,
        chunk_size: int | None = None,
    ) -> None:
        super().__init__(in_features, num_classes, chunk_size)
        self.weight_center = check_number("weight_center", weight_center, 0)
        self.center = Center(in_features, num_classes, alpha)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Softmax loss + λ · center loss."""
        return super().forward(features, labels) + self.weight_center * self.center(features, labels)
