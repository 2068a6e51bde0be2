"""What a margin is for: people that the toy never saw, on the circle of the eight that it was trained on.

The toy's own pictures show the people of the training set, and of those a loss may make what it likes. Here each
trained toy is asked about strangers as well, at two scales and with many seeds. Training all of it takes about half an
hour of one processor core, so that the book shows a record, made once by

    cosface-edu record strangers
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor, nn

from cosface_edu import evaluation
from cosface_edu.experiments import record, toy
from cosface_edu.experiments.toy import ToyConfig, ToyRun
from cosface_edu.faces import FaceWorld
from cosface_edu.geometry import plane

Array = NDArray[np.float64]
RECORD = record.path_of("strangers")

PEOPLE, IMAGES, FIRST = 40, 12, 1000  # strangers, pictures of each, and their first identity in FaceWorld
DRAWN = 8  # strangers whose directions a record keeps: as many as there are people to train on
FAR = 0.01


def settings() -> list[ToyConfig]:
    """What is trained with each seed: softmax, A-Softmax as annealed, LMCL from m = 0 (NSL) to past the bound."""
    margins = (0.0, 0.1, 0.2, 0.35)
    return [
        ToyConfig(loss="softmax"),
        ToyConfig(loss="asoftmax"),
        *(ToyConfig(loss="cosface", m=m, s=s) for s in (10.0, 64.0) for m in margins),
    ]


def more_features() -> list[ToyConfig]:
    """The same people with more features than can be drawn: does a margin serve strangers there?"""
    return [replace(ToyConfig(loss="cosface", m=m, s=64.0), features=D) for D in (4, 16) for m in (0.0, 0.2)]


def strangers(size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Pictures of people that no toy is trained on, (P·n, 3, H, W) in [0, 1], and who they are, (P·n,).

    Args:
        size: (height, width) of the pictures.

    Returns:
        Images (P·n, 3, H, W) and labels (P·n,).
    """
    images, _ = FaceWorld(0).sample_many(range(FIRST, FIRST + PEOPLE), IMAGES, size)
    return images, torch.arange(PEOPLE).repeat_interleave(IMAGES)


def pair_rates(features: Tensor, owner: Tensor) -> dict[str, float]:
    """How well cosine scores of all pairs tell one person from two.

    Args:
        features: (N, D).
        owner: (N,) who is seen.

    Returns:
        "eer" and "tar" at a false accept rate of 1 %, shares; "within" and "between", the mean angle in degrees between
        two pictures of one person, and the smallest angle between the mean directions of two people.
    """
    unit = torch.nn.functional.normalize(features.double(), dim=1)
    first, second = torch.triu_indices(len(unit), len(unit), 1)
    scores = (unit[first] * unit[second]).sum(dim=1).clamp(-1, 1)
    same = owner[first] == owner[second]
    result = evaluation.verify(scores.numpy(), same.numpy())
    means = torch.stack([unit[owner == person].mean(dim=0) for person in owner.unique()])
    means = torch.nn.functional.normalize(means, dim=1)
    nearest = (means @ means.T).fill_diagonal_(-1).max().clamp(-1, 1)
    return {
        "eer": result.eer,
        "tar": result.tar_at_far(FAR),
        "within": math.degrees(scores[same].acos().mean()),
        "between": math.degrees(nearest.acos()),
    }


def measure(run: ToyRun, network: nn.Module) -> dict[str, Any]:
    """All that the record keeps of one toy, JSON values.

    Args:
        run: a trained toy.
        network: its network.

    Returns:
        Figures by name.
    """
    config = run.config
    images, owner = strangers(config.size)
    features = evaluation.embed(network, images, flip="none", precision="float32", batch=256)  # (N, D)
    row: dict[str, Any] = {"loss": config.loss, "m": config.m, "s": config.s, "D": config.features, "seed": config.seed}
    row |= {"train": run.train_accuracy, "test": run.test_accuracy, "margin_met": run.margin_met()}
    row["known"] = pair_rates(torch.from_numpy(run.test_features[-1]), torch.from_numpy(run.test_labels))
    row["strangers"] = pair_rates(features, owner)
    if config.features == 2:
        row["centre_gap"] = float(np.degrees(run.centre_gaps().min()))
        row["cloud_gap"] = float(np.degrees(run.cloud_gaps().mean()))
        row["cloud_gap_test"] = float(np.degrees(run.cloud_gaps(split="test").mean()))
        if config.seed == 0:  # for the picture
            shown = owner < DRAWN
            known = np.flatnonzero(np.arange(len(run.test_labels)) % config.test < IMAGES)
            row["degrees"] = {
                "centres": np.degrees(plane.angles_of(run.centres[-1])).round(1).tolist(),
                "known": np.degrees(plane.angles_of(run.test_features[-1][known])).round(1).tolist(),
                "known_owner": run.test_labels[known].tolist(),
                "strangers": np.degrees(plane.angles_of(features[shown].numpy())).round(1).tolist(),
                "strangers_owner": owner[shown].tolist(),
            }
    return row


def _name(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["loss"], row["m"], row["s"], row["D"], row["seed"]


def trained_and_measured(config: ToyConfig) -> dict[str, Any]:
    """Train one setting and measure it; on the processor, where many fit side by side.

    Args:
        config: of the toy.

    Returns:
        Figures by name.
    """
    return measure(*toy.train_network(config, device="cpu"))


def _rows(configs: Sequence[ToyConfig], workers: int) -> Iterator[dict[str, Any]]:
    if workers == 1:
        yield from map(trained_and_measured, configs)
        return
    toy.faces_of(configs[0])  # drawn and kept here, once, instead of in every process
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(trained_and_measured, configs)


def main(
    seeds: Annotated[int, typer.Option(help="Seeds of each setting in two dimensions.")] = 8,
    more_seeds: Annotated[int, typer.Option(help="Seeds of each setting with more features.")] = 4,
    workers: Annotated[int, typer.Option(help="Trainings side by side, one to a core.")] = 1,
    out: Annotated[Path, typer.Option(help="The record; runs of the same code that it holds are kept.")] = RECORD,
) -> None:
    """Train every setting with every seed, seed after seed, and keep the record after each."""
    found = record.Growing(
        out,
        __name__,
        {"toy": asdict(ToyConfig()), "far": FAR},
        what="Toys of eight people at two scales and many margins, judged on people that they never saw",
        command="cosface-edu record strangers",
        data={"source": "faceworld", "people": 8, "strangers": PEOPLE, "pictures of each": IMAGES},
        threads=1,
    )
    configs = [
        replace(config, seed=seed)
        for seed in range(max(seeds, more_seeds))
        for config in [*(settings() if seed < seeds else ()), *(more_features() if seed < more_seeds else ())]
    ]
    kept = {_name(run) for run in found.runs}
    missing = [c for c in configs if (c.loss, c.m, c.s, c.features, c.seed) not in kept]
    for row in _rows(missing, workers) if missing else ():
        found.add(row)
        said = f"{row['loss']}, m = {row['m']}, s = {row['s']:g}, {row['D']} features, seed {row['seed']}"
        typer.echo(f"{said}: strangers' EER {row['strangers']['eer']:.3f}")


if __name__ == "__main__":
    typer.run(main)
