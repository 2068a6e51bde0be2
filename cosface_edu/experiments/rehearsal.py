"""The whole pipeline with no data but FaceWorld: scenes, detection, alignment, three losses, verification.

Every step is the one that real data takes. Scenes are written as JPEG files and aligned by MTCNN like photographs;
each loss is trained by `train`; verification is of people who were never trained on, in LFW's shape. What is trained
and on how much is in `settings`, how runs are trained and judged in `runs`, what they say together in `statistics`.
"""

import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from cosface_edu import evaluation
from cosface_edu.align import align_folder
from cosface_edu.data import FolderDataset, Pairs, to_bytes
from cosface_edu.data.images import encode_jpeg
from cosface_edu.experiments import cache, record
from cosface_edu.experiments.runs import THREADS, Material, Say, run_all, tar_at
from cosface_edu.experiments.settings import (
    FULL,
    GRID_WORLD,
    MANY,
    MANY_FARS,
    MANY_RECIPES,
    PLAIN_EPOCHS,
    QUICK,
    REAL,
    REAL_CHANGES,
    REAL_CROP,
    REAL_EPOCHS,
    REAL_VIEWS,
    RECIPES,
    SCENE,
    UNSEEN_PICTURES,
    Recipes,
    Size,
    recipe,
)
from cosface_edu.experiments.statistics import compared
from cosface_edu.faces import FaceWorld, FaceWorldDataset, Stretched
from cosface_edu.faces.stretched import WIDTHS
from cosface_edu.files import write_atomically
from cosface_edu.networks import Ensemble
from cosface_edu.training import load_network, preset
from cosface_edu.training.batches import InMemory, Part

Record = dict[str, Any]
WORK = Path("runs/rehearsal")


def draw_scenes(size: Size, work: Path, world_seed: int = 0) -> Path:
    """Write scenes as a photographer would hand them in: one folder a person, one JPEG a picture.

    Args:
        size: how many people and pictures.
        work: where the scenes' folder is made.
        world_seed: which world.

    Returns:
        The folder. What is drawn, and by which code, is in its name; a person whose last picture is there is not drawn
        again.
    """
    shown = {"people": size.people + size.unseen, "pictures": size.pictures, "scene": SCENE, "world": world_seed}
    folder = work / f"scenes-{cache.key('cosface_edu.faces', **shown)[:8]}"
    world = FaceWorld(seed=world_seed)
    for person in range(size.people + size.unseen):
        own = folder / f"{person:04d}"
        if (own / f"{size.pictures - 1:03d}.jpg").exists():
            continue
        own.mkdir(parents=True, exist_ok=True)
        images, _ = world.scenes([person], size.pictures, SCENE)  # (n, 3, 160, 160)
        for number, pixels in enumerate(to_bytes(images)):
            write_atomically(own / f"{number:03d}.jpg", encode_jpeg(pixels))
    return folder


def rehearse(quick: bool = False, seeds: int = 3, work: str | os.PathLike[str] = WORK, say: Say = print) -> Record:
    """Draw, align, train with three losses, verify.

    Args:
        quick: one seed, few people: shows that the pipeline runs, not which loss is better.
        seeds: runs of each loss.
        work: folder for scenes and crops.
        say: takes a line of progress.

    Returns:
        The record: every run, and for each loss the mean with its interval over seeds.
    """
    size, seeds, began = (QUICK, 1, time.perf_counter()) if quick else (FULL, seeds, time.perf_counter())
    work = Path(work) / ("quick" if quick else "full")
    scenes = draw_scenes(size, work)
    crops = work / f"crops-{cache.key('cosface_edu.align', of=scenes.name)[:8]}"
    everyone = size.people + size.unseen
    say(f"{everyone * size.pictures:,} scenes of {everyone} people in {scenes}")
    aligned = align_folder(scenes, crops, progress=False)
    say(f"MTCNN found and aligned {aligned.aligned:,} of {aligned.total:,} faces")
    faces = InMemory(FolderDataset(crops, preset("rehearsal").size))
    training = Part(faces, torch.arange(size.people))
    unseen = Part(faces, torch.arange(size.people, size.people + size.unseen))
    pairs = evaluation.draw_pairs(unseen, size.pairs)
    return _compared(
        RECIPES,
        size,
        training,
        pairs,
        seeds,
        say,
        began,
        what="FaceWorld rehearsal: scenes, MTCNN, alignment, training, verification of unseen people",
        data=_counts(size, 0, training, pairs) | {"faces_found": aligned.aligned, "scenes": aligned.total},
        command=f"cosface-edu rehearse {'quick' if quick else f'faceworld --seeds {seeds}'}",
    )


