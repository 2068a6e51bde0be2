"""Partial FC (An et al. 2021): the softmax over all positive class centres and a random share of the negatives."""

import math

import torch
from torch import Tensor, nn

from .checks import check_number
from .heads import Head


def sample_classes(
    labels: Tensor, num_classes: int, rate: float, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Classes of this step: every class that occurs among the labels, filled up with random others.

    Serves one process that holds all centres, and each process of a sharded head: labels count from the shard's first
    class there, and a sample whose class lies elsewhere has the label -1.

    Args:
        labels: true classes (B,) int64, -1 for 'not among these'.
        num_classes: C, classes at hand.
        rate: share of them to keep, in (0, 1]; more are kept if there are more positives.
        generator: source of randomness, on the labels' device.

    Returns:
        index (n,), the kept classes in rising order, and the labels as positions in it (B,), -1 where they were -1.
    """
    positives = labels[labels >= 0].unique()
    draw = torch.rand(num_classes, generator=generator, device=labels.device)
    draw[positives] = 2.0  # above every random number: always kept
    keep = max(len(positives), math.ceil(rate * num_classes))
    index = draw.topk(keep).indices.sort().values
    return index, torch.where(labels >= 0, torch.searchsorted(index, labels), labels)


class PartialFC(nn.Module):
    """Any head, trained on a random share of the negative classes in each step.

    The matrix product and the logits shrink by the sampling rate. In evaluation mode all classes take part.

    Args:
        head: a head with class centres, such as CosFace.
        rate: share of the classes in a step, in (0, 1]; the paper's experiments use .1.
    """

    def __init__(self, head: Head, rate: float = 0.1) -> None:
        super().__init__()
        self.head = head
        self.rate = check_number("rate", rate, 1e-9, 1.0, allowed="a share in (0, 1]")

    @property
    def weight(self) -> Tensor:
        """All class centres, the head's parameter."""
        return self.head.weight

    def logits(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """The head's scores of all classes."""
        return self.head.logits(features, labels)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """The head's loss over the sampled classes.

        Args:
            features: embeddings (B, D).
            labels: true classes (B,) int64.

        Returns:
            Scalar loss.
        """
        if not self.training or self.rate == 1:
            return self.head(features, labels)
        self.head.check(features, labels)
        index, local = sample_classes(labels, self.head.num_classes, self.rate)
        K = self.head.sub_centers
        rows = (index[:, None] * K + torch.arange(K, device=index.device)).flatten()  # (n·K,)
        return self.head.loss(features, self.head.weight[rows], local)

    def extra_repr(self) -> str:
        """The rate."""
        return f"rate={self.rate}"
