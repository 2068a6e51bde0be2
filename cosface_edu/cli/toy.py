"""`cosface-edu toy`: eight people, two features."""

from typing import Annotated

import typer
from rich.table import Table

from .common import console, plain_errors


@plain_errors
def toy(
    losses: Annotated[
        list[str] | None, typer.Argument(help="softmax, nsl, asoftmax, cosface, arcface [all five].")
    ] = None,
    m: Annotated[list[float] | None, typer.Option("--m", help="Margins to compare, instead of the loss's own.")] = None,
    s: Annotated[float | None, typer.Option("--s", help="Scale of NSL, CosFace and ArcFace.")] = None,
    seed: Annotated[int, typer.Option(help="Of start weights and order.")] = 0,
    source: Annotated[
        str, typer.Option(help="Which people: synthetic, lfw, or a folder under COSFACE_DATA such as faces8.")
    ] = "synthetic",
) -> None:
    """Eight people, two features: the experiment of the paper's Figure 4, in seconds.

    Prints accuracy and the angles between neighbouring people. Runs are cached.

    Examples: `cosface-edu toy`; `cosface-edu toy cosface --m 0 --m 0.1 --m 0.2`
    """
    from cosface_edu.experiments import toy as experiment

    scale = {} if s is None else {"s": s}
    runs = [
        experiment.cached(experiment.ToyConfig(loss=loss, m=margin, seed=seed, source=source, **scale))  # type: ignore[arg-type]
        for loss in losses or ["softmax", "nsl", "asoftmax", "cosface", "arcface"]
        for margin in (m or [None])  # type: ignore[list-item]
    ]
    rows = experiment.rows(runs)
    table = Table(*rows[0], padding=0)  # nine columns, whole in a terminal of 80
    for row in rows:
        table.add_row(*row.values())
    console.print(table)
