"""A network small enough to learn eight identities in seconds, with features that can be drawn."""

import torch
from torch import Tensor, nn


class Toy(nn.Module):
    """Three stride-2 convolutions and one linear layer; any image size of 8×8 or more.

    The features are the linear layer's plain output, with no activation and no normalisation after it: in two
    dimensions any such step would hide directions that the loss should be free to use (a ReLU keeps one quadrant).

    Args:
        embedding: D, two for the figures of the CosFace paper (Fig. 4).
    """

    def __init__(self, embedding: int = 2) -> None:
        super().__init__()
        channels = (3, 16, 32, 64)
        self.convolutions = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(channels[i], channels[i + 1], 3, stride=2, padding=1, bias=False),
                    nn.BatchNorm2d(channels[i + 1]),
                    nn.PReLU(channels[i + 1]),
                )
                for i in range(3)
            )
        )
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.fc = nn.Linear(64 * 4 * 4, embedding)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) normalised images to (B, D) features."""
        x = self.convolutions(x)  # (B, 64, H/8, W/8)
        x = self.pool(x)  # (B, 64, 4, 4)
        return self.fc(torch.flatten(x, 1))  # (B, D)


def toy(embedding: int = 2, size: tuple[int, int] | None = None) -> Toy:
    """Build the toy network.

    Args:
        embedding: length of an embedding.
        size: (height, width) of the images: it takes any, and is told like the others.

    Returns:
        The network: (B, 3, H, W) of any size to (B, embedding).
    """
    return Toy(embedding)
