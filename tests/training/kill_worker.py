"""Run by test_kill.py: forks a training run again and again and kills it, at a random moment each time.

One process imports PyTorch; its forks are ready at once, so that twenty deaths take seconds.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from cosface_edu.training import Config, train
from cosface_edu.training.checkpoint import load

CONFIG = Config(
    size=(16, 16),
    network="sphereface4",
    embedding=8,
    loss_options={"s": 16.0, "m": 0.2},
    margin_warm_up=20,
    batch=8,
    steps=60,
    lr=0.02,
    schedule="cosine",
    log_every=30,
    save_every=1,
    device="cpu",
)


class Noise:
    """Four people, five pictures each."""

    labels = torch.arange(4).repeat_interleave(5)

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(index)), int(self.labels[index])


def run(out: Path | None) -> object:
    return train(CONFIG, out, resume=True, faces=Noise(), say=lambda line: None)


def saved(out: Path) -> int:
    """The step that a killed run would go on from; an error if its checkpoint is not whole."""
    last = out / "last.pt"
    return load(last)["step"] if last.exists() else 0


def main(out: Path, kills: int) -> None:
    torch.set_num_threads(1)  # a fork of a process with OpenMP threads would hang
    seed = int(time.time())
    chance = random.Random(seed)
    began = time.perf_counter()
    unbroken = run(None)
    a_step = (time.perf_counter() - began) / CONFIG.steps
    inside = 0
    # from the first steps to the last ones, and within a step anywhere: computing, writing, or still starting again
    for target in sorted(chance.sample(range(1, CONFIG.steps), kills)):
        before = saved(out)
        child = os.fork()
        if child == 0:
            run(out)
            os._exit(0)
        while saved(out) < target:
            ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            assert ended is None or saved(out) >= target, f"seed {seed}: the run ended by itself before step {target}"
            time.sleep(a_step / 10)
        time.sleep(chance.uniform(0, 2) * a_step)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        inside += os.WIFSIGNALED(status)
        assert saved(out) >= before, f"seed {seed}: step {before} was saved and lost"
    finished = run(out)
    for one, other in ((unbroken.network, finished.network), (unbroken.head, finished.head)):
        for name, weights in one.state_dict().items():
            assert torch.equal(weights, other.state_dict()[name]), f"seed {seed}: {name} differs after {kills} kills"
    print(f"{inside} of {kills} kills hit a running process")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
