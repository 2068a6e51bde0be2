"""`cosface-edu embed`: aligned faces to features."""

from pathlib import Path
from typing import Annotated

import typer

from .common import Batch, Device, Flip, FlipOption, Network, Workers, plain_errors, tell


@plain_errors
def embed(
    network: Network,
    source: Annotated[Path, typer.Argument(help="Folder of aligned crops, nested as you like.")],
    target: Annotated[Path, typer.Argument(help="File to write: .npz with `names` and `features`.")],
    flip: FlipOption = Flip.concat,
    batch: Batch = 64,
    workers: Workers = 0,
    device: Device = "cpu",
) -> None:
    """Turn aligned faces into features, to compare by cosine: `features[i] @ features[j]`, rows have length 1.

    Example: `cosface-edu embed runs/casia photos-aligned features.npz`
    """
    import numpy as np
    import torch

    from cosface_edu import evaluation
    from cosface_edu.data.pairs import Pictures, pictures_under
    from cosface_edu.files import atomically
    from cosface_edu.training.checkpoint import open_network

    paths = pictures_under(source)
    opened, size = open_network(network)
    pictures = Pictures(paths, size)
    features = evaluation.embed(opened.to(device), pictures, flip.value, batch=batch, workers=workers, progress=True)
    units = torch.nn.functional.normalize(features)  # (N, D)
    names = [str(path.relative_to(source)) for path in paths]
    with atomically(target) as part, part.open("wb") as file:
        np.savez(file, names=np.array(names), features=units.numpy())
    tell(f"{len(names):,} faces, {units.shape[1]} numbers each: {target}")
