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
from distributed_worker import CLASSES, DIM, HEADS, cases, problem, run_config  # noqa: E402


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
    torch.manual_seed(4)
    loss = head(features, labels)
    loss.backward()
    mine = [result[f"{name} 1.0"] for result in results]
    for rank in mine:
        assert rank["loss"].item() == pytest.approx(loss.item(), rel=1e-5)
        assert rank["accuracy"].item() == pytest.approx(
            (head.logits(features).argmax(1) == labels).float().mean().item()
        )
        for key, value in head.state_dict().items():  # centres, and running statistics of the whole batch
            torch.testing.assert_close(rank["whole"][key], value)
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
    torch.manual_seed(4)
    loss = F.cross_entropy(head.logits(features, labels)[:, chosen], torch.searchsorted(chosen, labels))
    extra = head.extra(features, labels)
    loss = loss if extra is None else loss + extra
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
    lines: list[str] = []
    resumed = train(longer, out / "run", resume=True, say=lines.append)
    assert lines[1].startswith(f"1 process(es), not {processes[0]}:")
    unbroken = train(longer, say=_silent)
    assert error(resumed.head.weight, unbroken.head.weight) < 1e-5


def test_processes_that_are_about_to_do_different_things_are_refused_on_all(processes) -> None:
    """Machines that see other folders: data that lack a picture, or a run that only one of them has begun."""
    _, results, _ = processes
    for found in results:
        assert found["told"].startswith("process 1 has another number of images than process 0 (111, not 112)")
        assert found["anywhere"] == [True, False]


def test_one_process_is_asked_to_stop_and_all_of_them_end_at_the_same_step(processes) -> None:
    _, results, out = processes
    assert [found["stopped"] for found in results] == [128 + 15] * len(results)
    assert load(out / "stopped" / "last.pt")["step"] == 1  # not logged, but validated


def test_a_frozen_network_is_trained_on_and_weights_that_take_no_part_are_named(processes) -> None:
    _, results, _ = processes
    lines: list[str] = []
    frozen, idle = (run_config().replace(network=f"odd_networks:{name}", steps=1) for name in ("Frozen", "Idle"))
    alone = train(frozen, say=_silent).history[-1]["loss"]
    train(idle, say=lines.append)
    told = "no gradient reaches 2 of the network's weights (other.weight, other.bias)"
    assert f"warning: {told}" in "\n".join(lines)
    for found in results:
        assert found["idle"].startswith(told)
    assert results[0]["frozen"] == pytest.approx(alone, rel=1e-5)


def test_each_process_drops_out_by_itself(processes) -> None:
    """One mask for the first picture of all of them would be one picture's noise, taken several times."""
    _, results, _ = processes
    assert len({found["dropout"] for found in results}) == len(results)


def test_sampling_in_one_process() -> None:
    """Another sample in every step, the same in the same step. (Of every head: tests/losses/test_contract.)"""
    head, features, labels = problem(HEADS[0])
    centres = distributed.Centres(head.eval(), rate=0.5, seed=1)
    found = [centres(features, labels, step=step) for step in (5, 6, 5)]
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize("case", [case for case in cases.HEADS if case not in HEADS])
def test_heads_that_do_not_declare_it_are_not_split(case) -> None:
    with pytest.raises(ValueError, match=r"one process and centre_rate=1"):
        distributed.Centres(cases.make(case, DIM, CLASSES), world=2)


def test_the_pages_name_the_losses_that_are_not_split() -> None:
    alone = set()
    for name in losses.available():
        head = losses.create(name, in_features=DIM, num_classes=CLASSES)
        if not isinstance(head, losses.Head):  # the loop trains no other
            continue
        try:
            distributed.Centres(head, world=2)
        except ValueError:
            alone.add(name)
    assert alone == {"adacos", "curricularface", "sphereface2", "subcenter_arcface"}
    for page in ("README.md", "book/training.md"):
        text = (WORKER.parents[2] / page).read_text(encoding="utf-8")
        assert "AdaCos, CurricularFace, SphereFace2 and sub-center ArcFace" in text


def test_a_loss_of_ones_own_is_split_once_it_says_so() -> None:
    kind = type("Mine", (losses.CosFace,), {"extra": lambda self, x, y: x.square().mean()})
    with pytest.raises(ValueError, match=r"Mine cannot be split.*`splits`"):
        distributed.Centres(kind(DIM, CLASSES), world=2)
    kind.splits = True
    assert distributed.Centres(kind(DIM, CLASSES), world=2).head.weight.shape == (22, DIM)
    kind.build = lambda self: setattr(self, "bias", torch.nn.Parameter(torch.zeros(())))
    with pytest.raises(ValueError, match="cannot be split"):
        distributed.Centres(kind(DIM, CLASSES), world=2)


def test_clipping_counts_network_and_centres_together() -> None:
    head, features, labels = problem(HEADS[0])
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
