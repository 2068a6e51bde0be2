"""SphereFace networks of 4, 10, 20, 36 and 64 convolutions: the backbone of the CosFace paper.

Liu et al., "SphereFace: Deep Hypersphere Embedding for Face Recognition", CVPR 2017, Table 2. Each of four stages
halves the image with one 3×3 stride-2 convolution and refines it with residual blocks of two 3×3 convolutions; a
fully connected layer then reads the embedding. There is no batch normalisation and no activation after the last layer.
"""

import torch
from torch import Tensor, nn

from .sizes import check_size

CHANNELS = (64, 128, 256, 512)
BLOCKS: dict[int, tuple[int, ...]] = {
    4: (0, 0, 0, 0),
    10: (0, 1, 2, 0),
    20: (1, 2, 4, 1),
    36: (2, 4, 8, 2),
    64: (3, 8, 16, 3),
}
# The definition that the authors released for 64 layers has one block less in stage 2 than their paper's table.
RELEASED_64: tuple[int, ...] = (3, 7, 16, 3)


class Residual(nn.Module):
    """x + PReLU(conv(PReLU(conv(x)))): the shape of x is kept, nothing is applied to the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.prelu1 = nn.PReLU(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.prelu2 = nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.prelu2(self.conv2(self.prelu1(self.conv1(x))))


class SphereFace(nn.Module):
    """A SphereFace network.

    Args:
        blocks: residual blocks in each of the four stages.
        embedding: D, the length of an embedding.
        size: (height, width) of the images.
    """

    def __init__(self, blocks: tuple[int, ...], embedding: int = 512, size: tuple[int, int] = (112, 96)):
        super().__init__()
        self.size = (size[0], size[1])  # a list, where it was read from a file
        inputs = (3, *CHANNELS)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(inputs[i], inputs[i + 1], 3, stride=2, padding=1),
                    nn.PReLU(inputs[i + 1]),
                    *(Residual(inputs[i + 1]) for _ in range(blocks[i])),
                )
                for i in range(4)
            )
        )
        height, width = (-(-side // 16) for side in size)  # four halvings, each rounded up: 112×96 -> 7×6
        self.fc = nn.Linear(CHANNELS[-1] * height * width, embedding)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if not isinstance(module, nn.Conv2d | nn.Linear):
                continue
            if module.bias is None:  # the residual convolutions
                nn.init.normal_(module.weight, std=0.01)
            else:
                # Xavier as Caffe, the authors' framework, means it: uniform with variance 1/fan_in, not Glorot's
                # 2/(fan_in + fan_out) that PyTorch's xavier_uniform_ draws.
                nn.init.kaiming_uniform_(module.weight, nonlinearity="linear")
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) normalised images to (B, D) embeddings."""
        check_size(x, self.size)
        x = self.stages(x)  # (B, 512, H/16, W/16)
        return self.fc(torch.flatten(x, 1))  # (B, D)


def sphereface(
    depth: int = 64,
    embedding: int = 512,
    size: tuple[int, int] = (112, 96),
    blocks: tuple[int, ...] | None = None,
) -> SphereFace:
    """Build a SphereFace network; depth counts its convolutions.

    Args:
        depth: 4, 10, 20, 36 or 64.
        embedding: D, the length of an embedding.
        size: (height, width) of the images.
        blocks: residual blocks per stage instead of the paper's, such as `RELEASED_64`.

    Raises:
        ValueError: if there is no such depth.
    """
    if depth not in BLOCKS:
        raise ValueError(f"sphereface has no depth {depth}: choose one of {', '.join(map(str, BLOCKS))}")
    return SphereFace(tuple(blocks or BLOCKS[depth]), embedding, size)
