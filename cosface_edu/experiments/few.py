"""Many people with three pictures each: what a scale and a margin make of them, and what the training loss says.

The question of those who have such data, on drawn people and small: the scale and the margin that `geometry.advise`
names, settings from papers, and softmax beside them. Made once by

    cosface-edu record few-pictures
"""

from pathlib import Path
from typing import Any

import torch

from cosface_edu import evaluation
from cosface_edu.data import Pairs
from cosface_edu.experiments import record
from cosface_edu.experiments.runs import THREADS, Say
from cosface_edu.experiments.settings import recipe
from cosface_edu.faces import FaceWorldDataset
from cosface_edu.training import preset, train
from cosface_edu.training.batches import InMemory, Part

NAME = "few-pictures"
PEOPLE, PICTURES, EPOCHS = 400, 3, 20
STRANGERS, STRANGERS_PICTURES, PAIRS = 100, 10, 3000
FAR = 1e-3
LAST = 20  # steps, over which the training loss at the end is averaged
#: Softmax; the first two tries of `geometry.advise` for these people and 128 features; AM-Softmax's and ArcFace's own.
SETTINGS: tuple[tuple[str, dict[str, float]], ...] = (
    ("softmax", {}),
    ("nsl", {"s": 11.0}),
    ("cosface", {"s": 14.0, "m": 0.2}),
    ("cosface", {"s": 30.0, "m": 0.35}),
    ("arcface", {"s": 64.0, "m": 0.5}),
)


def main(out: Path, seeds: int = 2, say: Say = print) -> None:
    """Train every setting, seed after seed, and keep the record after each; what it holds of this code is kept.

    Args:
        out: the record.
        seeds: of each setting.
        say: takes a line of progress.
    """
    faces, pairs = material()
    found = record.Growing(
        out,
        __name__,
        recipe("softmax", {}, 0, PEOPLE * PICTURES, EPOCHS, log_every=1).to_dict(),
        what=f"{PEOPLE} drawn people with {PICTURES} pictures each: scales and margins, judged on strangers",
        command=f"cosface-edu record {NAME}",
        data={
            "source": "FaceWorld",
            "world_seed": 0,
            "people": PEOPLE,
            "images": len(faces),
            "unseen_people": STRANGERS,
            "pairs": len(pairs),
        },
        threads=THREADS,
        note="two seeds show large differences only",
    )
    done = {(run["loss"], run.get("s"), run["seed"]) for run in found.runs}
    for seed in range(seeds):
        for loss, options in SETTINGS:
            if (loss, options.get("s"), seed) in done:
                continue
            row = judged(loss, options, seed, faces, pairs)
            found.add(row)
            say(
                f"{loss} {options}, seed {seed}: loss {row['first_loss']:.2f} to {row['last_loss']:.2f}, "
                f"TAR of strangers {100 * row['tar']:.1f} %"
            )


def material() -> tuple[Part, Pairs]:
    """Whom all settings learn from, and pairs of strangers."""
    shape = preset("rehearsal").size
    faces = Part(InMemory(FaceWorldDataset(PEOPLE, PICTURES, shape)), torch.arange(PEOPLE))
    others = InMemory(FaceWorldDataset(STRANGERS, STRANGERS_PICTURES, shape, first=100_000))
    return faces, evaluation.draw_pairs(Part(others, torch.arange(STRANGERS)), PAIRS)


def judged(loss: str, options: dict[str, float], seed: int, faces: Part, pairs: Pairs) -> dict[str, Any]:
    """One setting trained and judged: a row of the record.

    Args:
        loss: its name.
        options: its s and m.
        seed: of the run.
        faces: of `material`.
        pairs: of `material`.
    """
    run = train(recipe(loss, options, seed, len(faces), EPOCHS, log_every=1), faces=faces, say=lambda line: None)
    labels = torch.as_tensor(faces.labels)
    features = evaluation.embed(run.network, faces, flip="none", precision="float32")
    with torch.no_grad():
        plain, with_margin = (run.head.logits(features, *asked).argmax(dim=1) == labels for asked in ((), (labels,)))
    strangers = evaluation.embed(run.network, pairs.images, precision="float32")
    verified = evaluation.evaluate(run.network, pairs, precision="float32", samples=1).verification
    losses = [step["loss"] for step in run.history]
    return {
        "loss": loss,
        **options,
        "seed": seed,
        "first_loss": losses[0],
        "last_loss": sum(losses[-LAST:]) / LAST,
        "known": float(plain.float().mean()),
        "met": float(with_margin.float().mean()),
        "accuracy": verified.accuracy,
        "tar": evaluation.tar_over_all_pairs(strangers, pairs.images.labels, FAR),
        "training_seconds": run.seconds,
    }
