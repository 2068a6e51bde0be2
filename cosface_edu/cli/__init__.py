"""`cosface-edu`: the steps of the pipeline, one command and one file each. The work is done by the rooms."""

from cosface_edu.extras import need

need(__name__)

import typer

from . import align, check, embed, evaluate, identify, record, rehearse, toy, train

app = typer.Typer(
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
    record.record,
):
    app.command()(command)
app.add_typer(rehearse.app, name="rehearse")
