"""Partial FC (An et al. 2022): the softmax over all positive class centres and a random share of the negatives."""

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cosface_edu.checks import check_number

from .head import Head


def sample_size(num_classes: int, rate: float, batch: int) -> int:
    """How many classes `sample_classes` keeps: the share, or as many as the batch could have targets.

    A number that depends on the labels would have to be read from the device in every step.

    Args:
        num_classes: C, classes at hand.
        rate: share of them to keep, in (0, 1].
        batch: B, samples.
    """
    return max(math.ceil(rate * num_classes), min(batch, num_classes))


def sample_classes(
    labels: Tensor, num_classes: int, rate: float, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Classes of this step: every class that occurs among the labels, filled up with random others.

    Serves one process that holds all centres, and each process of a sharded head (`training.distributed`): labels
    count from the shard's first class there, and a sample whose class lives elsewhere has the label -1.

    Args:
        labels: true classes (B,) int64, -1 for 'not among these'.
        num_classes: C, classes at hand.
        rate: share of them to keep, in (0, 1].
        generator: source of randomness, on the labels' device.

    Returns:
        index (n,), the `sample_size` kept classes in rising order, and the labels as positions in it (B,), -1 where
        they were -1.

    Example:
        >>> import torch
        >>> from cosface_edu.losses import sample_classes
        >>> index, columns = sample_classes(torch.tensor([7, 2, 7]), num_classes=10, rate=0.4)
        >>> len(index), index[columns]
        (4, tensor([7, 2, 7]))
    """
    lot = torch.rand(num_classes + 1, generator=generator, device=labels.device)  # the last for what lives elsewhere
    lot[torch.where(labels >= 0, labels, num_classes)] = 2.0  # above every random number: always kept
    keep = sample_size(num_classes, rate, len(labels))
    index = lot[:num_classes].topk(keep).indices.sort().values
    return index, torch.where(labels >= 0, torch.searchsorted(index, labels), labels)


def sampled_loss(
    head: Head, features: Tensor, labels: Tensor, rate: float, generator: torch.Generator | None = None
) -> Tensor:
    """A head's loss over a sample of its classes.

    Args:
        head: a head that holds all class centres.
        features: embeddings (B, D).
        labels: true classes (B,) int64.
        rate: share of the classes, in (0, 1].
        generator: source of randomness, on the labels' device.

    Returns:
        Scalar loss.
    """
    head.check(features, labels)
    index, columns = sample_classes(labels, head.num_classes, rate, generator)
    K = head.sub_centers
    rows = (index[:, None] * K + torch.arange(K, device=index.device)).flatten()  # (n·K,)
    return head.loss(features, head.weight[rows], labels, columns)


class PartialFC(nn.Module):
    """Any head, trained on a random share of the negative classes in each step.

    The matrix product and the logits shrink by the sampling rate. In evaluation mode all classes take part.

    Args:
        head: a head with class centres, such as CosFace.
        rate: share of the classes in a step, in (0, 1]; the paper's experiments use .1.

    Raises:
        ValueError: for a rate out of range, or a head whose loss looks at all classes.

    Example:
        >>> import torch
        >>> from cosface_edu.losses import CosFace, PartialFC
        >>> head = PartialFC(CosFace(in_features=8, num_classes=1000), rate=0.1)
        >>> loss = head(torch.randn(4, 8), torch.tensor([0, 1, 2, 3]))
        >>> loss.backward()
        >>> int((head.weight.grad.abs().sum(1) > 0).sum())  # classes that took part
        100
    """

    def __init__(self, head: Head, rate: float = 0.1) -> None:
        super().__init__()
        self.head = head
        self.rate = rate

    @property
    def weight(self) -> Tensor:
        """All class centres, the head's parameter."""
        return self.head.weight

    @property
    def num_classes(self) -> int:
        """C, the head's."""
        return self.head.num_classes

    @property
    def in_features(self) -> int:
        """D, the head's."""
        return self.head.in_features

    def __setattr__(self, name: str, value: Any) -> None:
        if "head" in vars(self).get("_modules", {}) and name in self.head.settings:
            raise AttributeError(f"{name} is a setting of the head within: set .head.{name}")
        if name == "rate":
            value = self._rate(value)
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        head = vars(self).get("_modules", {}).get("head")
        if head is not None and name in head.settings:
            raise AttributeError(f"{name} is a setting of the head within: read .head.{name}")
        return super().__getattr__(name)

    def _rate(self, rate: float) -> float:
        """The share, if it is one and the head can be sampled."""
        rate = check_number("rate", rate, 1e-9, 1.0, allowed="a share in (0, 1]")
        if rate < 1 and not self.head.samples:
            raise ValueError(
                f"{type(self.head).__name__} looks at all classes in every step and cannot be sampled, or has not"
                " declared that it can (`samples = True`; its hooks then see a sample of the classes): rate=1"
            )
        return rate

    def criterion(self, logits: Tensor, columns: Tensor) -> Tensor:
        """The head's loss of the logits."""
        return self.head.criterion(logits, columns)

    def extra(self, features: Tensor, labels: Tensor) -> Tensor | None:
        """The head's term beside the scores'."""
        return self.head.extra(features, labels)

    def schedules(self) -> list[Any]:
        """What the training loop must step for the head."""
        return self.head.schedules()

    def logits(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """The head's scores of all classes."""
        return self.head.logits(features, labels)

    if TYPE_CHECKING:

        def __call__(self, features: Tensor, labels: Tensor) -> Tensor: ...  # Any, says nn.Module

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
        return sampled_loss(self.head, features, labels, self.rate)

    def extra_repr(self) -> str:
        """The rate."""
        return f"rate={self.rate}"
