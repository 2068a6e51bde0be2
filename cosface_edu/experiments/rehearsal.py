"""The whole pipeline with no data but FaceWorld: scenes, detection, alignment, three losses, verification.

Every step is the one that real data takes. Scenes are written as JPEG files and aligned by MTCNN like photographs;
each loss is trained by `train`; verification is of people who were never trained on, in LFW's shape.

A fair comparison runs each loss at its own best scale: CosFace with s and m against NSL with CosFace's s would credit
the margin with what the scale did. The settings in `RECIPES` were chosen by `grid` on another world, with other people;
its results are recorded with the book.
"""

import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from rich.table import Table
from scipy import stats

from cosface_edu import __version__, evaluation
from cosface_edu.align import align_folder
from cosface_edu.data import Faces, FolderDataset, Pairs, to_bytes
from cosface_edu.data.images import encode_jpeg
from cosface_edu.faces import FaceWorld, FaceWorldDataset, Stretched
from cosface_edu.faces.stretched import WIDTHS
from cosface_edu.files import write_atomically
from cosface_edu.networks import Ensemble
from cosface_edu.training import Config, load_network, preset, train
from cosface_edu.training.batches import InMemory, Part

#: Each loss at its best on world 1 (see `grid`), to be judged on world 0.
RECIPES: dict[str, dict[str, float]] = {"softmax": {}, "nsl": {"s": 4.0}, "cosface": {"s": 8.0, "m": 0.35}}
GRID_WORLD = 1

#: The same where there are many pictures of each person, see `many`; from single runs, on world 1 too.
MANY_RECIPES: dict[str, dict[str, float]] = {"softmax": {}, "nsl": {"s": 12.0}, "cosface": {"s": 16.0, "m": 0.2}}

# Real faces: few and varied, so that more is changed in them and for longer, features are dropped, and people are made
# of people: see `Stretched`.
REAL: dict[str, dict[str, float]] = {"softmax": {}, "nsl": {"s": 30.0}, "cosface": {"s": 30.0, "m": 0.2}}
REAL_EPOCHS = 75  # over the pictures as they are: with K copies of each person each is seen 75 / K times
REAL_CROP = (112, 96)  # of casia-mini, and what lfw-dev is aligned to
#: Networks of one result look at the centre of crops of these sizes, in turns: the whole face, 0.8 and 0.67 of it.
REAL_VIEWS = ((56, 48), (70, 60), (84, 72))
REAL_CHANGES: dict[str, Any] = {
    "data": "casia-mini",
    "crop": 3,
    "colour": 0.3,
    "occlude": 0.5,
    "lr_warm_up": 100,
    "network_options": {"dropout": 0.4, "centre": REAL_VIEWS[0]},
}
Say = Callable[[str], None]


class Judged(NamedTuple):
    """What came of one run.

    Attributes:
        verification: of people it never saw.
        seconds: of training.
        known: share of its training pictures, unchanged, whose score without a margin is highest for their class: how
            much of them it has learned by heart.
        tar: true-accept rate over all pairs of the strangers' pictures, at each false-accept rate asked for.
    """

    verification: evaluation.Verification
    seconds: float
    known: float
    tar: dict[float, float]


class Material(NamedTuple):
    """What a run trains on and is judged by, in images of one size.

    Attributes:
        faces: to train on.
        pairs: to verify.
    """

    faces: Faces
    pairs: Pairs


@dataclass(frozen=True)
class Size:
    """How much is drawn and trained.

    Attributes:
        people: to train on.
        pictures: scenes of each person.
        unseen: other people, to verify.
        pairs: genuine pairs of these, and as many impostor pairs.
        epochs: passes over the training crops.
    """

    people: int
    pictures: int
    unseen: int
    pairs: int
    epochs: float


FULL = Size(people=200, pictures=10, unseen=60, pairs=1500, epochs=20)
QUICK = Size(people=40, pictures=6, unseen=20, pairs=200, epochs=15)
MANY = Size(people=200, pictures=200, unseen=500, pairs=10_000, epochs=2.5)
UNSEEN_PICTURES = 10  # of each stranger, at most: more people say more than more pictures of them
MANY_FARS = (1e-3, 1e-4)
SCENE = (160, 160)


