"""`cosface-edu embed`: aligned faces to features."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .common import (
    Batch,
    Device,
    Flip,
    FlipOption,
    Network,
    OwnNetworks,
    Precision,
    PrecisionOption,
    Workers,
    plain_errors,
    say,
    warn,
)


@plain_errors
def embed(
    network: Network,
    source: Annotated[Path, typer.Argument(help="Folder of aligned crops, nested as you like; .rec; .bin.")],
    target: Annotated[
        Path,
        typer.Argument(
            help="File to write: .npz with `names` (numbers where pictures have none), `features`, `lengths` (before "
            "each row was brought to length 1) and `precision`."
        ),
    ],
    own_network: OwnNetworks = None,
    flip: FlipOption = Flip.concat,
    precision: PrecisionOption = Precision.auto,
    batch: Batch = 64,
    workers: Workers = 0,
    device: Device = "cpu",
) -> None:
    """Turn aligned faces into features, to compare by cosine: `features[i] @ features[j]`, rows have length 1.

    `lengths[i]` is what row i was divided by: `features * lengths[:, None]` is what the network gave. With `--flip
    none` it is the length of the picture's own feature, by which some grade its quality; with concat it is that of both
    features together, about √2 times as much, and with sum that of their sum, shorter the more the two differ.

    Example: `cosface-edu embed runs/casia photos-aligned features.npz`
    """
    import numpy as np
    import torch

    from cosface_edu import data, evaluation
    from cosface_edu.devices import device_named
    from cosface_edu.files import atomically, file_to_write
    from cosface_edu.training.checkpoint import open_network

    where = device_named(device)
    file_to_write(target)
    data.pictures(source, (112, 96))  # what is not there is said before the network is opened
    opened, size = open_network(network, own_network or [])
    faces, names, left_out = data.pictures(source, size)
    for line in left_out:
        say(f"left out: {line}")
    if (doubt := data.photographs(faces)) is not None:
        warn(doubt)
    opened = opened.to(where)
    used: Literal["auto", "float32", "bfloat16"] = precision.value
    if used == "auto":
        used = evaluation.choose_precision(opened, faces)
    features = evaluation.embed(opened, faces, flip.value, batch=batch, workers=workers, precision=used, progress=True)
    lengths = features.norm(dim=1)  # (N,)
    units = torch.nn.functional.normalize(features)  # (N, D)
    with atomically(target) as part, part.open("xb") as file:
        np.savez(
            file,
            names=np.array(names),
            features=units.numpy(),
            lengths=lengths.numpy(),
            precision=np.array(used),
        )
    say(f"{len(names):,} faces, {units.shape[1]} numbers each: {target}")
