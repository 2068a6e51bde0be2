"""Real faces: each loss at its own scale on four times the people, then the best single network of ten minutes.

Settings are chosen on CFP's frontal-profile pairs, one seed; then five seeds each, judged once on LFW's development
pairs, which chose nothing. Last, the chosen CosFace in larger networks, chosen and judged by the same two lists.

It reads `celeba-1000`, `cfp` with its lists and `lfw-dev-aligned` in COSFACE_DATA. To carry these to another machine,
make them small first; pictures of 56×48 are all that the job looks at:

    python -m cosface_edu.experiments.jobs.faces $COSFACE_DATA small-faces
"""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from tqdm import tqdm

from cosface_edu import data, evaluation
from cosface_edu.align import align_folder
from cosface_edu.evaluation import Verification
from cosface_edu.experiments.settings import REAL_CHANGES, REAL_CROP
from cosface_edu.training import Config, preset, train
from cosface_edu.training.batches import InMemory
from cosface_edu.training.diagnose import TrainingDiverged

from . import Job
from .sweep import SIZE, TRIED, Row, best, done, sweep

FACES, LFW = "celeba-1000", "lfw-dev-aligned"
CHOSEN_ON, JUDGED_ON = "cfp-fp", "pairsDevTest"
LISTS = {CHOSEN_ON: ("cfp", "cfp-fp.txt"), "cfp-ff": ("cfp", "cfp-ff.txt"), JUDGED_ON: (LFW, "pairsDevTest.txt")}
FARS = (0.01, 0.001)
CHOSEN_BY = "tar_0.01"

FIRST, OTHERS = ("softmax", "nsl", "cosface"), ("arcface",)  # the losses whose comparison is asked for come first
SEEDS = (0, 1, 2, 3, 4)
EPOCHS, LARGE_EPOCHS = 25.0, 60.0
NETWORKS = ("sphereface20", "mobilefacenet", "iresnet18")


def run(job: Job) -> dict[str, Any]:
    """As long as the minutes allow; the next minutes go on."""
    faces, lists = photographs(job), judges(job)
    base = configuration(job, len(faces))

    def one(what: Row, config: Config) -> Row:
        try:
            trained = train(config, faces=faces, say=lambda line: None)
        except TrainingDiverged as error:
            return {"diverged": error.step}
        seen = {name: pairs for name, pairs in lists.items() if name != JUDGED_ON or what["part"] != "search"}
        return {"known": trained.history[-1]["accuracy"]} | {
            name: figures(verified(trained.network, pairs)) for name, pairs in seen.items()
        }

    people = len(faces.labels.unique())
    found: dict[str, Any] = {
        "data": {"source": FACES, "people": people, "pictures": len(faces), "lists": list(LISTS)},
        "config": base.to_dict(),
    }
    return sweep(job, "faces", lambda rows: queue(base, rows), one, found)


def photographs(job: Job) -> InMemory:
    """The real people to train on, on the job's device."""
    return InMemory(data.open(data.root() / FACES, SIZE, yields="people", on_broken="skip"), job.device)


def judges(job: Job) -> dict[str, data.Pairs]:
    """The lists of pairs, decoded once and kept on the job's device."""
    found = {}
    for name, (where, pairs) in LISTS.items():
        opened = evaluation.open_pairs(data.root() / where, data.root() / pairs, size=SIZE)
        kept = InMemory(opened.images, job.device)
        found[name] = data.Pairs(kept, opened.first, opened.second, opened.same, opened.fold)
    return found


def verified(network: torch.nn.Module, pairs: data.Pairs) -> Verification:
    """A network on a list; one that comes as a single fold is dealt into ten."""
    pictures: torch.Tensor = pairs.images.images  # type: ignore[attr-defined]
    features = evaluation.embed(network.eval(), pictures, precision="float32", batch=1024)
    scores = evaluation.cosine_scores(features, torch.stack([pairs.first, pairs.second], dim=1))
    folds = pairs.fold.numpy() if len(pairs.fold.unique()) > 1 else 10
    return evaluation.verify(scores, pairs.same, folds)


