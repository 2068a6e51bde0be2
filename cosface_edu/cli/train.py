"""`cosface-edu train`: a network with a large-margin loss."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .common import plain_errors, say


@plain_errors
def train(
    ctx: typer.Context,
    preset: Annotated[
        str, typer.Option(help="casia and large: the paper's two schedules, for GPUs. rehearsal: minutes on a CPU.")
    ] = "rehearsal",
    data: Annotated[
        str | None, typer.Option(help="Identity folders of aligned crops, a .rec file, 'faceworld'.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints (last.pt, best.pt) and TensorBoard.")] = Path(
        "runs/latest"
    ),
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from OUT/last.pt if it is there, exactly.")
    ] = False,
    loss: Annotated[str | None, typer.Option(help="softmax, nsl, cosface, arcface, …; your own: module:Class.")] = None,
    s: Annotated[float | None, typer.Option(help="Scale: length that embeddings are brought to.")] = None,
    m: Annotated[float | None, typer.Option(help="Margin, in the loss's own unit (CosFace: cosine).")] = None,
    network: Annotated[
        str | None,
        typer.Option(help="sphereface4 … sphereface64, iresnet50, mobilefacenet, small, …; your own: module:callable."),
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Images a step, over all GPUs and accumulated parts.")] = None,
    micro_batch: Annotated[
        int | None, typer.Option(help="Most images at once on one GPU; the rest of the batch is accumulated.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate at the start.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, bf16 or fp16 (with a gradient scaler).")] = None,
    seed: Annotated[int | None, typer.Option(help="Of start weights, order and augmentation.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that decode images.")] = None,
    compile: Annotated[bool, typer.Option("--compile", help="torch.compile the network.")] = False,
    set: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any field of the configuration, such as device=cuda; may come often."),
    ] = None,
) -> None:
    """**Step 2.** Train a network with a large-margin loss.

    The loop is `cosface_edu/training/loop.py`, to be read from top to bottom. Accuracy in the log is measured without
    the margin. Some people of the training set are held out to validate on; LFW is never looked at.

    Examples:

    `cosface-edu train` (a rehearsal on FaceWorld, no data needed)

    `cosface-edu train --preset casia --data data/casia-aligned --out runs/casia`

    `cosface-edu train --preset casia --data data/casia-aligned --out runs/nsl --loss nsl --s 30 --set clip=5`

    On eight GPUs, centres split over them: `torchrun --nproc_per_node 8 -m cosface_edu train --preset casia …`
    """
    from cosface_edu.losses import card
    from cosface_edu.training import distributed
    from cosface_edu.training import preset as named
    from cosface_edu.training import train as run

    config = named(preset)
    # not `in (None, False)`: a 0 that was asked for is equal to False
    changes = {
        n: value for n, value in ctx.params.items() if n in fields() and value is not None and value is not False
    }
    asked = settings(set or [])
    changes |= asked
    same = card(changes.get("loss", config.loss)) == card(config.loss)  # under whatever name
    options = dict(config.loss_options) if same else {}
    options |= {name: value for name, value in (("s", s), ("m", m)) if value is not None}
    changes["loss_options"] = options | asked.get("loss_options", {})
    config = config.replace(**changes)
    try:
        run(config, out, resume, say=say)
    finally:
        distributed.finish()


def fields() -> list[str]:
    """Names of what a configuration decides: an option of the same name sets it."""
    import dataclasses

    from cosface_edu.training import Config

    return [field.name for field in dataclasses.fields(Config)]


def settings(texts: list[str]) -> dict[str, Any]:
    """'clip=5' and its like to values for a configuration, each read as its field's kind.

    Raises:
        ValueError: for a field that a configuration does not have, or a value that it cannot hold.
    """
    from cosface_edu.training.config import kinds

    known = kinds()
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            raise ValueError(f"--set {text}: wanted NAME=VALUE with NAME one of {', '.join(sorted(known))}")
        values[name] = known[name].read(name, value)
    return values