def _compared(
    recipes: Recipes,
    size: Size,
    training: Part,
    pairs: Pairs,
    seeds: int,
    say: Say,
    began: float,
    fars: Sequence[float] = (),
    **named: Any,
) -> Record:
    """Every loss with every seed, as a record: runs, and each loss's mean with its interval by each measure."""
    configs = [
        recipe(loss, options, seed, len(training), size.epochs)
        for loss, options in recipes.items()
        for seed in range(seeds)
    ]
    runs = run_all(configs, {configs[0].size: Material(training, pairs)}, say, fars=fars)
    rates = {f"TAR at FAR {far}": compared(runs, partial(tar_at, far=far)) for far in fars}
    return record.new(
        __name__,
        **named,
        config=configs[-1].replace(seed=0).to_dict(),
        seeds=range(seeds),
        seconds=time.perf_counter() - began,
        threads=THREADS,
        runs=runs,
        statistics={"accuracy": compared(runs), **rates},
    )


def _counts(size: Size, world_seed: int, training: Part, pairs: Pairs) -> dict[str, Any]:
    return {
        "source": "FaceWorld",
        "world_seed": world_seed,
        "people": size.people,
        "images": len(training),
        "unseen_people": size.unseen,
        "pairs": len(pairs),
    }


def exactly_aligned(size: Size, world_seed: int) -> tuple[Part, Pairs]:
    """Crops as FaceWorld draws them, no detector in between: to train on, and pairs of strangers.

    Args:
        size: how many people and pictures.
        world_seed: which world.

    Returns:
        A training set, and pairs to verify.
    """
    shape = preset("rehearsal").size
    known = InMemory(FaceWorldDataset(size.people, size.pictures, shape, world_seed))
    pictures = min(size.pictures, UNSEEN_PICTURES)
    unseen = InMemory(FaceWorldDataset(size.unseen, pictures, shape, world_seed, first=100_000))
    strangers = Part(unseen, torch.arange(size.unseen))
    return Part(known, torch.arange(size.people)), evaluation.draw_pairs(strangers, size.pairs)


def many(seeds: int = 3, size: Size = MANY, say: Say = print) -> Record:
    """The comparison where each person has many pictures and a network sees each of them a few times only.

    On exactly aligned crops of world 0.

    Args:
        seeds: runs of each loss.
        size: how much to draw and train.
        say: takes a line of progress.

    Returns:
        A record as of `rehearse`.
    """
    began = time.perf_counter()
    training, pairs = exactly_aligned(size, 0)
    say(f"{len(training):,} pictures of {size.people} people, {len(pairs):,} pairs of {size.unseen} others")
    return _compared(
        MANY_RECIPES,
        size,
        training,
        pairs,
        seeds,
        say,
        began,
        MANY_FARS,
        what="FaceWorld, many pictures of each person: three losses, verification of unseen people",
        data=_counts(size, 0, training, pairs),
        command=f"cosface-edu rehearse many --seeds {seeds}",
    )


