"""`cosface-edu rehearse …`: the rehearsals, a sub-command each, so that every option does something."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from .common import console, plain_errors, say, tell

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help=(
        "The whole pipeline without any data: FaceWorld scenes, MTCNN, training with three losses, verification. "
        "Each loss runs at its own best scale, found on another world; people in the test are never trained on. "
        "Examples: `cosface-edu rehearse quick`; `cosface-edu rehearse faceworld --out rehearsal.json`"
    ),
)
Seeds = Annotated[int, typer.Option(min=1, help="Runs of each loss.")]
Out = Annotated[Path | None, typer.Option(help="JSON file for the record.")]
Work = Annotated[Path, typer.Option(help="Folder for scenes, crops and runs; kept, so that a second run is faster.")]
WORK = Path("runs/rehearsal")


@app.command()
@plain_errors
def quick(out: Out = None, work: Work = WORK) -> None:
    """One seed and few people, in about a minute: shows that everything runs, not which loss is better."""
    from cosface_edu.experiments import rehearsal

    ready(out, work)
    finish(rehearsal.rehearse(quick=True, work=work, say=say), out)


@app.command()
@plain_errors
def faceworld(seeds: Seeds = 3, out: Out = None, work: Work = WORK) -> None:
    """From scenes to figures, about eight minutes on two cores.

    Example: `cosface-edu rehearse faceworld --out rehearsal.json`
    """
    from cosface_edu.experiments import rehearsal

    ready(out, work)
    finish(rehearsal.rehearse(seeds=seeds, work=work, say=say), out)


@app.command()
@plain_errors
def grid(seeds: Seeds = 2, out: Out = None) -> None:
    """Accuracy against scale and margin, on another world, exactly aligned: what the settings are chosen by."""
    from cosface_edu.experiments import rehearsal

    ready(out)
    finish(rehearsal.grid(seeds=range(seeds), say=say), out)


@app.command()
@plain_errors
def many(seeds: Seeds = 3, out: Out = None) -> None:
    """Many pictures of each person, exactly aligned: half an hour."""
    from cosface_edu.experiments import rehearsal

    ready(out)
    finish(rehearsal.many(seeds, say=say), out)


@app.command()
@plain_errors
def real(
    seeds: Seeds = 3,
    members: Annotated[
        int,
        typer.Option(min=1, help="Networks of each result, each with its part of the face; judged alone and together."),
    ] = 1,
    loss: Annotated[
        list[str] | None, typer.Option(help="Only this loss; may come often [softmax, nsl, cosface].")
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="People as they are, not stretched into more; networks see the whole face.")
    ] = False,
    out: Out = None,
    work: Work = WORK,
) -> None:
    """Photographs instead: casia-mini and lfw-dev under COSFACE_DATA.

    Example: `cosface-edu rehearse real --members 3 --loss cosface`
    """
    from cosface_edu import data
    from cosface_edu.experiments import rehearsal

    ready(out, work)
    finish(rehearsal.real_faces(data.root(), work, seeds, members, loss or (), plain, say), out)


def ready(out: Path | None, work: Path | None = None) -> None:
    """Refuse places that cannot be written to before the work whose results are to go there."""
    from cosface_edu.files import file_to_write, folder_to_write

    if work is not None:
        folder_to_write(work)
    if out is not None:
        file_to_write(out)


def finish(found: dict[str, Any], out: Path | None) -> None:
    """Show what was found, and record it where that is wanted."""
    from cosface_edu.experiments import record

    if "statistics" in found:
        console.print(table(found))
    if out is not None:
        tell(f"record: {record.save(out, found)}")


def table(found: dict[str, Any]) -> Table:
    """A record of `rehearse`, `many` or `real_faces` as a table."""
    from cosface_edu.experiments.settings import setting
    from cosface_edu.experiments.statistics import interval, percent

    by = found["statistics"]
    columns = [column for name in by for column in (name, "CosFace minus it")]
    rows = Table("loss", "setting", *columns, title=f"{found['data']['pairs']:,} pairs")
    settings = {run["loss"]: setting(run) for run in found["runs"]}
    for loss in by["accuracy"]["losses"]:
        cells = []
        for measured in by.values():
            difference = measured["cosface_minus"].get(loss)
            cells += [percent(measured["losses"][loss]), percent(difference) if difference else ""]
        rows.add_row(loss, settings[loss], *cells)
    together: dict[tuple[str, int], list[float]] = {}
    for group in found.get("together", ()):
        together.setdefault((group["loss"], group["members"]), []).append(group["accuracy"])
    for (loss, members), accuracies in together.items():
        rows.add_row(f"{loss}, {members} networks together", settings[loss], percent(interval(accuracies)), "")
    return rows
