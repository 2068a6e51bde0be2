"""Center loss: every class has a place that its samples are drawn to."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cosface_edu import palette
from cosface_edu.checks import check_count, check_number

from .checks import check_features, check_labels, watched
from .registry import register


@register("center", title="Center", paper="wen2016center", colour=palette.VERMILION)
class Center(nn.Module):
    """Center loss (Wen et al. 2016, Eq. 2-4): ½‖x - c_y‖², averaged over the batch.

    The centres c are no parameters. In a training step they move towards their samples by the paper's own rule,
    c_j -= alpha · Σ(c_j - x_i) / (1 + n_j) over the n_j samples of class j, after the loss has been taken; they are
    saved with the module.

    Args:
        in_features: D, length of an embedding.
        num_classes: C, number of classes.
        alpha: rate of the centres, in [0, 1].

    Example:
        >>> import torch
        >>> from cosface_edu.losses import Center
        >>> loss = Center(in_features=2, num_classes=3)
        >>> x, y = torch.tensor([[3.0, 4.0]]), torch.tensor([0])
        >>> loss(x, y)  # the centres begin at 0
        tensor(12.5000)
        >>> loss.centers[0]  # and follow: halfway for a first sample of two
        tensor([0.7500, 1.0000])
    """

    centers: Tensor

    def __init__(self, in_features: int, num_classes: int, alpha: float = 0.5) -> None:
        super().__init__()
        self.alpha = alpha
        shape = check_count("num_classes", num_classes, 2), check_count("in_features", in_features, 1)
        self.register_buffer("centers", torch.zeros(shape))

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, check_number(name, value, 0, 1) if name == "alpha" else value)

    if TYPE_CHECKING:

        def __call__(self, features: Tensor, labels: Tensor) -> Tensor: ...  # Any, says nn.Module

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch; moves the centres in training mode.

        Args:
            features: embeddings (B, D).
            labels: true classes (B,) int64.

        Returns:
            Scalar loss.
        """
        if not watched():
            check_features(features, self.centers.shape[1])
            check_labels(labels, len(features), len(self.centers))
        with torch.autocast(features.device.type, enabled=False):
            x = features.to(torch.promote_types(self.centers.dtype, torch.float32))
            apart = x - self.centers[labels]  # (B, D)
            if self.training:
                one = torch.ones_like(labels)
                count = torch.zeros(len(self.centers), dtype=one.dtype, device=one.device).index_add(0, labels, one)
                step = (self.alpha * apart.detach() / (1 + count[labels, None])).to(self.centers.dtype)
                if torch.compiler.is_compiling():  # it may compute `apart` again for the gradient, from moved centres
                    self.centers = self.centers.index_add(0, labels, step)
                else:
                    self.centers.index_add_(0, labels, step)
            return 0.5 * apart.square().sum(1).mean()
