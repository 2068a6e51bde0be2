"""A face in sixteen numbers: small enough to train on inside a web page."""

import torch
from torch import Tensor

from cosface_edu.faces.world import FaceWorld


def compact_vectors(identities: int = 10, n: int = 50, dims: int = 16, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Principal components of `FaceWorld` crops, each scaled to unit spread.

    Args:
        identities: how many people.
        n: images a person.
        dims: how many components.
        seed: the world's seed.

    Returns:
        vectors (identities·n, dims) float32 with mean 0 and spread 1 in each column; labels (identities·n,) int64.
    """
    images, _ = FaceWorld(seed).sample_many(range(identities), n, size=(28, 24))
    pixels = images.flatten(1).double()
    pixels = pixels - pixels.mean(dim=0)
    _, _, directions = torch.linalg.svd(pixels, full_matrices=False)
    directions = directions[:dims]
    # a singular vector's sign is arbitrary: the largest entry is made positive, so that every machine agrees
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    vectors = pixels @ (directions * largest.sign()).T
    return (vectors / vectors.std(dim=0)).float(), torch.arange(identities).repeat_interleave(n)
