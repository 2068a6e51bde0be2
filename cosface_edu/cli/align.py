"""`cosface-edu align`: photographs to aligned crops."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .common import Device, plain_errors, size_of, tell


class Missing(StrEnum):
    """What to do with a picture in which no face is found."""

    skip = "skip"
    centre_crop = "centre-crop"
    fail = "fail"


@plain_errors
def align(
    source: Annotated[Path, typer.Argument(help="Folder of photographs, nested as you like.")],
    target: Annotated[Path, typer.Argument(help="Folder for the aligned crops; the same tree. Not inside SOURCE.")],
    size: Annotated[str, typer.Option(help="HEIGHTxWIDTH of the crops: 112x96 (the paper) or 112x112.")] = "112x96",
    missing: Annotated[Missing, typer.Option(help="A picture without a face: leave it out, crop it, or stop.")] = (
        Missing.skip
    ),
    batch: Annotated[int, typer.Option(help="Pictures that the detector sees at once.")] = 16,
    device: Device = "cpu",
) -> None:
    """**Step 1.** Find faces and bring eyes, nose and mouth to the same place in every crop.

    MTCNN finds five points; the similarity transform that moves them onto SphereFace's template in the least-squares
    sense cuts the crop. A run that is stopped continues where it was. Crops are never aligned a second time.

    Example: `cosface-edu align data/lfw data/lfw-aligned`
    """
    from cosface_edu.align import align_folder

    report = align_folder(source, target, size_of(size), missing.value, batch, device)  # type: ignore[arg-type]
    tell(f"{report.aligned:,} of {report.total:,} pictures aligned ({report.rate:.1f} a second)")
    for what, names in (
        ("cut about the centre, no face found", report.centre_cropped),
        ("left out, no face found", report.missing),
        ("left out, cannot be decoded", report.broken),
    ):
        if names:
            tell(f"{len(names):,} {what}: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}")
