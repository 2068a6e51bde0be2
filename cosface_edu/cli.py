"""`cosface-edu`: the steps of the pipeline, one command each. The work is done by the rooms; this only asks them."""

import ast
import functools
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

# The rooms are imported inside the commands: `--help` should not wait for PyTorch.

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
console = Console()
#: Lines of text: wrapped by the terminal alone, so that a path stays whole in a pipe or a log.
tell = functools.partial(console.print, soft_wrap=True)
warning = Console(stderr=True)
CROP = (112, 96)  # the paper's, (height, width)


class Flip(StrEnum):
    """What to do with the features of the mirror image."""

    concat = "concat"
    sum = "sum"
    none = "none"


class Missing(StrEnum):
    """What to do with a picture in which no face is found."""

    skip = "skip"
    centre_crop = "centre-crop"
    fail = "fail"


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
EmbedderName = Annotated[
    str | None, typer.Option(help="module:function from (B, 3, H, W) RGB in [0, 1] to (B, D), instead of NETWORK.")
]
EmbedderSize = Annotated[str | None, typer.Option(help="HEIGHTxWIDTH of the embedder's images [112x96].")]
ReportFolder = Annotated[Path | None, typer.Option(help="Folder for report.json and report.html.")]
FlipOption = Annotated[Flip, typer.Option(help="Mirror image's features: concatenate (the paper), add, or leave.")]
PrecisionOption = Annotated[Precision, typer.Option(help="auto measures which is faster here.")]
Batch = Annotated[int, typer.Option(help="Images at a time.")]
Workers = Annotated[int, typer.Option(help="Processes that read images.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]


def plain_errors(command: Callable[..., None]) -> Callable[..., None]:
    """What went wrong in one line, and status 1, instead of a stack trace; mistakes in the code still show one."""

    @functools.wraps(command)
    def wrapped(*args: Any, **options: Any) -> None:
        try:
            command(*args, **options)
        except Exception as error:
            ours = type(error).__module__.startswith("cosface_edu")
            if not ours and not isinstance(error, ValueError | OSError):
                raise
            warning.print(f"[bold red]error:[/] {type(error).__name__}: {error}", highlight=False, soft_wrap=True)
            raise typer.Exit(1) from error

    return wrapped


def size_of(text: str) -> tuple[int, int]:
    """'112x96' to (112, 96), height first."""
    try:
        height, width = (int(side) for side in text.lower().replace("×", "x").split("x"))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not HEIGHTxWIDTH, such as 112x96") from None
    return height, width


@app.command()
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


@app.command()
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
    tell(f"[bold]{report.path}[/]: {report.kind}, {report.pictures:,} pictures of {report.identities:,} people")
    for fact in report.facts:
        tell(f"  {fact}")
    for problem in report.problems:
        tell(f"  [red]{problem}[/]")
    if report.problems:
        raise typer.Exit(1)


@app.command()
@plain_errors
def train(
    preset: Annotated[
        str, typer.Option(help="casia and large: the paper's two schedules, for GPUs. rehearsal: minutes on a CPU.")
    ] = "rehearsal",
    data: Annotated[
        str | None, typer.Option(help="Identity folders of aligned crops, a .rec file, 'faceworld'.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints (last.pt, best.pt) and TensorBoard.")] = Path(
        "runs/latest"
    ),
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from OUT/last.pt if it is there, exactly.")
    ] = False,
    loss: Annotated[str | None, typer.Option(help="softmax, nsl, asoftmax, cosface, arcface, …")] = None,
    s: Annotated[float | None, typer.Option(help="Scale: length that embeddings are brought to.")] = None,
    m: Annotated[float | None, typer.Option(help="Margin, in the loss's own unit (CosFace: cosine).")] = None,
    network: Annotated[
        str | None, typer.Option(help="sphereface4 … sphereface64, iresnet50, mobilefacenet, small, …")
    ] = (None),
    batch: Annotated[int | None, typer.Option(help="Images a step, over all GPUs and accumulated parts.")] = None,
    micro_batch: Annotated[
        int | None, typer.Option(help="Most images at once on one GPU; the rest of the batch is accumulated.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps.")] = None,
    lr: Annotated[float | None, typer.Option(help="Learning rate at the start.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, bf16 or fp16 (with a gradient scaler).")] = None,
    seed: Annotated[int | None, typer.Option(help="Of start weights, order and augmentation.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that decode images.")] = None,
    compile: Annotated[bool, typer.Option("--compile", help="torch.compile the network.")] = False,
    set: Annotated[
        list[str] | None, typer.Option("--set", help="Any field of the configuration, NAME=VALUE; may come often.")
    ] = None,
) -> None:
    """**Step 2.** Train a network with a large-margin loss.

    The loop is `cosface_edu/training/loop.py`, to be read from top to bottom. Accuracy in the log is measured without
    the margin. Some people of the training set are held out to validate on; LFW is never looked at.

    Examples:

    `cosface-edu train` (a rehearsal on FaceWorld, no data needed)

    `cosface-edu train --preset casia --data data/casia-aligned --out runs/casia`

    `cosface-edu train --preset casia --data data/casia-aligned --out runs/nsl --loss nsl --s 30 --set clip=5`

    On eight GPUs, centres split over them: `torchrun --nproc_per_node 8 -m cosface_edu.cli train --preset casia …`
    """
    from cosface_edu.training import distributed
    from cosface_edu.training import preset as named
    from cosface_edu.training import train as run

    config = named(preset)
    given: dict[str, Any] = {
        "data": data,
        "loss": loss,
        "network": network,
        "batch": batch,
        "micro_batch": micro_batch,
        "steps": steps,
    }
    given |= {"lr": lr, "precision": precision, "seed": seed, "workers": workers, "compile": compile or None}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    options = {} if loss is not None and loss != config.loss else dict(config.loss_options)
    options |= {name: value for name, value in (("s", s), ("m", m)) if value is not None}
    changes |= {"loss_options": options, **settings(set or [])}
    try:
        run(config.replace(**changes), out, resume, say=lambda line: tell(line, highlight=False))
    finally:
        distributed.finish()


def settings(texts: list[str]) -> dict[str, Any]:
    """'clip=5' and its like to values for a configuration.

    Raises:
        ValueError: for a field that a configuration does not have.
    """
    import dataclasses

    from cosface_edu.training import Config

    known = {f.name for f in dataclasses.fields(Config)}
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            raise ValueError(f"--set {text}: wanted NAME=VALUE with NAME one of {', '.join(sorted(known))}")
        try:
            values[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):  # a bare word
            values[name] = value
    return values


@app.command()
@plain_errors
def evaluate(
    networks: Networks = None,
    test: Annotated[str, typer.Option(help="Folder of aligned images, a .bin file, or 'faceworld'.")] = "faceworld",
    pairs: Annotated[Path | None, typer.Option(help="LFW's pairs.txt or pairsDevTest.txt, for a folder.")] = None,
    splits: Annotated[Path | None, typer.Option(help="YouTube Faces' splits.txt, for a folder of videos.")] = None,
    blufr: Annotated[
        Path | None, typer.Option(help="blufr_lfw_config.mat: BLUFR's protocol instead, on a folder of all of LFW.")
    ] = None,
    embedder: EmbedderName = None,
    size: EmbedderSize = None,
    out: ReportFolder = None,
    flip: FlipOption = Flip.concat,
    precision: PrecisionOption = Precision.auto,
    batch: Batch = 64,
    workers: Workers = 0,
    device: Device = "cpu",
) -> None:
    """**Step 3.** Verify pairs of faces: accuracy over ten folds, each threshold chosen on the other nine.

    Examples:

    `cosface-edu evaluate runs/casia --test data/lfw-aligned --pairs data/pairs.txt --out runs/casia/lfw`

    `cosface-edu evaluate runs/seed-0 runs/seed-1 runs/seed-2` (three networks together)

    `cosface-edu evaluate --embedder mine:embed --test data/lfw.bin`

    `cosface-edu evaluate runs/casia --test data/lfw-aligned --blufr data/blufr_lfw_config.mat`
    """
    from cosface_edu import evaluation

    measured, wanted, how = to_measure(networks or [], embedder, size, device)
    how |= {"flip": flip.value, "batch": batch, "workers": workers, "precision": precision.value, "progress": True}
    if blufr is not None:
        show(evaluation.evaluate_blufr(evaluation.Measured(measured, **how), test, blufr, wanted, out), out)
        return
    result = evaluation.evaluate(
        measured, evaluation.open_pairs(test, pairs, splits, wanted), out, test=Path(test).name, **how
    )
    figures = result.to_dict()
    table = Table("", f"{figures['test']}, {figures['pairs']:,} pairs")
    table.add_row("accuracy", f"{100 * figures['accuracy']:.2f} ± {100 * figures['standard_error']:.2f} %")
    low, high = figures["interval"]["low"], figures["interval"]["high"]
    table.add_row(f"95 % over {figures['interval']['over']}", f"{100 * low:.2f} … {100 * high:.2f} %")
    table.add_row("equal error rate", f"{100 * figures['eer']:.2f} %")
    for far, tar in figures["tar_at_far"].items():
        table.add_row(f"TAR at FAR {far}", f"{100 * tar:.2f} %")
    console.print(table)
    if out is not None:
        tell(f"report: {out / 'report.html'}")


@app.command()
@plain_errors
def identify(
    networks: Networks = None,
    probes: Annotated[
        str, typer.Option(help="Folder of identity folders: the faces to name. Or 'faceworld'.")
    ] = "faceworld",
    gallery: Annotated[
        Path | None, typer.Option(help="Folder of identity folders: those enrolled; other probes are unknown people.")
    ] = None,
    distractors: Annotated[
        str, typer.Option(help="Without a gallery, MegaFace's protocol: folder of strangers. Or 'faceworld'.")
    ] = "faceworld",
    embedder: EmbedderName = None,
    size: EmbedderSize = None,
    out: ReportFolder = None,
    flip: FlipOption = Flip.concat,
    precision: PrecisionOption = Precision.auto,
    batch: Batch = 64,
    workers: Workers = 0,
    device: Device = "cpu",
) -> None:
    """**Step 3, the other way.** Whose face is it, among those enrolled, or among up to a million strangers?

    With a gallery: rank k, and the open set, where nobody enrolled is an answer too. Without: MegaFace's protocol, one
    picture of the probe's person among distractors, whose features pass by in blocks.

    Examples:

    `cosface-edu identify runs/casia --probes data/facescrub-aligned --distractors data/strangers-aligned`

    `cosface-edu identify runs/casia --probes visitors-aligned --gallery staff-aligned --out runs/casia/staff`

    `cosface-edu identify runs/latest` (FaceWorld's people, no data needed)
    """
    from cosface_edu import evaluation

    opened, wanted, how = to_measure(networks or [], embedder, size, device)
    measured = evaluation.Measured(
        opened, flip=flip.value, precision=precision.value, batch=batch, workers=workers, progress=True, **how
    )
    if gallery is not None:
        show(evaluation.evaluate_identification(measured, probes, gallery, wanted, out), out)
    else:
        show(evaluation.evaluate_megaface(measured, probes, distractors, wanted, out), out)


def to_measure(
    paths: list[Path], embedder: str | None, size: str | None, device: str
) -> tuple[Any, tuple[int, int], dict[str, Any]]:
    """What is evaluated, the size of its images, and how they are to be prepared."""
    from cosface_edu import evaluation, networks
    from cosface_edu.training.checkpoint import open_network

    if (embedder is None) == (not paths):
        raise ValueError("give either a NETWORK or an --embedder")
    if embedder is not None:
        return evaluation.load_embedder(embedder), size_of(size or "112x96"), {"preprocess": None}
    opened = [open_network(path) for path in paths]
    if len(opened) == 1:
        return opened[0][0].to(device), opened[0][1], {}
    members, sizes = [network for network, _ in opened], [wanted for _, wanted in opened]
    if len(set(sizes)) == 1:
        return networks.Ensemble(members).to(device), sizes[0], {}
    # each takes what it needs from whole crops, or a picture made small for one would be enlarged for another
    whole = max(CROP[0], *(height for height, _ in sizes)), max(CROP[1], *(width for _, width in sizes))
    return networks.Ensemble(members, sizes).to(device), whole, {}


def show(report: dict[str, Any], out: Path | None) -> None:
    """A report of identification or BLUFR as a table."""
    table = Table("", report["test"])
    for name, count in report["counts"].items():
        table.add_row(name, f"{count:,}")
    for name, share in report["rows"].items():
        table.add_row(name, f"{100 * share:.2f} %")
    console.print(table)
    if out is not None:
        tell(f"report: {out / 'report.html'}")


@app.command()
@plain_errors
def embed(
    network: Network,
    source: Annotated[Path, typer.Argument(help="Folder of aligned crops, nested as you like.")],
    target: Annotated[Path, typer.Argument(help="File to write: .npz with `names` and `features`.")],
    flip: FlipOption = Flip.concat,
    batch: Batch = 64,
    workers: Workers = 0,
    device: Device = "cpu",
) -> None:
    """Turn aligned faces into features, to compare by cosine: `features[i] @ features[j]`, rows have length 1.

    Example: `cosface-edu embed runs/casia photos-aligned features.npz`
    """
    import numpy as np
    import torch

    from cosface_edu import evaluation
    from cosface_edu.data.pairs import Pictures, pictures_under
    from cosface_edu.files import atomically
    from cosface_edu.training.checkpoint import open_network

    paths = pictures_under(source)
    opened, size = open_network(network)
    pictures = Pictures(paths, size)
    features = evaluation.embed(opened.to(device), pictures, flip.value, batch=batch, workers=workers, progress=True)
    units = torch.nn.functional.normalize(features)  # (N, D)
    names = [str(path.relative_to(source)) for path in paths]
    with atomically(target) as part, part.open("wb") as file:
        np.savez(file, names=np.array(names), features=units.numpy())
    tell(f"{len(names):,} faces, {units.shape[1]} numbers each: {target}")


@app.command()
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
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*row.values())
    console.print(table)


