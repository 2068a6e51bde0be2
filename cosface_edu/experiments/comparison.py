"""The rows of the CosFace paper's Tables 1 and 2 on FaceWorld: one network, the same batches, another loss each time.

`cosface-edu record loss-table` trains them all and writes `book/results/loss-table.json`, which the book shows together
with where and when it was made. A run takes some ten seconds of one processor core. What the paper
leaves open (s of A-Softmax-NormFea, the weights of the pair losses, batches for triplets) is our choice, not tuned.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cosface_edu import losses, networks
from cosface_edu.data.images import normalise
from cosface_edu.evaluation.embedding import cosine_scores, embed
from cosface_edu.evaluation.identification import identify
from cosface_edu.evaluation.verification import verify
from cosface_edu.experiments import record
from cosface_edu.faces import FaceWorld
from cosface_edu.losses import LambdaAnnealing

NAME = "loss-table"  # of the record
WORLD = 0


@dataclass(frozen=True)
class Setting:
    """What all rows share.

    Args:
        identities: people trained on.
        strangers: people tested on, none of them trained on.
        images: pictures of each person.
        people: persons a batch; each comes with `shots` pictures, so that pair losses find genuine pairs.
        shots: pictures of each person in a batch.
        steps: of SGD with momentum .9, weight decay 5e-4, the learning rate falling along half a cosine.
        rates: learning rates at the start; every row is trained with each, since no one rate suits all losses.
        embedding: D.
        pairs: genuine, and as many impostor, test pairs.
        size: (height, width) of the pictures.
    """

    identities: int = 100
    strangers: int = 100
    images: int = 16
    size: tuple[int, int] = (42, 36)
    people: int = 16
    shots: int = 4
    steps: int = 250
    rates: tuple[float, ...] = (0.1, 0.02)
    embedding: int = 64
    pairs: int = 3000


# Row of the book's table -> name in the registry and the head's arguments. "m4" losses are annealed (`_build`).
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "Softmax": ("softmax", {}),
    "Softmax + Contrastive": ("softmax_contrastive", {"weight_pairs": 1.0}),
    "Triplet": ("triplet", {}),
    "L-Softmax": ("lsoftmax", {"m": 4}),
    "Softmax + Center": ("softmax_center", {}),
    "A-Softmax": ("asoftmax", {"m": 4}),
    "A-Softmax-NormFea": ("asoftmax_normfea", {"m": 4, "s": 16.0}),
    "LMCL": ("cosface", {"s": 16.0, "m": 0.2}),
    "LMCL, features not normalised": ("cosface", {"s": None, "m": 0.2}),
    "NSL": ("nsl", {"s": 16.0}),
    "NSL, s = 64": ("nsl", {"s": 64.0}),
    "LMCL, s = 64": ("cosface", {"s": 64.0, "m": 0.2}),
}


def _build(name: str, options: dict[str, Any], setting: Setting) -> tuple[nn.Module, LambdaAnnealing | None]:
    annealing = None
    if losses.card(name).takes("annealing"):
        # λ falls as in the SphereFace solver, but to its floor of 5 within 60 % of so short a training.
        annealing = LambdaAnnealing(base=1000.0, gamma=199 / (0.6 * setting.steps), floor=5.0)
        options = options | {"annealing": annealing}
    return losses.create(name, in_features=setting.embedding, num_classes=setting.identities, **options), annealing


def train(row: str, images: Tensor, setting: Setting, seed: int, lr: float) -> tuple[nn.Module, float]:
    """One row.

    Args:
        row: a name of ROWS.
        images: (identities, images, 3, H, W) in [0, 1].
        setting: what all rows share.
        seed: of the start weights and of the batches; rows of one seed see the same batches.
        lr: learning rate at the start.

    Returns:
        The trained network, and the loss of the last step.
    """
    torch.manual_seed(seed)
    network = networks.toy(setting.embedding)
    head, annealing = _build(*ROWS[row], setting)
    parameters = [*network.parameters(), *head.parameters()]
    optimiser = torch.optim.SGD(parameters, lr, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, setting.steps)
    draw = torch.Generator().manual_seed(seed)
    network.train()
    for _ in range(setting.steps):
        people = torch.randperm(setting.identities, generator=draw)[: setting.people]
        shots = torch.rand(setting.people, setting.images, generator=draw).argsort(1)[:, : setting.shots]
        batch = images[people[:, None], shots].flatten(0, 1)  # (people·shots, 3, H, W)
        mirrored = torch.rand(len(batch), generator=draw) < 0.5
        batch[mirrored] = batch[mirrored].flip(-1)
        loss = head(network(normalise(batch)), people.repeat_interleave(setting.shots))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if annealing:
            annealing.step()
    return network.eval(), loss.item()


def test(network: nn.Module, images: Tensor, setting: Setting) -> dict[str, float]:
    """Verification on pairs of strangers, and identification of each against one enrolled picture, in per cent.

    Args:
        network: trained, in evaluation mode.
        images: (strangers, images, 3, H, W) in [0, 1].
        setting: what all rows share.
    """
    people, shots = images.shape[:2]
    features = embed(network, images.flatten(0, 1), precision="float32")  # (people·shots, 2D)
    owner = torch.arange(people).repeat_interleave(shots)
    pairs, same = _pairs(people, shots, setting.pairs)
    result = verify(cosine_scores(features, pairs), same)
    first = torch.arange(0, people * shots, shots)  # the enrolled picture of each
    probes = torch.ones(len(owner), dtype=torch.bool)
    probes[first] = False
    found = identify(features[probes], owner[probes], features[first], owner[first])
    return {
        "accuracy": 100 * result.accuracy,
        "standard_error": 100 * float(result.standard_error),
        "tar_at_far_1e-2": 100 * result.tar_at_far(0.01),
        "rank1": 100 * found.rank(1),
    }


def _pairs(people: int, shots: int, n: int) -> tuple[Tensor, Tensor]:
    """n genuine and n impostor pairs of rows, the same on every call: (2n, 2) and (2n,)."""
    draw = torch.Generator().manual_seed(0)
    who = torch.randint(people, (n,), generator=draw)
    two = torch.rand(n, shots, generator=draw).argsort(1)[:, :2]
    genuine = who[:, None] * shots + two
    apart = torch.rand(n, people, generator=draw).argsort(1)[:, :2]
    impostor = apart * shots + torch.randint(shots, (n, 2), generator=draw)
    return torch.cat([genuine, impostor]), torch.arange(2 * n) < n


Wanted = tuple[str, int, float]  # row, seed, learning rate


def compare(setting: Setting, wanted: Sequence[Wanted], say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """The wanted runs: a row each.

    Args:
        setting: what all rows share.
        wanted: which rows, rates and seeds.
        say: takes a line of progress.
    """
    world = FaceWorld(seed=WORLD)
    everybody = torch.arange(setting.identities + setting.strangers)
    images, _ = world.sample_many(everybody, setting.images, setting.size)
    images = images.unflatten(0, (-1, setting.images))  # (people, images, 3, H, W)
    known, strangers = images[: setting.identities], images[setting.identities :]
    for row, seed, lr in wanted:
        began = time.perf_counter()
        network, loss = train(row, known, setting, seed, lr)
        run = {"row": row, "seed": seed, "lr": lr, "loss": loss, "seconds": time.perf_counter() - began}
        run |= test(network, strangers, setting)
        say(f"{row}, seed {seed}, rate {lr:g}: {run['accuracy']:.2f} %, rank-1 {run['rank1']:.1f} %")
        yield run


def made(setting: Setting, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The record of the runs so far.

    Args:
        setting: what all rows share.
        runs: what `compare` found.
    """
    return record.new(
        __name__,
        what="The losses of the paper's Tables 1 and 2 on FaceWorld: one network, the same batches, each loss in turn",
        command="cosface-edu record loss-table",
        data={
            "source": "FaceWorld",
            "world_seed": WORLD,
            "people": setting.identities,
            "images": setting.identities * setting.images,
            "unseen_people": setting.strangers,
            "pairs": 2 * setting.pairs,
        },
        config=_config(setting),
        seeds=sorted({run["seed"] for run in runs}),
        seconds=sum(run["seconds"] for run in runs),
        note="the seconds are the sum over the runs, training alone",
        runs=runs,
    )


def _config(setting: Setting) -> dict[str, Any]:
    return asdict(setting) | {"rows": {row: {"name": name, **options} for row, (name, options) in ROWS.items()}}


def record_table(
    seeds: int = 2,
    setting: Setting | None = None,
    out: str | os.PathLike[str] = NAME,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train and test every row for so many seeds, each run recorded at once; an interrupted call goes on where it was.

    Args:
        seeds: runs of each row at each learning rate.
        setting: what all rows share.
        out: the record, see `record.path_of`.
        say: takes a line of progress.

    Returns:
        The record.
    """
    setting, path = setting or Setting(), record.path_of(out)
    runs, _ = record.begun(path, __name__, _config(setting))
    done = {(run["row"], run["seed"], run["lr"]) for run in runs}
    wanted = [(row, seed, lr) for seed in range(seeds) for lr in setting.rates for row in ROWS]
    for run in compare(setting, [run for run in wanted if run not in done], say):
        runs.append(run)
        record.save(path, made(setting, runs))
    return record.load(path)
