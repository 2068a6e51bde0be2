"""The photographs of `faces` and `carried`: people to train on, lists of pairs to judge by, and the run that sees them.

They are `celeba-1000`, `cfp` with its lists and `lfw-dev-aligned` in COSFACE_DATA. To carry these to another machine,
make them small first; pictures of 56×48 are all that the jobs look at:

    python -m cosface_edu.experiments.jobs.photographs $COSFACE_DATA small-faces
"""

import shutil
import sys
from pathlib import Path

from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from cosface_edu import data, evaluation
from cosface_edu.align import align_folder
from cosface_edu.evaluation import Verification
from cosface_edu.experiments.settings import REAL_CHANGES, REAL_CROP
from cosface_edu.training import Config, preset
from cosface_edu.training.batches import InMemory

from . import Job
from .sweep import SIZE

FACES, LFW = "celeba-1000", "lfw-dev-aligned"
LISTS = {
    "cfp-fp": ("cfp", "cfp-fp.txt"),
    "cfp-ff": ("cfp", "cfp-ff.txt"),
    "pairsDevTest": (LFW, "pairsDevTest.txt"),
}
FARS = (0.01, 0.001)
EPOCHS = 25.0


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


def verified(network: nn.Module, pairs: data.Pairs) -> Verification:
    """A network on a list, whose pictures are kept as bytes."""
    pictures: Tensor = pairs.images.images  # type: ignore[attr-defined]
    return evaluation.verify_pairs(evaluation.embed(network, pictures, precision="float32", batch=1024), pairs)


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


def shrink(root: Path, out: Path) -> None:
    """All that the jobs read, at the size that they look at, to travel.

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
