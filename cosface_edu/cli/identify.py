"""`cosface-edu identify`: whose face it is."""

from pathlib import Path
from typing import Annotated

import typer

from .common import (
    Batch,
    Device,
    EmbedderName,
    EmbedderSize,
    Flip,
    FlipOption,
    Networks,
    OwnNetworks,
    Precision,
    PrecisionOption,
    ReportFolder,
    Workers,
    plain_errors,
    show_report,
    to_measure,
)


@plain_errors
def identify(
    networks: Networks = None,
    probes: Annotated[
        str, typer.Option(help="Folder of identity folders: the faces to name. Or 'faceworld'.")
    ] = "faceworld",
    gallery: Annotated[
        Path | None, typer.Option(help="Folder of identity folders: those enrolled; other probes are unknown people.")
    ] = None,
    distractors: Annotated[
        str | None,
        typer.Option(help="Without a gallery, MegaFace's protocol: folder of strangers [drawn ones, 'faceworld']."),
    ] = None,
    own_network: OwnNetworks = None,
    embedder: EmbedderName = None,
    size: EmbedderSize = None,
    out: ReportFolder = None,
    flip: FlipOption = Flip.concat,
    precision: PrecisionOption = Precision.auto,
    batch: Batch = 64,
    workers: Workers = 0,
    device: Device = "cpu",
) -> None:
    """**Step 3, the other way.** Whose face is it, among those enrolled, or among up to a million strangers?

    With a gallery: rank k, and the open set, where nobody enrolled is an answer too. Without: MegaFace's protocol, one
    picture of the probe's person among distractors, whose features pass by in blocks.

    Examples:

    `cosface-edu identify runs/casia --probes data/facescrub-aligned --distractors data/strangers-aligned`

    `cosface-edu identify runs/casia --probes visitors-aligned --gallery staff-aligned --out runs/casia/staff`

    `cosface-edu identify runs/latest` (FaceWorld's people, no data needed)
    """
    from cosface_edu import evaluation

    if gallery is not None and distractors is not None:
        raise ValueError("--gallery and --distractors are two protocols: leave out one of them")
    opened, wanted, how = to_measure(networks or [], own_network or [], embedder, size, device)
    measured = evaluation.Measured(
        opened, flip=flip.value, precision=precision.value, batch=batch, workers=workers, progress=True, **how
    )
    if gallery is not None:
        show_report(evaluation.evaluate_identification(measured, probes, gallery, wanted, out), out)
    else:
        show_report(evaluation.evaluate_megaface(measured, probes, distractors or "faceworld", wanted, out), out)
