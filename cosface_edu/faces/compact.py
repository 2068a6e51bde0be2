"""A face in sixteen numbers: small enough to train on inside a web page."""

import torch
from torch import Tensor

from cosface_edu.faces.traits import NEUTRAL
from cosface_edu.faces.world import FaceWorld

# Sixteen linear features cannot undo a turned head or a shadow: about half of what happens in a photograph is kept, and
# hats and things before the face are left out. A 16-32-32-2 network then names about 95 % of images it has not seen.
_LIVELINESS = 0.55


def compact_vectors(identities: int = 10, n: int = 50, dims: int = 16, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Principal components of calm `FaceWorld` crops, each scaled to unit spread.

    Args:
        identities: how many people.
        n: images a person.
        dims: how many components.
        seed: the world's seed.

    Returns:
        vectors (identities·n, dims) float32 with mean 0 and spread 1 in each column; labels (identities·n,) int64.
    """
    world = FaceWorld(seed)
    labels = torch.arange(identities).repeat_interleave(n)
    shot, still = world.shot(labels, torch.arange(n).repeat(identities)), world.neutral(labels)
    calm = {name: torch.lerp(still[name], shot[name], _LIVELINESS) for name in NEUTRAL}
    calm |= {name: still[name] for name in ("hat", "occlude")} | {"wear": shot["wear"]}
    images, _ = world.render(world.traits(labels), shot | calm, size=(28, 24))
    pixels = images[:, :, 5:27, 3:21].flatten(1).double()  # the face without hair and background
    pixels = pixels - pixels.mean(dim=0)
    _, _, directions = torch.linalg.svd(pixels, full_matrices=False)
    directions = directions[:dims]
    # a singular vector's sign is arbitrary: the largest entry is made positive, so that every machine agrees
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    vectors = pixels @ (directions * largest.sign()).T
    return (vectors / vectors.std(dim=0)).float(), labels
