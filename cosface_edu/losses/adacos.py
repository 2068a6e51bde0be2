"""AdaCos: the scale follows from the number of classes, and from how far training has come."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from cosface_edu import palette

from .head import Batch, Head
from .registry import register
from .settings import Choice


@register("adacos", title="AdaCos", paper="zhang2019adacos", colour=palette.SKY)
class AdaCos(Head):
    """AdaCos (Zhang et al. 2019): NSL whose scale nobody has to choose.

    At the scale ln B / cosθ a target at the angle θ has as much weight in the softmax as all other classes together,
    B = Σ_{j≠y} e^{s·cosθ_j}: there its posterior changes fastest. The fixed scale takes θ = π/4 and all other cosines
    as 0, so that B = C-1 and s = √2·ln(C-1). The dynamic one starts there and follows the batch in each training step,
    before it is used: s = ln B / cos(min(π/4, θ_med)), B the mean over the samples with the scale of the step before,
    θ_med the median angle of the targets. It is held to 1 at least (our choice).
    """

    dynamic = Choice(True, (True, False), "whether the scale follows the batch; it is fixed otherwise")
    s = property(lambda head: head.running_s.item(), doc="The scale as it is now.")
    samples = splits = property(lambda head: not head.dynamic)  # the mean takes in the cosines of all classes
    running_s: Tensor

    def build(self) -> None:
        """The fixed scale, where the dynamic one starts."""
        if self.num_classes < 3:
            raise ValueError(f"num_classes must be at least 3 for AdaCos (s = √2·ln(C-1)), got {self.num_classes}")
        self.register_buffer("running_s", torch.tensor(math.sqrt(2) * math.log(self.num_classes - 1)))

    @torch.no_grad()
    def keep(self, old: Head, classes: Sequence[int] | Tensor) -> None:
        """As every head's; a fixed scale follows from the number of classes here."""
        start = self.running_s.clone()
        super().keep(old, classes)
        if not self.dynamic:
            self.running_s.copy_(start)

    def observe(self, batch: Batch) -> None:
        """The scale follows the batch."""
        if not self.dynamic:
            return
        z = self.running_s * batch.cosines()  # (B, C)
        others = z.scatter(1, batch.columns[:, None], -torch.inf)
        log_mean = torch.logsumexp(others.flatten(), 0) - math.log(len(others))  # ln B
        median = torch.acos(batch.target_cosine().clamp(-1, 1)).median()
        self.running_s.copy_((log_mean / median.clamp_max(math.pi / 4).cos()).clamp_min(1))

    def scale(self) -> Tensor:
        """The scale as it is now, without waiting for it."""
        return self.running_s.clone()
