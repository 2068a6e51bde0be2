"""Run by torchrun from test_distributed.py: writes what each process computed for the test to compare."""

import os
import signal
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from cosface_edu.training import Config, distributed, train

sys.path.insert(0, str(Path(__file__).parents[1] / "losses"))
import cases

CLASSES, DIM, BATCH = 43, 6, 8  # 43 divides by neither 2 nor 4; a quarter of it is more than a batch


HEADS = [case for case in cases.HEADS if cases.make(case, DIM, CLASSES).splits]


def problem(case: str) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    """A head, features and labels: the same on every process and in the test."""
    torch.manual_seed(3)
    head = cases.make(case, DIM, CLASSES)
    features = torch.randn(BATCH, DIM)
    labels = torch.tensor([42, 0, 13, 13, 27, 42, 35, 0])
    return head, features, labels


def run_config() -> Config:
    """A whole run with everything in it that processes must agree on."""
    return Config(
        identities=15,
        per_identity=2,
        size=(16, 16),
        network="sphereface4",
        embedding=6,
        loss_options={"s": 16.0, "m": 0.2},
        margin_warm_up=3,
        batch=16,
        micro_batch=4,
        steps=3,
        lr=0.02,
        clip=2.0,
        held_out=4,
        held_out_pairs=4,
        validate_every=1,
        log_every=1,
        save_every=3,
        device="cpu",
    )


def main(out: Path) -> None:
    rank, world, _ = distributed.start("cpu")
    results = {}
    for name in HEADS:
        for rate in (1.0, 0.5):
            head, features, labels = problem(name)
            centres = distributed.Centres(head, rate, seed=1, rank=rank, world=world)
            share = BATCH // world
            own = features[rank * share : (rank + 1) * share].clone().requires_grad_()
            own_labels = labels[rank * share : (rank + 1) * share]
            torch.manual_seed(4)  # the same margins on every process, where they are drawn
            with centres.parallel():
                loss = centres(own * 1.0, own_labels, step=5)  # not a leaf, as a network's output is none
                loss.backward()
            mine = (labels >= centres.first) & (labels < centres.first + centres.count)
            results[f"{name} {rate}"] = {
                "loss": loss.detach(),
                "features": own.grad / world,  # what DDP's mean will make of it
                "weight": centres.head.weight.grad,
                "chosen": centres._choose(torch.where(mine, labels - centres.first, -1), 5)[0] + centres.first,
                "accuracy": centres.accuracy(own.detach(), own_labels),
                "whole": centres.state(),
            }
    distributed.alike({"first step": 6, "number of images": 112})
    try:
        distributed.alike({"first step": 6, "number of images": 112 - rank})
    except ValueError as error:
        results["told"] = str(error)
    cpu = torch.device("cpu")
    results["anywhere"] = [distributed.anywhere(rank == 1, cpu), distributed.anywhere(False, cpu)]

    def asks(line: str) -> None:  # the first process alone is asked, between two steps that are logged
        if line.startswith("step 1:"):
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        train(run_config().replace(steps=4, save_every=4, validate_every=1, log_every=2), out / "stopped", say=asks)
    except SystemExit as ended:
        results["stopped"] = ended.code
    results["frozen"] = train(run_config().replace(network="odd_networks:Frozen", steps=1)).history[-1]["loss"]
    try:
        train(run_config().replace(network="odd_networks:Idle", steps=2))
    except ValueError as error:
        results["idle"] = str(error)
    results["dropout"] = torch.initial_seed()  # as the last step set it
    torch.save(results, out / f"rank{rank}.pt")
    train(run_config(), out / "run")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
