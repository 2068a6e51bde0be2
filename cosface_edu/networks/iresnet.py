"""Improved residual networks (IResNet, "LResNet-E-IR"): the backbone of ArcFace.

Deng et al., "ArcFace", CVPR 2019, Section 3.1: a residual block of BN-conv-BN-PReLU-conv-BN, the first convolution
of the network at full resolution, and an output of BN-dropout-FC-BN (their option E).
"""

import torch
from torch import Tensor, nn

from .sizes import check_size

CHANNELS = (64, 128, 256, 512)
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}


class ImprovedResidual(nn.Module):
    """BN-conv-BN-PReLU-conv-BN plus a shortcut; the second convolution carries the stride."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return self.bn3(self.conv2(y)) + self.shortcut(x)


class IResNet(nn.Module):
    """An IResNet.

    Args:
        blocks: residual blocks in each of the four stages.
        embedding: D, the length of an embedding.
        size: (height, width) of the images.
        dropout: probability of dropping an input of the fully connected layer.
    """

    def __init__(
        self,
        blocks: tuple[int, ...],
        embedding: int = 512,
        size: tuple[int, int] = (112, 112),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.size = (size[0], size[1])  # a list, where it was read from a file
        self.stem = nn.Sequential(
            nn.Conv2d(3, CHANNELS[0], 3, padding=1, bias=False), nn.BatchNorm2d(CHANNELS[0]), nn.PReLU(CHANNELS[0])
        )
        inputs = (CHANNELS[0], *CHANNELS)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    ImprovedResidual(inputs[i], inputs[i + 1], stride=2),
                    *(ImprovedResidual(inputs[i + 1], inputs[i + 1], stride=1) for _ in range(blocks[i] - 1)),
                )
                for i in range(4)
            )
        )
        height, width = (-(-side // 16) for side in size)  # four halvings, each rounded up
        self.bn = nn.BatchNorm2d(CHANNELS[-1])
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(CHANNELS[-1] * height * width, embedding)
        self.features = nn.BatchNorm1d(embedding)
        self.features.weight.requires_grad = False  # the embedding's scale is the loss's business, not the network's
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) normalised images to (B, D) embeddings."""
        check_size(x, self.size)
        x = self.stem(x)  # (B, 64, H, W)
        x = self.bn(self.stages(x))  # (B, 512, H/16, W/16)
        return self.features(self.fc(self.dropout(torch.flatten(x, 1))))  # (B, D)


def iresnet(depth: int, embedding: int = 512, size: tuple[int, int] = (112, 112), dropout: float = 0.0) -> IResNet:
    """Build an IResNet.

    Args:
        depth: 18, 34, 50 or 100.
        embedding: D, the length of an embedding.
        size: (height, width) of the images.
        dropout: probability of dropping an input of the fully connected layer.

    Raises:
        ValueError: if there is no such depth.
    """
    if depth not in BLOCKS:
        raise ValueError(f"iresnet has no depth {depth}: choose one of {', '.join(map(str, BLOCKS))}")
    return IResNet(BLOCKS[depth], embedding, size, dropout)