def draw_scenes(size: Size, folder: Path, world_seed: int = 0) -> None:
    """Write scenes as a photographer would hand them in: one folder a person, one JPEG a picture.

    Args:
        size: how many people and pictures.
        folder: where to; a person whose last picture is there is not drawn again.
        world_seed: which world.
    """
    world = FaceWorld(seed=world_seed)
    for person in range(size.people + size.unseen):
        own = folder / f"{person:04d}"
        if (own / f"{size.pictures - 1:03d}.jpg").exists():
            continue
        own.mkdir(parents=True, exist_ok=True)
        images, _ = world.scenes([person], size.pictures, SCENE)  # (n, 3, 160, 160)
        for number, pixels in enumerate(to_bytes(images)):
            write_atomically(own / f"{number:03d}.jpg", encode_jpeg(pixels))


def recipe(loss: str, options: dict[str, float], seed: int, images: int, epochs: float, **changes: Any) -> Config:
    """The rehearsal's configuration: the same for every loss but for the loss itself."""
    base = preset("rehearsal").replace(**changes)
    return base.replace(
        loss=loss, loss_options=options, seed=seed, held_out=0, steps=math.ceil(images * epochs / base.batch)
    )


def judge(
    configs: Sequence[Config],
    material: Mapping[tuple[int, int], Material],
    outs: Sequence[Path | None] = (),
    fars: Sequence[float] = (),
) -> Iterator[Judged]:
    """Train each configuration and verify pairs with its network, side by side on a processor.

    Small networks gain little from a second thread: two runs of one thread each, side by side, are done sooner than two
    runs of two threads, one after the other. A run's numbers do not depend on how many cores there are.

    Args:
        configs: the runs.
        material: what to train on and to verify, for each size of images among them.
        outs: a folder for each run, where it goes on if it was stopped; without folders nothing is kept.
        fars: false-accept rates over all pairs of the pairs' images, whose labels must say who is who.

    Yields:
        What came of each run, in the order of `configs`.
    """
    jobs = list(zip(configs, outs or [None] * len(configs), strict=True))
    workers = 1 if torch.cuda.is_available() else min(len(jobs), os.cpu_count() or 1)
    if workers == 1:
        _lay_out(material, fars)
        yield from map(_judged, jobs)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _lay_out, (material, fars)) as pool:
        yield from pool.map(_judged, jobs)


_laid_out: tuple[Mapping[tuple[int, int], Material], Sequence[float]]  # of this process


def _lay_out(material: Mapping[tuple[int, int], Material], fars: Sequence[float]) -> None:
    """What every run of a process needs, sent to it once."""
    global _laid_out
    _laid_out = material, fars


def _judged(job: tuple[Config, Path | None]) -> Judged:
    (config, out), (material, fars) = job, _laid_out
    faces, pairs = material[config.size]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in one order, and no more threads than cores
    try:
        run = train(config, out, resume=True, faces=faces, say=lambda line: None)
        result = evaluation.evaluate(run.network, pairs, precision="float32", samples=1)
        features = evaluation.embed(run.network, faces, flip="none", precision="float32")
        classes = torch.as_tensor(faces.labels).unique(return_inverse=True)[1]
        with torch.no_grad():
            right = run.head.logits(features.to(run.head.weight.device)).argmax(dim=1).cpu() == classes
        tar = {}
        if fars:
            strangers = evaluation.embed(run.network, pairs.images, precision="float32")
            tar = {far: evaluation.tar_over_all_pairs(strangers, pairs.images.labels, far) for far in fars}
    finally:
        torch.set_num_threads(threads)
    return Judged(result.verification, run.seconds, float(right.float().mean()), tar)


def rehearse(
    quick: bool = False, seeds: int = 3, work: str | os.PathLike[str] = "runs/rehearsal", say: Say = print
) -> dict[str, Any]:
    """Draw, align, train with three losses, verify.

    Args:
        quick: one seed, few people: shows that the pipeline runs, not which loss is better.
        seeds: runs of each loss.
        work: folder for scenes and crops.
        say: takes a line of progress.

    Returns:
        The report: data, settings, hardware, every run, and for each loss the mean with its interval over seeds.
    """
    size, seeds, began = (QUICK, 1, time.perf_counter()) if quick else (FULL, seeds, time.perf_counter())
    work = Path(work) / ("quick" if quick else "full")
    draw_scenes(size, work / "scenes")
    everyone = size.people + size.unseen
    say(f"{everyone * size.pictures:,} scenes of {everyone} people in {work / 'scenes'}")
    aligned = align_folder(work / "scenes", work / "crops", progress=False)
    say(f"MTCNN found and aligned {aligned.aligned:,} of {aligned.total:,} faces")
    crops = InMemory(FolderDataset(work / "crops", preset("rehearsal").size))
    training = Part(crops, torch.arange(size.people))
    unseen = Part(crops, torch.arange(size.people, size.people + size.unseen))
    pairs = evaluation.draw_pairs(unseen, size.pairs)
    return {
        "what": "FaceWorld rehearsal: scenes, MTCNN, alignment, training, verification of unseen people",
        "data": _counts(size, 0, training, pairs) | {"faces_found": aligned.aligned, "scenes": aligned.total},
        "command": f"cosface-edu rehearse{' --quick' if quick else f' --seeds {seeds}'}",
        **provenance(),
        **_compare(RECIPES, size, training, pairs, seeds, say),
        "seconds": time.perf_counter() - began,
    }


