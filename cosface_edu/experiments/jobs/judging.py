"""How networks that saw drawn people are judged: on strangers of the same world."""

from dataclasses import dataclass
from operator import itemgetter

import torch
from torch import Tensor, nn

from cosface_edu import evaluation
from cosface_edu.faces import FaceWorld, many
from cosface_edu.training import Config, train
from cosface_edu.training.batches import InMemory
from cosface_edu.training.diagnose import TrainingDiverged

from . import Job
from .drawn import drawn_once, world
from .sweep import SIZE, Row

STRANGERS = 1_000_000  # numbers from here on are people nobody trains on
FARS = (1e-4, 1e-6)
DISTRACTORS_AT_ONCE = 100_000  # in a file, so that several processes draw a million
CHOSEN_BY = itemgetter("tar_0.0001")  # of what `Judge` finds


def features(network: nn.Module, pictures: Tensor) -> Tensor:
    """(N, 3, H, W) bytes to (N, 2D) features of image and mirror image, on the network's device; in bf16 on a GPU."""
    device = next(network.parameters()).device
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the layout a GPU convolves fastest in
    on_gpu = device.type == "cuda"
    found = evaluation.embed(network, pictures, batch=2048, precision="bfloat16" if on_gpu else "float32")
    return found.to(device)


@dataclass(frozen=True, eq=False)
class Judge:
    """Strangers of one world, drawn once for all runs and kept as bytes.

    Attributes:
        faces: people with several pictures each, for pairs and rates.
        distractors: blocks (N, 3, H, W) uint8 in the host's memory, one picture of each of N others; none: nobody is
            identified.
    """

    faces: InMemory
    distractors: list[Tensor]

    @classmethod
    def draw(cls, job: Job, seed: int, distractors: int) -> "Judge":
        """Draw them: 1,000 people × 8 pictures, and the distractors."""
        people, each = (24, 4) if job.tiny else (1000, 8)

        def block(who: Tensor) -> Tensor:
            drawing = FaceWorld(seed=seed, device=job.device)
            name = f"others-{seed}-{int(who[0])}-{len(who)}"
            return drawn_once(job, name, lambda: many.drawn(drawing, who, torch.zeros_like(who), SIZE), "cpu")

        blocks = torch.arange(2 * STRANGERS, 2 * STRANGERS + distractors).split(DISTRACTORS_AT_ONCE)
        return cls(world(job, people, each, seed, first=STRANGERS), [block(who) for who in blocks if len(who)])

    def __call__(self, network: torch.nn.Module) -> Row:
        """Accuracy on pairs, TAR over all pairs, rank 1 among the distractors, of all probes and of each person's."""
        own = features(network, self.faces.images)  # (n, 2D)
        labels = self.faces.labels
        pairs = evaluation.draw_pairs(self.faces, min(3000, len(labels) // 4))  # type: ignore[arg-type]
        found: Row = {"accuracy": evaluation.verify_pairs(own.cpu(), pairs).accuracy}
        for far in FARS:
            try:
                found[f"tar_{far:g}"] = evaluation.tar_over_all_pairs(own, labels, far)
            except ValueError:  # too few pairs for so small a rate
                found[f"tar_{far:g}"] = None
        if self.distractors:
            asked = labels < 80
            blocks = (features(network, part) for block in self.distractors for part in block.split(8192))
            matched = evaluation.megaface(own[asked.to(own.device)], labels[asked], blocks, keep=2)
            of_person = (matched.ranks == 1).reshape(len(labels[asked].unique()), -1)  # all have as many pictures
            found["rank1"] = matched.rank1[-1]
            found["rank1_by_person"] = of_person.mean(axis=1).tolist()
        return found


def trained(config: Config, faces: InMemory, judge: Judge) -> Row:
    """Train and judge; a run that leaves the numbers is a row that says so."""
    try:
        run = train(config, faces=faces, say=lambda line: None)
    except TrainingDiverged as error:
        return {"diverged": error.step}
    last = run.history[-1]
    return {"loss_at_end": last["loss"], "known": last["accuracy"], **judge(run.network)}