@app.command()
@plain_errors
def rehearse(
    quick: Annotated[bool, typer.Option("--quick", help="One seed and less data: about a minute.")] = False,
    grid: Annotated[
        bool, typer.Option("--grid", help="Accuracy against scale and margin instead, on another world.")
    ] = False,
    many: Annotated[
        bool,
        typer.Option("--many", help="Many pictures of each person, exactly aligned: half an hour."),
    ] = False,
    real: Annotated[
        bool, typer.Option("--real", help="Photographs instead: casia-mini and lfw-dev under COSFACE_DATA.")
    ] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each loss.")] = 3,
    members: Annotated[
        int,
        typer.Option(
            min=1,
            help="With --real: networks of each result, each with its part of the face; judged alone and together.",
        ),
    ] = 1,
    loss: Annotated[
        list[str] | None, typer.Option(help="With --real: only this loss; may come often [softmax, nsl, cosface].")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="JSON file for the results.")] = None,
    work: Annotated[
        Path, typer.Option(help="Folder for scenes and crops; kept, so that a second run is faster.")
    ] = Path("runs/rehearsal"),
) -> None:
    """The whole pipeline without any data: FaceWorld scenes, MTCNN, training with three losses, verification.

    Each loss runs at its own best scale, found on another world; people in the test are never trained on.

    Example: `cosface-edu rehearse --out rehearsal.json`
    """
    from cosface_edu.experiments import rehearsal

    def say(line: str) -> None:
        tell(line, highlight=False)

    if quick + grid + many + real > 1:
        raise typer.BadParameter("--quick, --grid, --many and --real are four different rehearsals: choose one")
    if grid:
        report = rehearsal.grid(seeds=range(seeds), say=say)
    elif many:
        report = rehearsal.many(seeds, say=say)
    elif real:
        from cosface_edu import data

        report = rehearsal.real_faces(data.root(), work, seeds, members, loss or (), say)
    else:
        report = rehearsal.rehearse(quick, seeds, work, say)
    if not grid:
        console.print(rehearsal.table(report))
    if out is not None:
        rehearsal.write(report, out)
        tell(f"results: {out}")


if __name__ == "__main__":  # torchrun starts modules
    app()