def _compare(
    recipes: dict[str, dict[str, float]],
    size: Size,
    training: Part,
    pairs: Pairs,
    seeds: int,
    say: Say,
    fars: Sequence[float] = (),
) -> dict[str, Any]:
    """Every loss with every seed: configuration, runs, and each loss's mean with its interval."""
    configs = [
        recipe(loss, options, seed, len(training), size.epochs)
        for loss, options in recipes.items()
        for seed in range(seeds)
    ]
    runs = run_all(configs, {configs[0].size: Material(training, pairs)}, say, fars=fars)
    return {
        "config": configs[-1].replace(seed=0).to_dict(),
        "runs": runs,
        **compared(runs),
        "tar": {str(far): compared(runs, partial(tar_at, far=far)) for far in fars},
    }


def _counts(size: Size, world_seed: int, training: Part, pairs: Pairs) -> dict[str, int]:
    return {
        "world_seed": world_seed,
        "people": size.people,
        "images": len(training),
        "unseen_people": size.unseen,
        "pairs": len(pairs),
    }


def exactly_aligned(size: Size, world_seed: int) -> tuple[Part, Pairs]:
    """Crops as FaceWorld draws them, no detector in between: to train on, and pairs of strangers."""
    shape = preset("rehearsal").size
    known = InMemory(FaceWorldDataset(size.people, size.pictures, shape, world_seed))
    pictures = min(size.pictures, UNSEEN_PICTURES)
    unseen = InMemory(FaceWorldDataset(size.unseen, pictures, shape, world_seed, first=100_000))
    strangers = Part(unseen, torch.arange(size.unseen))
    return Part(known, torch.arange(size.people)), evaluation.draw_pairs(strangers, size.pairs)


def many(seeds: int = 3, size: Size = MANY, say: Say = print) -> dict[str, Any]:
    """The comparison where each person has many pictures and a network sees each of them a few times only.

    On exactly aligned crops of world 0.

    Args:
        seeds: runs of each loss.
        size: how much to draw and train.
        say: takes a line of progress.

    Returns:
        A report as of `rehearse`.
    """
    began = time.perf_counter()
    training, pairs = exactly_aligned(size, 0)
    say(f"{len(training):,} pictures of {size.people} people, {len(pairs):,} pairs of {size.unseen} others")
    return {
        "what": "FaceWorld, many pictures of each person: three losses, verification of unseen people",
        "data": _counts(size, 0, training, pairs),
        "command": f"cosface-edu rehearse --many --seeds {seeds}",
        **provenance(),
        **_compare(MANY_RECIPES, size, training, pairs, seeds, say, MANY_FARS),
        "seconds": time.perf_counter() - began,
    }


def grid(
    scales: Sequence[float] = (4.0, 8.0, 16.0, 30.0),
    margins: Sequence[float] = (0.0, 0.2, 0.35),
    seeds: Sequence[int] = (0, 1),
    size: Size = FULL,
    world_seed: int = GRID_WORLD,
    say: Say = print,
) -> dict[str, Any]:
    """Accuracy against scale and margin (the paper's Fig. 5, with the scale told apart), and softmax beside it.

    On exactly aligned crops of another world than `rehearse` judges on. A margin of 0 is NSL.

    Args:
        scales: values of s.
        margins: values of m.
        seeds: runs of each.
        size: how much to draw and train.
        world_seed: which world.
        say: takes a line of progress.
    """
    began = time.perf_counter()
    training, pairs = exactly_aligned(size, world_seed)
    points: list[tuple[str, dict[str, float]]] = [("softmax", {})]
    points += [("cosface", {"s": s, "m": m}) if m else ("nsl", {"s": s}) for s in scales for m in margins]
    configs = [recipe(loss, options, seed, len(training), size.epochs) for seed in seeds for loss, options in points]
    runs = run_all(configs, {configs[0].size: Material(training, pairs)}, say)
    return {
        "what": "FaceWorld: verification accuracy on unseen people against scale and margin",
        "data": _counts(size, world_seed, training, pairs),
        "config": recipe("cosface", {}, 0, len(training), size.epochs).to_dict(),
        "command": f"cosface-edu rehearse --grid --seeds {len(seeds)}",
        **provenance(),
        "seconds": time.perf_counter() - began,
        "runs": runs,
    }


