"""`cosface-edu align`: photographs to aligned crops."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .common import Device, plain_errors, say, size_of


class Missing(StrEnum):
    """What to do with a picture in which no face is found."""

    skip = "skip"
    centre_crop = "centre-crop"
    fail = "fail"


class FaceChoice(StrEnum):
    """Which of several faces is cut."""

    centre = "centre"
    largest = "largest"
    both = "both"


class Borders(StrEnum):
    """What lies around a picture."""

    mirror = "mirror"
    black = "black"


@plain_errors
def align(
    source: Annotated[Path, typer.Argument(help="Folder of photographs, nested as you like.")],
    target: Annotated[
        Path, typer.Argument(help="Folder for the aligned crops; the same tree. Neither in SOURCE nor around it.")
    ],
    size: Annotated[str, typer.Option(help="HEIGHTxWIDTH of the crops: 112x96 (the paper) or 112x112.")] = "112x96",
    missing: Annotated[Missing, typer.Option(help="A picture without a face: leave it out, crop it, or stop.")] = (
        Missing.skip
    ),
    min_face: Annotated[
        int | None,
        typer.Option(
            min=20, help="Side of the smallest face, in pixels [a quarter of the shorter side, then a twentieth]."
        ),
    ] = None,
    factor: Annotated[
        float, typer.Option(min=0.1, max=0.95, help="From one size of faces to the next. SphereFace: 0.85.")
    ] = 0.7225,
    face: Annotated[
        FaceChoice, typer.Option(help="Of several faces: nearest the centre, the largest box, or both weighed.")
    ] = FaceChoice.centre,
    borders: Annotated[Borders, typer.Option(help="What lies around a picture: its mirror image, or nothing.")] = (
        Borders.mirror
    ),
    batch: Annotated[int, typer.Option(min=1, help="Pictures that the detector sees at once; fewer large ones.")] = 16,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes [one a core, where there are pictures enough].")
    ] = None,
    device: Device = "cpu",
) -> None:
    """**Step 1.** Find faces and bring eyes, nose and mouth to the same place in every crop.

    MTCNN finds five points; the similarity transform that moves them onto SphereFace's template in the least-squares
    sense cuts the crop. A run that is stopped continues where it was. Crops are never aligned a second time. With
    `--device mps` all is computed on the CPU: the detector needs float64.

    Examples:

    `cosface-edu align data/lfw data/lfw-aligned`

    `cosface-edu align data/lfw data/lfw-sphereface --min-face 20 --factor 0.85 --borders black` (SphereFace's settings)
    """
    import torch

    from cosface_edu.align import align_folder
    from cosface_edu.devices import device_named

    where = device_named(device)
    if where.type == "mps":
        say("MPS has no float64, which the detector needs: aligned on the CPU")
        where = torch.device("cpu")
    report = align_folder(
        source,
        target,
        size_of(size),
        missing.value,  # type: ignore[arg-type]
        batch,
        where,
        min_face=min_face,
        factor=factor,
        face=face.value,  # type: ignore[arg-type]
        borders=borders.value,  # type: ignore[arg-type]
        workers=workers,
    )
    say(str(report))
