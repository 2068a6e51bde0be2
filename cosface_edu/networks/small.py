"""A residual network for rehearsals: the whole pipeline in minutes on a laptop's processor."""

import torch
from torch import Tensor, nn

from .sizes import check_size

CHANNELS = (16, 32, 64, 128)


class Residual(nn.Module):
    """x + BN(conv(PReLU(BN(conv(x))))), then PReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.prelu1 = nn.PReLU(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.prelu2 = nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.prelu2(x + self.bn2(self.conv2(self.prelu1(self.bn1(self.conv1(x))))))


class Small(nn.Module):
    """Stages of one stride-2 convolution and some residual blocks, batch normalisation throughout.

    Args:
        embedding: D, the length of an embedding.
        size: (height, width) of the images.
        centre: (height, width) of the part that the network looks at.
        blocks: residual blocks of each stage.
        dropout: share of what the last stage gives that is left out at random in training.
    """

    def __init__(
        self,
        embedding: int,
        size: tuple[int, int],
        centre: tuple[int, int],
        blocks: tuple[int, ...],
        dropout: float,
    ) -> None:
        super().__init__()
        self.size, self.centre = size, centre
        inputs = (3, *CHANNELS)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(inputs[i], inputs[i + 1], 3, stride=2, padding=1, bias=False),
                    nn.BatchNorm2d(inputs[i + 1]),
                    nn.PReLU(inputs[i + 1]),
                    *(Residual(inputs[i + 1]) for _ in range(blocks[i])),
                )
                for i in range(4)
            )
        )
        height, width = (-(-side // 16) for side in centre)  # 56×48 -> 4×3
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(CHANNELS[-1] * height * width, embedding, bias=False)
        self.bn = nn.BatchNorm1d(embedding)

    def seen(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) images to the part that the network looks at, (B, 3, h, w)."""
        check_size(x, self.size)  # of another size the centre would be another part
        (height, width), (h, w) = self.size, self.centre
        top, left = (height - h) // 2, (width - w) // 2
        return x[..., top : top + h, left : left + w]

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) normalised images to (B, D) embeddings."""
        x = self.stages(self.seen(x))  # (B, 128, h/16, w/16)
        return self.bn(self.fc(self.dropout(torch.flatten(x, 1))))  # (B, D)


def small(
    embedding: int = 128,
    size: tuple[int, int] = (56, 48),
    blocks: tuple[int, ...] = (0, 1, 1, 1),
    dropout: float = 0.0,
    centre: tuple[int, int] | None = None,
) -> Small:
    """Build the rehearsal network.

    Args:
        embedding: D, the length of an embedding.
        size: (height, width) of the images.
        blocks: residual blocks of each stage; none at the largest resolution, where they cost most.
        dropout: share of the last stage's output that is left out in training; worth it where pictures are few.
        centre: (height, width) of the part of the images that the network looks at; None for all of them. A larger
            `size` and the same centre show less of the face, with more detail.

    Raises:
        ValueError: if the centre is no part of the images.
    """
    height, width = size
    h, w = centre or size
    if not (0 < h <= height and 0 < w <= width):
        raise ValueError(f"centre=({h}, {w}) is no part of images of ({height}, {width})")
    return Small(embedding, (height, width), (h, w), tuple(blocks), dropout)
