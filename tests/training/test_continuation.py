"""Which run continues which: longer ones, settings written another way, networks from elsewhere, shared batches."""

import numpy as np
import pytest
import torch

from cosface_edu import losses, networks
from cosface_edu.data import to_bytes
from cosface_edu.training import CheckpointError, train
from cosface_edu.training.batches import InMemory
from cosface_edu.training.checkpoint import load, load_network, open_network
from cosface_edu.training.loop import narrowed


def silent(line: str) -> None:
    pass


def weights(run) -> dict[str, torch.Tensor]:
    return {**run.network.state_dict(), **run.head.state_dict()}


def same(one, other) -> bool:
    return all(torch.equal(value, weights(other)[name]) for name, value in weights(one).items())


@pytest.mark.parametrize("milestones", [(), (4,)], ids=["constant rate", "after the last milestone"])
def test_a_run_continued_for_longer_is_the_longer_run_bit_for_bit(milestones, config, faces, tmp_path) -> None:
    config = config.replace(milestones=milestones, steps=6)
    longer = config.replace(steps=10)
    train(config, tmp_path, faces=faces, say=silent)
    continued = train(longer, tmp_path, resume=True, faces=faces, say=silent)
    assert same(continued, train(longer, faces=faces, say=silent))
    assert load(tmp_path / "last.pt")["step"] == 10


def test_milestones_still_to_come_may_move(config, faces, tmp_path) -> None:
    train(config.replace(milestones=(9,), steps=6), tmp_path, faces=faces, say=silent)
    moved = config.replace(milestones=(8,), steps=10)
    assert same(train(moved, tmp_path, resume=True, faces=faces, say=silent), train(moved, faces=faces, say=silent))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"schedule": "cosine"}, {"steps": 10}, r"schedule=steps; from its weights .* init="),
        ({}, {"steps": 4}, "6 steps are done already"),
        ({"milestones": (2,)}, {"milestones": (3,)}, "milestones: .*give the same values, or another folder"),
        ({}, {"lr": 0.2}, "lr: 0.05 there, 0.2 here; give the same values"),
    ],
)
def test_another_run_is_refused_with_what_to_do(before, after, told, config, faces, tmp_path) -> None:
    config = config.replace(milestones=(), steps=6).replace(**before)
    train(config, tmp_path, faces=faces, say=silent)
    with pytest.raises(ValueError, match=told):
        train(config.replace(**after), tmp_path, resume=True, faces=faces, say=silent)


def test_a_setting_written_another_way_is_the_same_run(config, faces, tmp_path) -> None:
    train(
        config.replace(
            size=[16, 16], milestones=[7], lr=np.float32(0.05), loss_options={"s": 16, "m": np.float32(0.2)}
        ),
        tmp_path,
        faces=faces,
        say=silent,
    )
    lines = []
    train(config.replace(size="16x16", milestones="7"), tmp_path, resume=True, faces=faces, say=lines.append)
    assert lines[0].endswith("at step 10")


def test_a_run_starts_from_whatever_holds_a_network(config, faces, tmp_path) -> None:
    first = train(config, tmp_path / "first", faces=faces, say=silent)
    made = networks.create("sphereface4", size=(16, 16), embedding=8)
    made.load_state_dict(first.network.state_dict())
    networks.save(made, tmp_path / "first.safetensors")
    start = config.replace(lr=0.0, seed=1, weight_decay=0.0)
    for init in (tmp_path / "first", tmp_path / "first" / "last.pt", tmp_path / "first.safetensors"):
        run = train(start.replace(init=init), faces=faces, say=silent)
        assert all(torch.equal(w, first.network.state_dict()[n]) for n, w in run.network.state_dict().items())
    assert not torch.equal(run.head.weight, first.head.weight)
    with pytest.raises(ValueError, match=r"first: not the weights.*; it holds sphereface4 with .*'embedding': 8"):
        train(config.replace(init=tmp_path / "first", embedding=9), faces=faces, say=silent)


def test_a_run_goes_on_when_what_it_began_from_is_gone(config, faces, tmp_path) -> None:
    train(config, tmp_path / "first", faces=faces, say=silent)
    second = config.replace(init=tmp_path / "first", steps=6, milestones=())
    train(second, tmp_path / "second", faces=faces, say=silent)
    (tmp_path / "first" / "last.pt").unlink()
    train(second.replace(steps=8), tmp_path / "second", resume=True, faces=faces, say=silent)


@pytest.mark.parametrize("name", ["released.pth", "released.pt", "released.bin"])
def test_released_weights_are_known_by_what_they_are(name, tmp_path) -> None:
    layers = {f"module.layer{1 + int(n[7])}{n[8:]}" if n.startswith("stages.") else f"module.{n}": w
              for n, w in networks.sphereface(20).state_dict().items()}  # fmt: skip
    torch.save(layers, tmp_path / name)
    network, size = open_network(tmp_path / name)
    assert size == (112, 96)
    assert torch.equal(network.fc.weight, layers["module.fc.weight"])
    with pytest.raises(CheckpointError, match="weights alone"):
        load_network(tmp_path / name)


