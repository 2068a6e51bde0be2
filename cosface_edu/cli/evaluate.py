"""`cosface-edu evaluate`: verification of pairs."""

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
    show,
    show_report,
    to_measure,
)


@plain_errors
def evaluate(
    networks: Networks = None,
    test: Annotated[str, typer.Option(help="Folder of aligned images, a .bin file, or 'faceworld'.")] = "faceworld",
    pairs: Annotated[Path | None, typer.Option(help="LFW's pairs.txt or pairsDevTest.txt, for a folder.")] = None,
    splits: Annotated[Path | None, typer.Option(help="YouTube Faces' splits.txt, for a folder of videos.")] = None,
    blufr: Annotated[
        Path | None, typer.Option(help="blufr_lfw_config.mat: BLUFR's protocol instead, on a folder of all of LFW.")
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
    """**Step 3.** Verify pairs of faces: accuracy over ten folds, each threshold chosen on the other nine.

    Examples:

    `cosface-edu evaluate runs/casia --test data/lfw-aligned --pairs data/pairs.txt --out runs/casia/lfw`

    `cosface-edu evaluate runs/seed-0 runs/seed-1 runs/seed-2` (three networks together)

    `cosface-edu evaluate --embedder mine:embed --test data/lfw.bin`

    `cosface-edu evaluate runs/casia --test data/lfw-aligned --blufr data/blufr_lfw_config.mat`
    """
    from cosface_edu import evaluation

    if blufr is not None and (pairs is not None or splits is not None):
        raise ValueError("--blufr brings its own pairs: leave it out, or leave out --pairs and --splits")
    if blufr is not None and test == "faceworld":
        raise ValueError("--blufr needs --test, the folder of all of LFW's pictures, aligned")
    measured, wanted, how = to_measure(networks or [], own_network or [], embedder, size, device)
    how |= {"flip": flip.value, "batch": batch, "workers": workers, "precision": precision.value, "progress": True}
    if blufr is not None:
        show_report(evaluation.evaluate_blufr(evaluation.Measured(measured, **how), test, blufr, wanted, out), out)
        return
    result = evaluation.evaluate(
        measured, evaluation.open_pairs(test, pairs, splits, wanted), out, test=Path(test).name, **how
    )
    figures = result.to_dict()
    low, high = figures["interval"]["low"], figures["interval"]["high"]
    rows = {
        "accuracy": f"{100 * figures['accuracy']:.2f} ± {100 * figures['standard_error']:.2f} %",
        f"95 % over {figures['interval']['over']}": f"{100 * low:.2f} … {100 * high:.2f} %",
        "equal error rate": f"{100 * figures['eer']:.2f} %",
    }
    rows |= {f"TAR at FAR {far}": f"{100 * tar:.2f} %" for far, tar in figures["tar_at_far"].items()}
    show(f"{figures['test']}, {figures['pairs']:,} pairs", rows, out)
