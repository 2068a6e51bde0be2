"""Random changes that keep a face the same person's: mirrored, shifted, recoloured, partly covered."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .draws import uniform

# Share of the picture that a cover takes, and the relative range of its height to width.
COVER_AREA = (0.02, 0.2)
COVER_ASPECT = (0.5, 2.0)
GREY = (0.299, 0.587, 0.114)  # luma of ITU-R BT.601
_DRAWS = 14  # numbers an image: all are drawn, whatever is asked for, so that one choice does not change another


@dataclass(frozen=True)
class Augment:
    """Augmentation of a batch, each image by its own draw. The paper flips and does nothing else.

    Attributes:
        flip: mirror with probability 1/2.
        crop: shift by up to this many pixels each way, as a random crop of the picture widened by its border.
        colour: brightness, contrast and saturation are each scaled by 1 ± up to this.
        occlude: probability that a rectangle is covered by one random colour.

    Example:
        >>> import torch
        >>> from cosface_edu.data import Augment
        >>> images = torch.rand(4, 3, 112, 96)
        >>> changed = Augment(flip=True)(images)
        >>> flipped = [bool(torch.equal(new, old.flip(2))) for new, old in zip(changed, images)]
        >>> all(torch.equal(new, old.flip(2) if flip else old) for new, old, flip in zip(changed, images, flipped))
        True
    """

    flip: bool = True
    crop: int = 0
    colour: float = 0.0
    occlude: float = 0.0

    def __post_init__(self) -> None:
        if self.crop < 0 or not 0 <= self.colour <= 1 or not 0 <= self.occlude <= 1:
            raise ValueError(f"{self}: wanted crop >= 0 pixels, colour and occlude in [0, 1]")

    def __call__(self, images: Tensor, keys: Tensor | None = None) -> Tensor:
        """Change images.

        Args:
            images: (B, 3, H, W) or (3, H, W) float RGB in [0, 1], on any device.
            keys: (B,) int64 on the same device, one hash an image (`draws.keys`): what happens to an image follows from
                its key, not from its batch or device. Without keys it follows from torch's own generator.

        Returns:
            The same shape, values in [0, 1]; the input is left as it was.
        """
        batch = images if images.ndim == 4 else images[None]
        if keys is None:
            keys = torch.randint(2**62, (len(batch),)).to(batch.device)
        flip, shift, colour, occlude = uniform(keys, "augmentation", _DRAWS).split((1, 2, 3, 8), dim=1)
        if self.flip:
            batch = torch.where(flip[:, :, None, None] < 0.5, batch.flip(-1), batch)
        if self.crop:
            batch = self._shifted(batch, shift)
        if self.colour:
            batch = self._recoloured(batch, colour)
        if self.occlude:
            batch = self._covered(batch, occlude)
        return batch if images.ndim == 4 else batch[0]

    def _shifted(self, batch: Tensor, drawn: Tensor) -> Tensor:
        height, width = batch.shape[-2:]
        shift = (drawn * (2 * self.crop + 1)).long() - self.crop  # (B, 2), −crop … crop
        rows = (torch.arange(height, device=batch.device) + shift[:, :1]).clamp(0, height - 1)  # (B, H)
        columns = (torch.arange(width, device=batch.device) + shift[:, 1:]).clamp(0, width - 1)  # (B, W)
        places = (rows[:, :, None] * width + columns[:, None, :]).view(-1, 1, height * width).expand(-1, 3, -1)
        return batch.flatten(2).gather(2, places).view_as(batch)

    def _recoloured(self, batch: Tensor, drawn: Tensor) -> Tensor:
        factors = 1 + self.colour * (2 * drawn[:, :, None, None, None] - 1)  # (B, 3, 1, 1, 1)
        brightness, contrast, saturation = factors.unbind(1)  # (B, 1, 1, 1)
        grey = (batch * batch.new_tensor(GREY)[:, None, None]).sum(1, keepdim=True)  # (B, 1, H, W)
        mean = grey.mean((2, 3), keepdim=True)
        # x·b, then g + s·(x − g) with its grey g, then mean + c·(x − mean), as one: the pictures are gone through once
        rest = brightness * (contrast * (1 - saturation) * grey + (1 - contrast) * mean)  # (B, 1, H, W)
        return torch.addcmul(rest, batch, brightness * contrast * saturation).clamp_(0, 1)

    def _covered(self, batch: Tensor, drawn: Tensor) -> Tensor:
        height, width = batch.shape[-2:]
        area = COVER_AREA[0] + (COVER_AREA[1] - COVER_AREA[0]) * drawn[:, 0]  # (B,) of the whole
        aspect = COVER_ASPECT[0] * (COVER_ASPECT[1] / COVER_ASPECT[0]) ** drawn[:, 1]
        half_h = (area * aspect).sqrt() * height / 2
        half_w = (area / aspect).sqrt() * width / 2
        y, x = drawn[:, 2] * height, drawn[:, 3] * width  # the centre, anywhere
        rows = (torch.arange(height, device=batch.device) - y[:, None]).abs() < half_h[:, None]  # (B, H)
        columns = (torch.arange(width, device=batch.device) - x[:, None]).abs() < half_w[:, None]  # (B, W)
        chosen = (drawn[:, 4] < self.occlude)[:, None, None, None]
        return torch.where(rows[:, None, :, None] & columns[:, None, None, :] & chosen, drawn[:, 5:, None, None], batch)
