"""Many faces at once on a GPU, which is slow at being asked: few questions, each about many faces.

Drawing a picture asks for two thousand small operations over its pixels, and who is on it, and how it was taken, for
six thousand over single numbers. `FaceWorld.bytes` asks for all of them again for every thousand pictures. Here the
numbers of many thousand people are drawn at once; compiled, the operations over pixels become a few dozen kernels that
keep what lies between in their registers.
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from cosface_edu.data.images import to_bytes
from cosface_edu.faces.dataset import FaceWorldDataset
from cosface_edu.faces.render import render
from cosface_edu.faces.traits import Values
from cosface_edu.faces.world import FaceWorld

NUMBERS = 65_536  # pictures whose numbers are drawn at once: 60 MB
_PIXELS = 1024 * 112 * 96  # drawn at once: planes of 44 MB, 2 GB in all


def drawn(
    world: FaceWorld, identities: Tensor, images: Tensor, size: tuple[int, int] = (112, 96), compiled: bool = False
) -> Tensor:
    """The pictures of `FaceWorld.bytes`, sooner on a GPU.

    Args:
        world: says which faces, and on which device they are drawn and stay.
        identities: (B,) int64.
        images: (B,) int64 image numbers.
        size: (height, width) in pixels.
        compiled: by `torch.compile`, which takes a minute at first. Sums are then rounded otherwise: pictures differ
            by less than one byte step.

    Returns:
        (B, 3, H, W) uint8 on the world's device.
    """
    out = torch.empty(len(identities), 3, *size, dtype=torch.uint8, device=world.device)
    draw = _compiled() if compiled else _bytes
    chunk = max(1, _PIXELS // (size[0] * size[1]))
    for first in range(0, len(out), NUMBERS):
        block = slice(first, first + NUMBERS)
        who, how = world.traits(identities[block]), world.shot(identities[block], images[block])
        for low in range(0, len(how["yaw"]), chunk):
            part = out[first + low : min(first + low + chunk, first + NUMBERS)]
            # the last part is filled up with its last picture, so that one shape is compiled and no other
            rows = torch.arange(low, low + chunk if compiled else low + len(part), device=world.device)
            rows = rows.clamp(max=low + len(part) - 1)
            traits, shot = ({name: value[rows] for name, value in of.items()} for of in (who, how))
            part.copy_(draw(traits, shot, size, world._table)[: len(part)])
    return out


def dataset_on(faces: FaceWorldDataset, device: torch.device | str, compiled: bool = False) -> Tensor:
    """All of a data set, drawn on a device and kept there.

    Args:
        faces: which.
        device: where.
        compiled: as in `drawn`.

    Returns:
        (N, 3, H, W) uint8 in the data set's order.
    """
    who = torch.arange(faces.num_classes).repeat_interleave(faces.per_identity) + faces.first
    which = torch.arange(faces.per_identity).repeat(faces.num_classes) + faces.start
    return drawn(FaceWorld(faces.world.seed, device), who, which, faces.size, compiled)


def _bytes(traits: Values, shot: Values, size: tuple[int, int], table: Tensor) -> Tensor:
    return to_bytes(render(traits, shot, size, table, aligned=True)[0])


@cache
def _compiled() -> Callable[..., Tensor]:
    return torch.compile(_bytes, dynamic=False)
