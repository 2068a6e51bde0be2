"""`cosface-edu record`: the book's recorded results, listed and made again."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from .common import plain_errors, say, tell


@plain_errors
def record(
    name: Annotated[str | None, typer.Argument(help="Which to make again; without a name all are listed.")] = None,
    out: Annotated[Path | None, typer.Option(help="JSON file to write instead of the book's own.")] = None,
) -> None:
    """Make a recorded result of the book again, or list all of them with command, commit and date.

    Examples: `cosface-edu record`; `cosface-edu record rehearsal --out mine.json`
    """
    from cosface_edu.experiments import catalogue
    from cosface_edu.files import file_to_write

    if out is not None:
        file_to_write(out)
    if name is not None:
        tell(f"record: {catalogue.make(name, out, say)}")
        return
    listed = list(catalogue.listed())
    if not listed:
        say("no records here: neither in a clone beside the package nor installed with it")
    for found in listed:
        when = f"  {found.date}, commit {found.commit}, code {found.state}"
        tell(Text.assemble((found.name, "bold"), when), highlight=False)
        tell(f"    {found.command}", highlight=False)
        if found.parents:
            tell(f"    put together from {', '.join(found.parents)}", highlight=False)