def figures(result: Verification) -> dict[str, float]:
    """What a list of pairs says of a network."""
    rates = {f"tar_{far:g}": result.tar_at_far(far) for far in FARS if far * (~result.same).sum() >= 1}
    return {
        "accuracy": result.accuracy,
        "standard_error": float(result.standard_error),
        "auc": result.auc,
    } | rates


def configuration(job: Job, pictures: int) -> Config:
    """The rehearsal's for real faces, with batches for a GPU; the same for every loss but for the loss itself."""
    batch, half = 16 if job.tiny else 256, not job.tiny  # a processor of today is twice as fast by it, too
    return preset("rehearsal").replace(**REAL_CHANGES).replace(
        data=FACES, size=SIZE, held_out=0, batch=batch, lr_warm_up=0 if job.tiny else 100, device=job.device.type,
        steps=2 if job.tiny else int(pictures * EPOCHS / batch), in_memory=True, log_every=200, loss_options={},
        precision="bf16" if half else "fp32", compile=half, network_options={"dropout": 0.4},
    )  # fmt: skip


def queue(base: Config, rows: Sequence[Row]) -> list[tuple[Row, Config]]:
    """All runs that are known now: the search, five seeds of what it chose, the chosen CosFace in larger networks."""
    items: list[Row] = []

    def item(part: str, loss: str, options: dict[str, float], network: str, seed: int) -> Row:
        return {"part": part, "loss": loss, "options": options, "network": network, "seed": seed}

    for losses_of in (FIRST, OTHERS):
        search = [item("search", loss, options, base.network, 0) for loss in losses_of for options in TRIED[loss]]
        items += search
        if not all(done(rows, what) for what in search):
            break
        found = {loss: setting for loss in losses_of if (setting := chosen(rows, loss)) is not None}
        items += [item("table", loss, setting, base.network, seed) for seed in SEEDS for loss, setting in found.items()]
    else:
        if (setting := chosen(rows, "cosface")) is not None:
            items += [item("network", "cosface", setting, network, 0) for network in NETWORKS]
    runs = []
    for what in items:
        changes = {"loss": what["loss"], "loss_options": what["options"], "seed": what["seed"]}
        if what["part"] == "network":
            steps = int(base.steps * LARGE_EPOCHS / EPOCHS)
            changes |= {
                "network": what["network"],
                "network_options": {},
                "embedding": 512,
                "steps": steps,
                "compile": False,
            }
        runs.append((what, base.replace(**changes)))
    return runs


def chosen(rows: Sequence[Row], loss: str) -> dict[str, float] | None:
    """The setting of a loss that the search found best; None where every run diverged."""
    return best(rows, lambda row: row[CHOSEN_ON].get(CHOSEN_BY), part="search", loss=loss)


def shrink(root: Path, out: Path) -> None:
    """All that the job reads, at the size that it looks at, to travel.

    Args:
        root: folder of real data, see `data.root`; the development photographs of LFW are aligned first.
        out: folder to be made, and to be named in COSFACE_DATA.
    """
    align_folder(root / "lfw-dev" / "lfw", out / "lfw-full", REAL_CROP, missing="centre-crop")
    for name, folder in ((FACES, root / FACES), ("cfp", root / "cfp"), (LFW, out / "lfw-full")):
        for file in tqdm(sorted(folder.rglob("*.jpg")), desc=name):
            made = out / name / file.relative_to(folder)
            made.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(file) as picture:
                height, width = SIZE
                small = picture.convert("RGB").resize((width, height), Image.Resampling.BOX)
                small.save(made, quality=92, optimize=True)
    shutil.rmtree(out / "lfw-full")
    for file in (root / "cfp-fp.txt", root / "cfp-ff.txt", root / "lfw-dev" / "pairsDevTest.txt"):
        shutil.copy(file, out / file.name)


if __name__ == "__main__":
    shrink(Path(sys.argv[1]), Path(sys.argv[2]))
