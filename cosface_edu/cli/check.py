"""`cosface-edu check`: what is in a data set."""

from pathlib import Path
from typing import Annotated

import typer

from .common import plain_errors, say


@plain_errors
def check(
    source: Annotated[Path, typer.Argument(help="Identity folders, .rec, .bin, LFW's or YouTube Faces' folder.")],
) -> None:
    """Say what is in a data set and what is wrong with it: counts, sizes, broken pictures, people shared with LFW.

    Ends with status 1 if something is wrong.

    Example: `cosface-edu check data/casia-webface`
    """
    from cosface_edu.data import check as look

    report = look(source, progress=True)
    say(str(report))
    if report.problems:
        raise typer.Exit(1)