def grid(
    scales: Sequence[float] = (4.0, 8.0, 16.0, 30.0),
    margins: Sequence[float] = (0.0, 0.2, 0.35),
    seeds: Sequence[int] = (0, 1),
    size: Size = FULL,
    world_seed: int = GRID_WORLD,
    say: Say = print,
) -> Record:
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
    return record.new(
        __name__,
        what="FaceWorld: verification accuracy on unseen people against scale and margin",
        command=f"cosface-edu rehearse grid --seeds {len(seeds)}",
        data=_counts(size, world_seed, training, pairs),
        config=recipe("cosface", {}, 0, len(training), size.epochs).to_dict(),
        seeds=seeds,
        seconds=time.perf_counter() - began,
        threads=THREADS,
        runs=runs,
    )


def real_faces(
    root: Path,
    work: str | os.PathLike[str] = WORK,
    seeds: int = 3,
    members: int = 1,
    losses: Sequence[str] = (),
    plain: bool = False,
    say: Say = print,
) -> Record:
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
        plain: the people as they are, none stretched into more, and networks that all look at the whole face.
        say: takes a line of progress.

    Raises:
        ValueError: no recipe has the name of a loss asked for.
    """
    began, work, losses = time.perf_counter(), Path(work), losses or tuple(REAL)
    if unknown := sorted(set(losses) - REAL.keys()):
        raise ValueError(f"no recipe for {', '.join(unknown)}: choose from {', '.join(REAL)}")
    lfw, crops = root / "lfw-dev", work / "lfw-dev"
    align_folder(lfw / "lfw", crops, REAL_CROP, missing="centre-crop", progress=False)
    open_pairs = partial(evaluation.open_pairs, crops, lfw / "pairsDevTest.txt")
    pictures = FolderDataset(root / "casia-mini", REAL_CROP)
    views, widths, epochs = (REAL_VIEWS[:1], (1.0,), PLAIN_EPOCHS) if plain else (REAL_VIEWS, WIDTHS, REAL_EPOCHS)
    parts = len(views)
    configs = [  # a view that comes again gets a new seed; the first of each result is what members = 1 would train
        recipe(
            *(loss, REAL[loss], result + seeds * (member // parts), len(pictures), epochs),
            **REAL_CHANGES | {"size": views[member % parts]},
        )
        for loss in losses
        for result in range(seeds)
        for member in range(members)
    ]
    kind = "casia-mini-plain" if plain else "casia-mini"
    outs = [work / f"{kind}-{c.loss}-{'x'.join(map(str, c.size))}-{c.seed}" for c in configs]
    say(f"{len(pictures):,} photographs of {pictures.num_classes} people, each as {len(widths)}")
    material = {
        size: Material(InMemory(Stretched(pictures, size, widths)), open_pairs(size=size))
        for size in dict.fromkeys(config.size for config in configs)
    }
    runs = run_all(configs, material, say, outs)
    pairs = open_pairs(size=REAL_CROP)
    found: dict[str, Any] = {"runs": runs, "statistics": {"accuracy": compared(runs)}}
    if members > 1:
        groups = [outs[start : start + members] for start in range(0, len(outs), members)]
        named = [loss for loss in losses for _ in range(seeds)]
        found["together"] = [_together(*group, pairs, say) for group in zip(named, groups, strict=True)]
    return record.new(
        __name__,
        what="Real faces: trained on casia-mini, verified on LFW's development pairs (pairsDevTest)",
        command=" ".join(
            [
                f"cosface-edu rehearse real{' --plain' if plain else ''}",
                f"--seeds {seeds} --members {members}",
                *(f"--loss {loss}" for loss in losses),
            ]
        ),
        data={
            "source": "casia-mini; lfw-dev, pairsDevTest",
            "people": pictures.num_classes,
            "images": len(pictures),
            "copies": len(widths),
            "pairs": len(pairs),
        },
        config=configs[-1].replace(seed=0).to_dict(),
        seeds=sorted({config.seed for config in configs}),
        seconds=time.perf_counter() - began,
        threads=THREADS,
        note="the settings were chosen on the pairs that judge them",
        **found,
    )


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