def test_a_run_whose_gradient_is_not_the_whole_batch_s_says_so(config, faces) -> None:
    def lines(**changes) -> str:
        told: list[str] = []
        train(config.replace(steps=1, micro_batch=8, held_out=0, **changes), faces=faces, say=told.append)
        return "\n".join(told)

    assert "not the gradient" not in lines()  # a network without batch normalisation
    assert "batch normalisation sees 8 images at a time: not the gradient of 24 at once" in lines(network="small")
    statistics = lines(loss="adaface", loss_options={}, margin_warm_up=0)
    assert "the statistics of the loss adaface are those of 8 images" in statistics
    assert "class centres are sampled for 8 images" in lines(centre_rate=0.5)


def test_what_is_said_of_a_shared_batch_is_so(config, faces) -> None:
    """Without any of what `narrowed` names, accumulated parts are the whole batch; with it they are not."""
    for network in ("sphereface4", "small"):
        whole, parts = (
            train(config.replace(network=network, steps=3, micro_batch=micro), faces=faces, say=silent)
            for micro in (None, 8)
        )
        differ = max(
            float((value.float() - weights(parts)[name].float()).abs().max()) for name, value in weights(whole).items()
        )
        assert (differ > 1e-3) == bool(narrowed(config, whole.network, whole.head, 1, 3)), (network, differ)


def test_processes_gather_their_embeddings_and_still_normalise_alone(config) -> None:
    small = networks.create("small", size=(16, 16), embedding=8)
    head = losses.create("adaface", in_features=8, num_classes=10)
    assert narrowed(config, small, head, world=2, parts=1) == ["batch normalisation sees"]
    assert narrowed(config, networks.sphereface(4), head, world=2, parts=1) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"held_out": 4, "held_out_pairs": 1000}, "held_out_pairs=1000 of held_out=4 people cannot be drawn"),
        ({"device": "cuda:63"}, r"device must be one that is here: cpu.*got 'cuda:63'"),
        ({"loss_options": {"q": 1}}, "loss_options=.*'q'"),
        ({"loss_options": {"s": "x"}}, "s must be .*got 'x'"),
        ({"network_options": {"q": 1}}, "sphereface4: .*'q'"),
        ({"network_options": {"blocks": "xy"}}, "sphereface4 with the options .*'xy'"),
        ({"init": "nowhere"}, "nowhere: no such run"),
    ],
)
def test_what_a_room_refuses_is_refused_before_the_first_step(changes, told, config, faces, tmp_path) -> None:
    def step_was_made(line: str) -> None:
        assert not line.startswith("step")

    with pytest.raises((ValueError, FileNotFoundError), match=told) as refused:
        train(config.replace(**changes), tmp_path / "run", faces=faces, say=step_was_made)
    assert "\n" not in str(refused.value)


def test_a_place_for_results_that_is_a_file_is_refused_before_the_first_step(config, faces, tmp_path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(NotADirectoryError, match="a folder is wanted"):
        train(config, tmp_path / "run", faces=faces, say=silent)


@pytest.mark.parametrize("name", sorted({losses.card(name).name for name in losses.available()}))
def test_a_run_with_any_head_goes_on(name, config, faces, tmp_path) -> None:
    if not issubclass(losses.card(name).loss, losses.Head):
        pytest.skip("no class centres: this loop does not train it")
    first = config.replace(loss=name, loss_options={}, margin_warm_up=0, steps=2, milestones=())
    longer = first.replace(steps=4)
    train(first, tmp_path, faces=faces, say=silent)
    whole, resumed = (train(longer, out, True, faces=faces, say=silent) for out in (None, tmp_path))
    for mine, theirs in zip(whole.head.state_dict().values(), resumed.head.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)


def test_an_annealing_is_given_by_its_numbers_and_starts_anew_in_each_run(config, faces, tmp_path) -> None:
    annealed = config.replace(loss="asoftmax", loss_options={"m": 2, "annealing": {"base": 7.0}}, margin_warm_up=0)
    one, other = (train(annealed, out, faces=faces, say=silent) for out in (None, tmp_path))
    assert one.head.annealing.base == other.head.annealing.base == 7
    assert one.history[-1]["loss"] == other.history[-1]["loss"]
    again = train(annealed, tmp_path, resume=True, faces=faces, say=silent)
    assert again.head.annealing.steps_done == annealed.steps
    pure = annealed.replace(loss_options={"m": 2, "annealing": None}, steps=1)
    assert train(pure, faces=faces, say=silent).head.annealing is None
    with pytest.raises(ValueError, match=r"loss_options must be numbers, text .* no objects"):
        annealed.replace(loss_options={"m": 2, "annealing": losses.LambdaAnnealing()})
    with pytest.raises(ValueError, match=r"of asoftmax: .*bass"):
        train(annealed.replace(loss_options={"annealing": {"bass": 7.0}}), faces=faces, say=silent)


def test_a_run_does_not_go_on_with_other_data(config, faces, tmp_path) -> None:
    train(config, tmp_path, faces=faces, say=silent)
    for count in (len(faces.images) - 1, len(faces.images) // 2):
        part = InMemory.of(to_bytes(faces.images[:count]), faces.labels[:count])
        with pytest.raises(ValueError, match=r"is a run on .* images of .* people, and here are .*init="):
            train(config, tmp_path, resume=True, faces=part, say=silent)


def test_curves_that_cannot_be_written_end_and_training_goes_on(config, faces, tmp_path, monkeypatch) -> None:
    def full(self, *_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter.add_scalar", full)
    said: list[str] = []
    train(config, tmp_path, faces=faces, say=said.append)
    assert sum("no more curves for TensorBoard" in line for line in said) == 1
    assert (tmp_path / "last.pt").exists()
