"""Random changes that keep a face the same person's: mirrored, shifted, recoloured, partly covered."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Share of the picture that a cover takes, and the relative range of its height to width.
COVER_AREA = (0.02, 0.2)
COVER_ASPECT = (0.5, 2.0)
_GREY = (0.299, 0.587, 0.114)  # luma of ITU-R BT.601


@dataclass(frozen=True)
class Augment:
    """Augmentation of a batch, each image by its own draw. The paper flips and does nothing else.

    Attributes:
        flip: mirror with probability 1/2.
        crop: shift by up to this many pixels each way, as a random crop of the picture widened by its border.
        colour: brightness, contrast and saturation are each scaled by 1 ± up to this.
        occlude: probability that a rectangle is covered by one random colour.
    """

    flip: bool = True
    crop: int = 0
    colour: float = 0.0
    occlude: float = 0.0

    def __post_init__(self) -> None:
        if self.crop < 0 or not 0 <= self.colour <= 1 or not 0 <= self.occlude <= 1:
            raise ValueError(f"{self}: wanted crop >= 0 pixels, colour and occlude in [0, 1]")

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Change images.

        Args:
            images: (B, 3, H, W) or (3, H, W) float RGB in [0, 1], on any device.
            generator: a CPU generator; the same state gives the same changes on every device.

        Returns:
            The same shape, values in [0, 1]; the input is left as it was.
        """
        batch = images if images.ndim == 4 else images[None]
        count, _, height, width = batch.shape

        def uniform(*shape: int) -> Tensor:
            return torch.rand(count, *shape, generator=generator).to(batch.device)

        if self.flip:
            batch = torch.where((uniform() < 0.5)[:, None, None, None], batch.flip(-1), batch)
        if self.crop:
            shift = (uniform(2) * (2 * self.crop + 1)).long() - self.crop  # (B, 2), −crop … crop
            rows = (torch.arange(height, device=batch.device) + shift[:, :1]).clamp(0, height - 1)  # (B, H)
            columns = (torch.arange(width, device=batch.device) + shift[:, 1:]).clamp(0, width - 1)  # (B, W)
            image = torch.arange(count, device=batch.device)[:, None, None]
            batch = batch.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
        if self.colour:
            brightness, contrast, saturation = (1 + self.colour * (2 * uniform(3, 1, 1, 1) - 1)).unbind(
                1
            )  # (B, 1, 1, 1)
            batch = batch * brightness
            grey = (batch * batch.new_tensor(_GREY)[:, None, None]).sum(1, keepdim=True)  # (B, 1, H, W)
            batch = grey + saturation * (batch - grey)
            mean = grey.mean((2, 3), keepdim=True)
            batch = (mean + contrast * (batch - mean)).clamp(0, 1)
        if self.occlude:
            area = COVER_AREA[0] + (COVER_AREA[1] - COVER_AREA[0]) * uniform()  # (B,) of the whole
            aspect = COVER_ASPECT[0] * (COVER_ASPECT[1] / COVER_ASPECT[0]) ** uniform()
            half_h = (area * aspect).sqrt() * height / 2
            half_w = (area / aspect).sqrt() * width / 2
            y, x = (uniform(2) * batch.new_tensor([height, width])).unbind(1)  # the centre, anywhere
            rows = (torch.arange(height, device=batch.device) - y[:, None]).abs() < half_h[:, None]  # (B, H)
            columns = (torch.arange(width, device=batch.device) - x[:, None]).abs() < half_w[:, None]  # (B, W)
            covered = rows[:, None, :, None] & columns[:, None, None, :] & (uniform(1, 1, 1) < self.occlude)
            batch = torch.where(covered, uniform(3, 1, 1), batch)
        return batch if images.ndim == 4 else batch[0]
