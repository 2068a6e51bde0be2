"""What the commands share: options, how they speak, and how they say what went wrong."""

import functools
import re
import warnings
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

# The rooms are imported inside the commands: `--help` should not wait for PyTorch.

# Messages name files, and `faces [v2]`, `a[/b]` or `:smile:.jpg` are names: nothing printed is read as rich's markup.
console = Console(markup=False, emoji=False)
#: Lines of text: wrapped by the terminal alone, so that a path stays whole in a pipe or a log.
tell = functools.partial(console.print, soft_wrap=True)
_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # of characters; those between stand for bytes
# Control characters but for the new line and the tab, and those that change the direction of what is written.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
warning = Console(stderr=True, markup=False, emoji=False)


class Flip(StrEnum):
    """What to do with the features of the mirror image."""

    concat = "concat"
    sum = "sum"
    none = "none"


class Precision(StrEnum):
    """Arithmetic of the network when it is evaluated."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


# Options that several commands share.
Network = Annotated[Path, typer.Argument(help="A run's folder, a checkpoint, .safetensors, or a released .pth.")]
Networks = Annotated[
    list[Path] | None,
    typer.Argument(
        help="A run's folder, a checkpoint, .safetensors, or a released .pth. Several are judged together: "
        "the mean of their cosines.",
    ),
]
OwnNetworks = Annotated[
    list[str] | None,
    typer.Option(
        "--own-network",
        metavar="MODULE:CALLABLE",
        help="Your own code that NETWORK's file may name as what builds it: it is imported and called. May come often.",
    ),
]
EmbedderName = Annotated[
    str | None, typer.Option(help="module:function from (B, 3, H, W) RGB in [0, 1] to (B, D), instead of NETWORK.")
]
EmbedderSize = Annotated[str | None, typer.Option(help="HEIGHTxWIDTH of the embedder's images [112x96].")]
ReportFolder = Annotated[Path | None, typer.Option(help="Folder for report.json and report.html.")]
FlipOption = Annotated[Flip, typer.Option(help="Mirror image's features: concatenate (the paper), add, or leave.")]
PrecisionOption = Annotated[Precision, typer.Option(help="auto measures which is faster here.")]
Batch = Annotated[int, typer.Option(min=1, help="Images at a time.")]
Workers = Annotated[int, typer.Option(min=0, help="Processes that read images.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1 or mps.")]


#: What torch says where the machine lacks something, in the midst of its own stack trace -> what to do.
OF_THE_MACHINE = {
    "unable to allocate shared memory": (
        "the processes that decode images (--workers) hand them over in shared memory, /dev/shm, which is full here: "
        "give it more (docker run --shm-size 2g), fewer --workers, or --workers 0"
    ),
    "No working C++ compiler": (
        "--compile needs a C++ compiler (such as g++ or clang), and none was found: install one, or leave --compile out"
    ),
}


def plain_errors(command: Callable[..., None]) -> Callable[..., None]:
    """What went wrong in one line, and status 1, instead of a stack trace; mistakes in the code still show one.

    Warnings of the package are lines too.
    """

    @functools.wraps(command)
    def wrapped(*args: Any, **options: Any) -> None:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = functools.partial(_show, warnings.showwarning)
                command(*args, **options)
        except Exception as error:
            ours = type(error).__module__.startswith("cosface_edu")
            if remedy := next((remedy for sign, remedy in OF_THE_MACHINE.items() if sign in str(error)), None):
                error = RuntimeError(remedy)
            elif not ours and not isinstance(error, ValueError | OSError):
                raise
            warning.print("error:", style="bold red", end=" ")
            warning.print(shown(f"{type(error).__name__}: {error}"), highlight=False, soft_wrap=True)
            raise typer.Exit(1) from error

    return wrapped


def warn(line: str) -> None:
    """A line about what may be wrong; a new line in a name is written out, or the rest would look like another."""
    warning.print("warning:", style="bold yellow", end=" ")
    warning.print(shown(line.replace("\n", "\\n")), highlight=False, soft_wrap=True)


def _show(usual: Callable[..., None], message: Warning, category: type[Warning], filename: str, *more: Any) -> None:
    """The package's own warnings as lines for a reader, not as places in its code; others as ever."""
    if Path(filename).is_relative_to(Path(__file__).parents[1]):
        warn(str(message))
    else:
        usual(message, category, filename, *more)


def size_of(text: str) -> tuple[int, int]:
    """'112x96' to (112, 96), height first."""
    try:
        height, width = (int(side) for side in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not HEIGHTxWIDTH, such as 112x96") from None
    if height < 1 or width < 1:
        raise typer.BadParameter(f"{text!r}: an image has at least one pixel each way")
    return height, width


def say(line: str, style: str | None = None) -> None:
    """A line as it is: of progress, or with names of files in it."""
    tell(shown(line), highlight=False, style=style)


def shown(text: str) -> str:
    """Text for the terminal, whatever is in the names and files that it repeats.

    Bytes of file names that are no UTF-8, and halves of characters, cannot be printed and are shown as such. What a
    terminal would obey (move the cursor, wipe the screen, write from right to left) is written out, as Python writes
    it: \\x1b; new lines and tabs stay.
    """
    text = _HALVES.sub("\ufffd", text).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def to_measure(
    paths: list[Path], own: list[str], embedder: str | None, size: str | None, device: str
) -> tuple[Any, tuple[int, int], dict[str, Any]]:
    """What is evaluated, the size of its images, and how they are to be prepared."""
    from cosface_edu import evaluation
    from cosface_edu.devices import device_named
    from cosface_edu.training.checkpoint import open_network

    where = device_named(device)
    if (embedder is None) == (not paths):
        raise ValueError("give either a NETWORK or an --embedder")
    if embedder is None and size is not None:
        raise ValueError("--size is that of an --embedder's images, and a NETWORK's file says its own: leave it out")
    if embedder is not None and own:
        raise ValueError("--own-network is what a NETWORK's file may name, and an --embedder has none: leave it out")
    if embedder is not None:
        return evaluation.load_embedder(embedder), size_of(size or "112x96"), {"preprocess": None}
    network, wanted = evaluation.as_one([open_network(path, own) for path in paths])
    return network.to(where), wanted, {}


def show(title: str, rows: Mapping[str, str], out: Path | None) -> None:
    """Figures as a table of two columns, and where the report lies."""
    table = Table("", shown(title))
    for name, value in rows.items():
        table.add_row(shown(name), shown(value))
    console.print(table)
    if out is not None:
        say(f"report: {out / 'report.html'}")


def show_report(report: dict[str, Any], out: Path | None) -> None:
    """A report of identification or BLUFR."""
    counts = {name: f"{count:,}" for name, count in report["counts"].items()}
    shares = {name: f"{100 * share:.2f} %" for name, share in report["rows"].items()}
    show(report["test"], counts | shares, out)