def real_faces(
    root: Path,
    work: str | os.PathLike[str] = "runs/rehearsal",
    seeds: int = 3,
    members: int = 1,
    losses: Sequence[str] = (),
    say: Say = print,
) -> dict[str, Any]:
    """The same comparison on photographs: train on `root/casia-mini`, verify LFW's development pairs in `root/lfw-dev`.

    The settings `REAL…`, the parts of the face among them, come from runs judged by the same pairs, so the results are
    flattered a little. No step of a run is chosen by them, and LFW's ten folds (view 2) are not touched.

    Args:
        root: folder of real data, see `data.root`.
        work: folder for crops and checkpoints; a run that was stopped goes on.
        seeds: results of each loss.
        members: networks of each result. With several, each looks at its part of the face, see `REAL_VIEWS`, and all
            are also judged together, see `networks.Ensemble`.
        losses: names in `REAL`; none for all of them.
        say: takes a line of progress.
    """
    began, work, losses = time.perf_counter(), Path(work), losses or tuple(REAL)
    if unknown := sorted(set(losses) - REAL.keys()):
        raise ValueError(f"no recipe for {', '.join(unknown)}: choose from {', '.join(REAL)}")
    lfw, crops = root / "lfw-dev", work / "lfw-dev"
    align_folder(lfw / "lfw", crops, REAL_CROP, missing="centre-crop", progress=False)
    open_pairs = partial(evaluation.open_pairs, crops, lfw / "pairsDevTest.txt")
    pictures = FolderDataset(root / "casia-mini", REAL_CROP)
    parts = len(REAL_VIEWS)
    configs = [  # a view that comes again gets a new seed; the first of each result is what members = 1 would train
        recipe(
            *(loss, REAL[loss], result + seeds * (member // parts), len(pictures), REAL_EPOCHS),
            **REAL_CHANGES | {"size": REAL_VIEWS[member % parts]},
        )
        for loss in losses
        for result in range(seeds)
        for member in range(members)
    ]
    outs = [work / f"casia-mini-{c.loss}-{'x'.join(map(str, c.size))}-{c.seed}" for c in configs]
    say(f"{len(pictures):,} photographs of {pictures.num_classes} people, who are stretched to {len(WIDTHS)} each")
    material = {
        size: Material(InMemory(Stretched(pictures, size)), open_pairs(size=size))
        for size in dict.fromkeys(config.size for config in configs)
    }
    runs = run_all(configs, material, say, outs)
    pairs = open_pairs(size=REAL_CROP)
    report = {
        "what": "Real faces: trained on casia-mini, verified on LFW's development pairs (pairsDevTest)",
        "data": {
            "people": pictures.num_classes,
            "images": len(pictures),
            "copies": len(WIDTHS),
            "pairs": len(pairs),
        },
        "config": configs[-1].replace(seed=0).to_dict(),
        "command": " ".join(
            [
                "cosface-edu rehearse --real",
                f"--seeds {seeds}",
                f"--members {members}",
                *(f"--loss {x}" for x in losses),
            ]
        ),
        **provenance(),
        "runs": runs,
    }
    if members > 1:
        groups = [outs[start : start + members] for start in range(0, len(outs), members)]
        named = [loss for loss in losses for _ in range(seeds)]
        report["together"] = [_together(*group, pairs, say) for group in zip(named, groups, strict=True)]
    return report | compared(runs) | {"seconds": time.perf_counter() - began}


def _together(loss: str, outs: Sequence[Path], pairs: Pairs, say: Say) -> dict[str, Any]:
    """Several networks of one loss as one."""
    networks, configs = zip(*map(load_network, outs), strict=True)
    ensemble = Ensemble(networks, [config.size for config in configs])
    found = evaluation.evaluate(ensemble, pairs, precision="float32", samples=1).verification
    say(f"{loss}, {len(outs)} networks together: {100 * found.accuracy:.2f} % of pairs right")
    return {
        "loss": loss,
        "members": len(outs),
        "accuracy": found.accuracy,
        "standard_error": float(found.standard_error),
        "eer": found.eer,
        "auc": found.auc,
    }


def run_all(
    configs: Sequence[Config],
    material: Mapping[tuple[int, int], Material],
    say: Say,
    outs: Sequence[Path | None] = (),
    fars: Sequence[float] = (),
) -> list[dict[str, Any]]:
    """`judge`, each run as a row of a report, and said as it ends."""
    runs = []
    for config, judged in zip(configs, judge(configs, material, outs, fars), strict=True):
        runs.append(described(config, judged))
        say(said(runs[-1]))
    return runs


def compared(
    runs: Sequence[dict[str, Any]], value: Callable[[dict[str, Any]], float] = itemgetter("accuracy")
) -> dict[str, Any]:
    """Mean and interval of each loss over its seeds, and of what CosFace is ahead of it with the same seeds."""
    by_loss: dict[str, list[float]] = {}
    for run in runs:
        by_loss.setdefault(run["loss"], []).append(value(run))
    cosface = by_loss.get("cosface", [])
    return {
        "losses": {loss: summary(values) for loss, values in by_loss.items()},
        "cosface_minus": {
            loss: summary([ours - its for ours, its in zip(cosface, values, strict=True)])
            for loss, values in by_loss.items()
            if cosface and loss != "cosface"
        },
    }


def setting(run: dict[str, Any]) -> str:
    """A run's scale and margin, such as 's = 8, m = 0.35'; a dash where the loss has neither."""
    return ", ".join(f"{name} = {run[name]:g}" for name in ("s", "m") if name in run) or "–"


def described(config: Config, judged: Judged) -> dict[str, Any]:
    """One run as a row of a report."""
    return {
        "loss": config.loss,
        **config.loss_options,
        "seed": config.seed,
        "size": config.size,
        "accuracy": judged.verification.accuracy,
        "standard_error": float(judged.verification.standard_error),
        "eer": judged.verification.eer,
        "auc": judged.verification.auc,
        "known": judged.known,
        "tar": {str(far): rate for far, rate in judged.tar.items()},
        "training_seconds": judged.seconds,
    }


def said(run: dict[str, Any]) -> str:
    """A row of a report as a line of progress."""
    height, width = run["size"]
    return (
        f"{run['loss']}, {setting(run)}, seed {run['seed']}, images of {height}x{width}: "
        f"{100 * run['accuracy']:.2f} % of pairs right, {100 * run['known']:.1f} % of the training pictures, "
        f"{run['training_seconds']:.0f} s"
    )


def summary(values: Sequence[float], level: float = 0.95) -> dict[str, Any]:
    """Mean over seeds with Student's interval; none for a single seed, which says nothing of the spread."""
    mean = float(np.mean(values))
    found: dict[str, Any] = {"mean": mean, "values": [float(v) for v in values]}
    if len(values) > 1:
        half = float(stats.t.ppf((1 + level) / 2, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values)))
        found |= {"low": mean - half, "high": mean + half, "level": level}
    return found


def provenance() -> dict[str, Any]:
    """Where and when a result was computed."""
    return {
        "cosface_edu": __version__,
        "torch": torch.__version__,
        "hardware": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "threads": 1,  # of each run, see `judge`
        },
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def tar_at(run: dict[str, Any], far: float) -> float:
    """A run's true-accept rate at a false-accept rate that was asked for; JSON has the latter as text."""
    return float(run["tar"][str(far)])


def measures(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a report compares losses by: 'accuracy', and 'TAR at FAR 0.001' and the like where it was measured."""
    return {"accuracy": report} | {f"TAR at FAR {far}": found for far, found in report.get("tar", {}).items()}


def table(report: dict[str, Any]) -> Table:
    """A report of `rehearse`, `many` or `real_faces` as a table."""
    by = measures(report)
    columns = [column for name in by for column in (name, "CosFace minus it")]
    rows = Table("loss", "setting", *columns, title=f"{report['data']['pairs']:,} pairs")
    settings = {run["loss"]: setting(run) for run in report["runs"]}
    for loss in report["losses"]:
        cells = []
        for found in by.values():
            difference = found["cosface_minus"].get(loss)
            cells += [interval(found["losses"][loss]), interval(difference) if difference else ""]
        rows.add_row(loss, settings[loss], *cells)
    together: dict[tuple[str, int], list[float]] = {}
    for group in report.get("together", ()):
        together.setdefault((group["loss"], group["members"]), []).append(group["accuracy"])
    for (loss, members), accuracies in together.items():
        rows.add_row(f"{loss}, {members} networks together", settings[loss], interval(summary(accuracies)), "")
    return rows


def interval(found: dict[str, Any]) -> str:
    """'98.61 % (98.10 … 99.12)', or the mean alone."""
    mean, *ends = (round(100 * found[name], 2) + 0.0 for name in ("mean", "low", "high") if name in found)  # no -0.00
    return f"{mean:.2f} %" + (f" ({ends[0]:.2f} … {ends[1]:.2f})" if ends else "")


def write(report: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a report as JSON, whole or not at all."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_atomically(Path(path), (json.dumps(report, indent=1) + "\n").encode())
