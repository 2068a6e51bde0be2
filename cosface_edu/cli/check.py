"""`cosface-edu check`: what is in a data set."""

from pathlib import Path
from typing import Annotated

import typer

from .common import plain_errors, say


@plain_errors
def check(
    source: Annotated[Path, typer.Argument(help="Identity folders, .rec, .bin, LFW's or YouTube Faces' folder.")],
    against: Annotated[
        list[Path] | None,
        typer.Option(help="Another set, of any of these kinds, that should share no picture with it; may be repeated."),
    ] = None,
) -> None:
    """Say what is in a data set and what is wrong with it: counts, sizes, broken pictures, people shared with LFW.

    With `--against` it names each picture that is in the other set too, also where it was saved anew, resized or made
    grey, and people who have the same name in both. Pictures that were mirrored or cut out otherwise are not found, nor
    is the photograph from which a face was cut.

    Ends with status 1 if something is wrong, such as a picture that two sets share.

    Example: `cosface-edu check data/casia-112x96 --against data/lfw.bin`
    """
    from cosface_edu.data import check as look

    report = look(source, progress=True, against=against or [])
    say(str(report))
    if report.problems:
        raise typer.Exit(1)
