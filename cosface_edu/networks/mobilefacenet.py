"""MobileFaceNet: a million parameters, for phones.

Chen et al., "MobileFaceNets", CCBR 2018, Table 1. Inverted bottlenecks as in MobileNetV2 with PReLU; the feature map
is read by one weight per place and channel (a global depthwise convolution) instead of being averaged, since the
centre of an aligned face tells more than its corners.
"""

import torch
from torch import Tensor, nn

from .sizes import check_size

# (expansion, channels, repeats, stride of the first) per row of Table 1
BOTTLENECKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))


def _convolution(
    inputs: int, outputs: int, kernel: int | tuple[int, int], stride: int = 1, groups: int = 1, linear: bool = False
) -> nn.Sequential:
    """Convolution, batch normalisation, and PReLU unless it is linear. 3×3 is padded; a larger kernel reads the map."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, padding=1 if kernel == 3 else 0, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers) if linear else nn.Sequential(*layers, nn.PReLU(outputs))


class Bottleneck(nn.Module):
    """Expand, filter each channel, project linearly; added to the input where the shape allows."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.layers = nn.Sequential(
            _convolution(inputs, inner, 1),
            _convolution(inner, inner, 3, stride, groups=inner),
            _convolution(inner, outputs, 1, linear=True),
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


class MobileFaceNet(nn.Module):
    """A MobileFaceNet.

    Args:
        embedding: D, the length of an embedding.
        size: (height, width) of the images.
    """

    def __init__(self, embedding: int = 128, size: tuple[int, int] = (112, 112)) -> None:
        super().__init__()
        self.size = (size[0], size[1])  # a list, where it was read from a file
        layers: list[nn.Module] = [_convolution(3, 64, 3, stride=2), _convolution(64, 64, 3, groups=64)]
        inputs = 64
        for expansion, outputs, repeats, stride in BOTTLENECKS:
            for repeat in range(repeats):
                layers.append(Bottleneck(inputs, outputs, expansion, stride if repeat == 0 else 1))
                inputs = outputs
        self.layers = nn.Sequential(*layers)
        height, width = (-(-side // 16) for side in size)  # four halvings, each rounded up
        self.read = nn.Sequential(
            _convolution(128, 512, 1),
            _convolution(512, 512, (height, width), groups=512, linear=True),
            _convolution(512, embedding, 1, linear=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) normalised images to (B, D) embeddings."""
        check_size(x, self.size)
        x = self.layers(x)  # (B, 128, H/16, W/16)
        return torch.flatten(self.read(x), 1)  # (B, 512, 1, 1) -> (B, D)


def mobilefacenet(embedding: int = 128, size: tuple[int, int] = (112, 112)) -> MobileFaceNet:
    """Build a MobileFaceNet.

    Args:
        embedding: D.
        size: (height, width) of the input.

    Returns:
        The network: (B, 3, height, width) to (B, D).
    """
    return MobileFaceNet(embedding, size)
