"""Two and four processes compute what one does: loss, gradients, accuracy, and a whole run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from cosface_edu import losses
from cosface_edu.training import distributed, train
from cosface_edu.training.checkpoint import load

WORKER = Path(__file__).with_name("distributed_worker.py")
sys.path.insert(0, str(WORKER.parent))
from distributed_worker import BATCH, HEADS, problem, run_config  # noqa: E402


@pytest.fixture(scope="module", params=[2, 4])
def processes(request, tmp_path_factory) -> tuple[int, list[dict], Path]:
    """What each of W processes wrote."""
    world = request.param
    out = tmp_path_factory.mktemp(f"world{world}")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(world)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, str(WORKER), str(out)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return world, [torch.load(out / f"rank{r}.pt") for r in range(world)], out


@pytest.mark.parametrize("name", HEADS)
def test_split_centres_give_the_loss_and_gradients_of_one_process(processes, name) -> None:
    _, results, _ = processes
    head, features, labels = problem(name)
    features.requires_grad_()
    loss = head(features, labels)
    loss.backward()
    mine = [result[f"{name} 1.0"] for result in results]
    for rank in mine:
        assert rank["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
        assert rank["accuracy"].item() == pytest.approx(
            (head.logits(features).argmax(1) == labels).float().mean().item()
        )
        assert torch.equal(rank["whole"], head.weight)
    assert error(torch.cat([r["features"] for r in mine]), features.grad) < 1e-5
    assert error(torch.cat([r["weight"] for r in mine]), head.weight.grad) < 1e-5


@pytest.mark.parametrize("name", HEADS)
def test_sampled_centres_give_the_softmax_over_the_sample(processes, name) -> None:
    _, results, _ = processes
    mine = [result[f"{name} 0.5"] for result in results]
    chosen = torch.cat([r["chosen"] for r in mine])
    head, features, labels = problem(name)
    assert set(labels.tolist()) <= set(chosen.tolist())
    assert len(chosen) < head.num_classes
    features.requires_grad_()
    loss = F.cross_entropy(head.logits(features, labels)[:, chosen], torch.searchsorted(chosen, labels))
    loss.backward()
    assert mine[0]["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
    assert error(torch.cat([r["features"] for r in mine]), features.grad) < 1e-5
    assert error(torch.cat([r["weight"] for r in mine]), head.weight.grad) < 1e-5


def test_a_run_of_many_processes_is_the_run_of_one(processes, tmp_path) -> None:
    """Accumulation, clipping, flips, growing margin, momentum and weight decay included; any number can resume it."""
    _, _, out = processes
    one = train(run_config(), tmp_path / "one", say=_silent)
    many = load(out / "run" / "last.pt")
    for name, weights in one.network.state_dict().items():
        assert error(many["network"][name], weights) < 1e-5
    assert error(many["head"]["weight"], one.head.weight) < 1e-5
    longer = run_config().replace(steps=5)
    state = load(out / "run" / "last.pt")
    torch.save({**state, "config": longer.to_dict()}, out / "run" / "last.pt")
    resumed = train(longer, out / "run", resume=True, say=_silent)
    unbroken = train(longer, say=_silent)
    assert error(resumed.head.weight, unbroken.head.weight) < 1e-5


@pytest.mark.parametrize("name", HEADS)
def test_sampling_in_one_process(name) -> None:
    head, features, labels = problem(name)
    centres = distributed.Centres(head, rate=0.5, seed=1)
    loss = centres(features, labels, step=5)
    chosen = centres._choose(labels, 5)
    wanted = F.cross_entropy(head.logits(features, labels)[:, chosen], torch.searchsorted(chosen, labels))
    torch.testing.assert_close(loss, wanted)
    assert not torch.equal(centres._choose(labels, 6), chosen) or len(chosen) == len(labels.unique())


def test_losses_that_look_beyond_their_own_target_are_refused() -> None:
    refused = 0
    for name in losses.available():
        head = losses.create(name, in_features=6, num_classes=11)
        if not isinstance(head, losses.Head) or not distributed.can_split(head):
            refused += 1
            with pytest.raises(ValueError, match="one process"):
                distributed.Centres(head, world=2)
    assert refused >= 1
    assert BATCH % 4 == 0


def test_clipping_counts_network_and_centres_together() -> None:
    head, features, labels = problem("cosface")
    network = torch.nn.Linear(6, 6)
    centres = distributed.Centres(head)
    (10 * centres(network(features), labels, 0)).backward()
    everything = [p.grad for p in [*network.parameters(), *head.parameters()]]
    before = torch.cat([g.flatten() for g in everything]).norm()
    assert centres.clip_(network, 0.5).item() == pytest.approx(before.item(), rel=1e-5)
    assert torch.cat([g.flatten() for g in everything]).norm().item() == pytest.approx(0.5, rel=1e-4)


def error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Largest difference, relative to the largest entry."""
    return float((found - wanted).detach().abs().max() / wanted.detach().abs().max())


def _silent(line: str) -> None:
    pass
