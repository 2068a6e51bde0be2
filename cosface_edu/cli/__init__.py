"""`cosface-edu`: the steps of the pipeline, one command and one file each. The work is done by the rooms."""

from cosface_edu.extras import need

need(__name__)

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from . import advise, align, check, embed, evaluate, identify, record, rehearse, toy, train


class Commands(TyperGroup):
    """The commands, on any terminal: what its encoding lacks, an arrow or a foreign name, is shown as '?'."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run a command."""
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")
        return super().main(*arguments, **options)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    help=(
        "CosFace from photographs to figures. Real data goes **align → train → evaluate**; "
        "`toy` and `rehearse` need no data at all and run on a laptop's processor."
    ),
)
for command in (
    align.align,
    check.check,
    train.train,
    evaluate.evaluate,
    identify.identify,
    embed.embed,
    toy.toy,
    advise.advise,
    record.record,
):
    app.command()(command)
app.add_typer(rehearse.app, name="rehearse")
