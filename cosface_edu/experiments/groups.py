"""Who a network works for: training crowds of chosen make-up from FaceWorld, and errors by group.

FaceWorld's people belong to groups whose members resemble each other. The groups have letters, not names: they are
no model of any real population. What they allow is an experiment that real data rarely does: change nothing but the
make-up of the training crowd. The book shows a record of it over several seeds, each with people of its own, made by

    cosface-edu record groups
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch import Tensor, nn

from cosface_edu import evaluation
from cosface_edu.data.images import to_bytes, to_float
from cosface_edu.experiments import record
from cosface_edu.experiments.kept import SHORT
from cosface_edu.faces import FaceWorld
from cosface_edu.training import train
from cosface_edu.training.batches import InMemory

RECORD = record.path_of("groups")

#: 120 people either way: as many of each group, or most of them of one.
CROWDS = {
    "balanced crowd": dict.fromkeys(FaceWorld.groups, 20),
    "skewed crowd": dict.fromkeys(FaceWorld.groups, 4) | {"A": 100},
}
#: Identity from which strangers are searched.
STRANGERS = 90_000
#: Every seed trains on other people and asks other strangers: its searches begin this many identities further on.
APART = 50_000
#: What is trained on each crowd.
SETTING = SHORT.replace(steps=260)


def people(counts: Mapping[str, int], first: int = 0, seed: int = 0) -> Tensor:
    """The first identities from `first` on that make up a crowd.

    Args:
        counts: how many people of each group.
        first: identity to begin the search at.
        seed: of the world.

    Returns:
        Identities (N,) int64, group after group.

    Raises:
        ValueError: a group that FaceWorld does not have.
    """
    if unknown := set(counts) - set(FaceWorld.groups):
        raise ValueError(f"no group {', '.join(sorted(unknown))}: FaceWorld has {', '.join(FaceWorld.groups)}")
    world = FaceWorld(seed)
    searched = torch.arange(first, first + 40 * (sum(counts.values()) + 10))
    group = world.group(searched)
    return torch.cat([searched[group == FaceWorld.groups.index(name)][:count] for name, count in counts.items()])


def drawn(identities: Tensor, per_identity: int, size: tuple[int, int]) -> InMemory:
    """Faces of chosen identities of world 0, drawn once and kept in memory: a data set for `training.train`.

    Args:
        identities: (C,) int64, who; the one at place k gets label k.
        per_identity: pictures of each.
        size: (height, width).
    """
    images, _ = FaceWorld(0).sample_many(identities, per_identity, size)  # (N, 3, H, W)
    return InMemory.of(to_bytes(images), torch.arange(len(identities)).repeat_interleave(per_identity))


@dataclass(frozen=True)
class GroupErrors:
    """Errors of one group at a threshold that all groups share.

    Attributes:
        false_accepts: share of the group's impostor pairs (two people of the group) that are accepted.
        false_rejects: share of its genuine pairs that are rejected.
    """

    false_accepts: float
    false_rejects: float


def errors_by_group(
    network: nn.Module,
    size: tuple[int, int],
    per_group: int = 30,
    images: int = 6,
    far: float = 0.01,
    first: int = STRANGERS,
) -> dict[str, GroupErrors]:
    """Verify strangers of every group at one threshold.

    The threshold accepts at most a share `far` of all impostor pairs within groups, all groups counting alike;
    accepted are scores of at least the threshold.

    Args:
        network: trained.
        size: (height, width) of its images.
        per_group: strangers of each group.
        images: pictures of each stranger.
        far: false accept rate over all groups together.
        first: identity from which strangers are searched.

    Returns:
        Errors by the group's name.
    """
    scores, same = {}, {}
    for name in FaceWorld.groups:
        crowd = drawn(people({name: per_group}, first), images, size)
        features = evaluation.embed(network, to_float(crowd.images), precision="float32")
        pairs = torch.triu_indices(len(features), len(features), 1).T  # (P, 2)
        scores[name] = evaluation.cosine_scores(features, pairs).numpy()
        same[name] = (crowd.labels[pairs[:, 0]] == crowd.labels[pairs[:, 1]]).numpy()
    impostors = np.concatenate([scores[name][~same[name]] for name in scores])
    kept_out = np.quantile(impostors, 1 - far, method="higher")
    threshold = np.nextafter(kept_out, np.inf, dtype=kept_out.dtype)  # accepted are scores of at least this
    return {
        name: GroupErrors(
            float((scores[name][~same[name]] >= threshold).mean()), float((scores[name][same[name]] < threshold).mean())
        )
        for name in scores
    }


def run(crowd: str, seed: int) -> dict[str, GroupErrors]:
    """Train on one of the `CROWDS`, and count errors on strangers of every group.

    Args:
        crowd: a name of `CROWDS`.
        seed: of people, strangers, start weights and order; the strangers of a seed are the same for either crowd.

    Returns:
        Errors by group.
    """
    faces = drawn(people(CROWDS[crowd], first=seed * APART), SETTING.per_identity, SETTING.size)
    network = train(SETTING.replace(seed=seed), faces=faces, say=lambda line: None).network
    return errors_by_group(network, SETTING.size, first=STRANGERS + seed * APART)


def relative(runs: Sequence[Mapping[str, Any]], what: str) -> dict[str, np.ndarray]:
    """Each group's rate under the skewed crowd over its rate under the balanced one, seed by seed.

    Args:
        runs: of the record, each with crowd, seed, and by group its false accepts and false rejects.
        what: "false_accepts" or "false_rejects".

    Returns:
        By group (S,), one value a seed; 1 is "as under balance".
    """
    rates = {(run["crowd"], run["seed"]): run["groups"] for run in runs}
    seeds = sorted({seed for _, seed in rates})
    return {
        group: np.array(
            [rates["skewed crowd", s][group][what] / rates["balanced crowd", s][group][what] for s in seeds]
        )
        for group in FaceWorld.groups
    }


def main(
    seeds: Annotated[int, typer.Option(help="Seeds of each crowd.")] = 5,
    out: Annotated[Path, typer.Option(help="The record; runs of the same code that it holds are kept.")] = RECORD,
) -> None:
    """Train on both crowds with every seed, and keep the record after each."""
    found = record.Growing(
        out,
        __name__,
        SETTING.to_dict(),
        what="Errors by group of networks trained on a balanced and on a skewed crowd",
        command="cosface-edu record groups",
        data={"source": "faceworld", "crowds": CROWDS, "strangers of each group": 30},
    )
    done = {(kept["crowd"], kept["seed"]) for kept in found.runs}
    for seed in range(seeds):
        for crowd in CROWDS:
            if (crowd, seed) in done:
                continue
            errors = {group: asdict(made) for group, made in run(crowd, seed).items()}
            found.add({"crowd": crowd, "seed": seed, "groups": errors})
            typer.echo(f"{crowd}, seed {seed}: A {errors['A']}")


if __name__ == "__main__":
    typer.run(main)
