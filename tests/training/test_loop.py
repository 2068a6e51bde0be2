"""The loop: continued runs, small parts, precisions, NaN, and what is logged."""

import functools
import io
import itertools
import multiprocessing
from types import SimpleNamespace

import pytest
import torch

from cosface_edu import losses
from cosface_edu.training import TrainingDiverged, checkpoint, journal, train
from cosface_edu.training.checkpoint import load, save
from cosface_edu.training.loop import accumulation


def silent(line: str) -> None:
    pass


class Killed(Exception):
    pass


def same_weights(one, other) -> bool:
    mine, theirs = ({**run.network.state_dict(), **run.head.state_dict()} for run in (one, other))
    return all(torch.equal(value, theirs[name]) for name, value in mine.items())


OPTIONS = {
    "plain": {},
    "augmented": {"crop": 2, "colour": 0.2, "occlude": 0.5},
    "accumulated": {"micro_batch": 8},
    "sampled centres": {"centre_rate": 0.5},
    "sampled centres, a large seed": {"centre_rate": 0.5, "seed": 2**62},
    "A-Softmax's annealing": {"loss": "asoftmax", "loss_options": {"m": 2}, "margin_warm_up": 0},
    "batch normalisation": {"network": "small"},
    "workers": {"workers": 1},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_a_run_that_is_stopped_and_continued_is_the_unbroken_run_bit_for_bit(options, config, faces, tmp_path) -> None:
    check_continuation(config.replace(**options), faces, tmp_path)


def test_a_run_that_fails_leaves_no_process_that_reads(config, faces) -> None:
    """Also while somebody, such as an interactive session, holds on to the error and so to all that the loop had."""

    def stop(line: str) -> None:
        if line.startswith("step 2"):
            raise Killed

    before = multiprocessing.active_children()
    with pytest.raises(Killed) as held:
        train(config.replace(workers=1), faces=faces, say=stop)
    assert held.tb is not None
    assert [child for child in multiprocessing.active_children() if child not in before] == []


def test_a_run_with_a_gradient_scaler_continues_exactly(config, faces, tmp_path, linear_network) -> None:
    check_continuation(config.replace(precision="fp16"), faces, tmp_path)
    assert load(tmp_path / "last.pt")["scaler"]["scale"] > 1


def check_continuation(config, faces, tmp_path) -> None:
    unbroken = train(config, faces=faces, say=silent)

    def stop_at_six(line: str) -> None:
        if line.startswith("step 6"):
            raise Killed

    with pytest.raises(Killed):
        train(config, tmp_path, faces=faces, say=stop_at_six)
    assert load(tmp_path / "last.pt")["step"] == 4
    torch.manual_seed(12345)  # whatever happened in between must not matter
    continued = train(config, tmp_path, resume=True, faces=faces, say=silent)
    assert same_weights(continued, unbroken)


def test_a_checkpoint_from_before_seconds_were_kept_is_resumed(config, faces, tmp_path) -> None:
    train(config, tmp_path, faces=faces, say=silent)
    state = load(tmp_path / "last.pt")
    assert state.pop("seconds") > 0
    save(tmp_path / "last.pt", state)
    assert same_weights(
        train(config, tmp_path, resume=True, faces=faces, say=silent), train(config, faces=faces, say=silent)
    )


def test_a_continued_run_keeps_its_best_its_time_and_its_scale(config, faces, tmp_path, linear_network) -> None:
    config = config.replace(steps=6, milestones=(), held_out=4, held_out_pairs=20, precision="fp16")
    train(config, tmp_path, faces=faces, say=silent)
    state = load(tmp_path / "last.pt")
    state["scaler"]["scale"] = 8.0
    save(tmp_path / "last.pt", {**state, "best": 1.0, "seconds": 5000.0})
    save(tmp_path / "best.pt", state)
    run = train(config.replace(steps=10), tmp_path, resume=True, faces=faces, say=silent)
    assert load(tmp_path / "best.pt")["step"] == 6  # nothing since was better
    kept = load(tmp_path / "last.pt")
    assert (kept["step"], kept["best"], kept["scaler"]["scale"]) == (10, 1.0, 8.0)
    assert 5000 < kept["seconds"] <= run.seconds < 5100


def test_speed_is_of_the_steps_since_the_last_line(config, faces, monkeypatch) -> None:
    """By a clock that goes on by half a second whenever somebody looks at it."""
    ticks = itertools.count()
    monkeypatch.setattr(journal, "time", SimpleNamespace(perf_counter=lambda: next(ticks) / 2))
    run = train(config, faces=faces, say=silent)
    assert [line["speed"] for line in run.history] == [2 * config.batch / 0.5] * 5


def test_dropout_continues_exactly_too(config, faces, tmp_path, monkeypatch) -> None:
    from cosface_edu import networks
    from cosface_edu.training import checkpoint

    def with_dropout(config):
        net = networks.create("sphereface4", embedding=config.embedding, size=config.size)
        return torch.nn.Sequential(net, torch.nn.Dropout(0.3))

    monkeypatch.setattr(checkpoint, "build_network", with_dropout)
    check_continuation(config, faces, tmp_path)


def test_dropout_is_another_in_every_step(config, faces, monkeypatch) -> None:
    drawn = []

    class Drawing(torch.nn.Linear):
        def forward(self, images):
            drawn.append(float(torch.rand(())))
            return super().forward(images.flatten(1))

    monkeypatch.setattr(checkpoint, "build_network", lambda config: Drawing(3 * 16 * 16, config.embedding))
    for _ in range(2):
        train(config.replace(micro_batch=12), faces=faces, say=silent)
    assert len(set(drawn[:20])) == 20
    assert drawn[20:] == drawn[:20]


def test_a_margin_that_grows_changes_the_training_and_ends_at_its_full_size(config, faces) -> None:
    grown = train(config, faces=faces, say=silent)
    assert grown.head.m == 0.2
    assert not same_weights(grown, train(config.replace(margin_warm_up=0), faces=faces, say=silent))
    with pytest.raises(ValueError, match="no margin"):
        train(config.replace(loss="softmax", loss_options={}), faces=faces, say=silent)


def test_accumulated_parts_are_the_whole_batch(config, faces) -> None:
    config = config.replace(clip=None)  # which would hide a gradient that is too long
    whole = train(config, faces=faces, say=silent)
    parts = train(config.replace(micro_batch=6), faces=faces, say=silent)
    for name, weights in whole.network.state_dict().items():
        torch.testing.assert_close(parts.network.state_dict()[name], weights, rtol=1e-3, atol=1e-5)
    for seen, wanted in zip(parts.history, whole.history, strict=True):
        assert seen["loss"] == pytest.approx(wanted["loss"], rel=1e-3)


@pytest.mark.parametrize(("batch", "micro", "world", "parts"), [(512, 64, 8, 1), (512, 64, 1, 8), (24, 5, 1, 6)])
def test_parts_are_equal_and_as_few_as_fit(batch, micro, world, parts, config) -> None:
    assert accumulation(config.replace(batch=batch, micro_batch=micro), world) == parts


def test_a_batch_that_processes_cannot_share_evenly_is_refused(config) -> None:
    with pytest.raises(ValueError, match="batch=24 cannot be shared evenly by 5"):
        accumulation(config, 5)
    with pytest.raises(ValueError, match="7 images a process have no equal parts of 2 to 4 images"):
        accumulation(config.replace(batch=7, micro_batch=4), 1)
    assert accumulation(config.replace(batch=7, micro_batch=1), 1) == 7


@pytest.mark.parametrize("clip", [None, 0.3])
def test_two_steps_are_two_steps_of_sgd(clip, config, faces) -> None:
    """Against the update written out: decay of the weights, biases twice as fast and without it, one norm of all."""
    from cosface_edu.data import normalise
    from cosface_edu.training.batches import picks
    from cosface_edu.training.checkpoint import build_network
    from cosface_edu.training.loop import create_head

    config = config.replace(steps=2, flip=False, clip=clip, margin_warm_up=0, momentum=0.8, weight_decay=0.01)
    torch.manual_seed(config.seed)
    network, head = build_network(config), create_head(config, 10)
    trained = {**dict(network.named_parameters()), "centres": head.weight}
    before = dict.fromkeys(trained, 0.0)  # what momentum keeps
    for step in range(2):
        chosen = picks(config.seed, step, config.batch, 60)
        loss = head(network(normalise(faces.images[chosen])), faces.labels[chosen])
        gradients = dict(zip(trained, torch.autograd.grad(loss, list(trained.values())), strict=True))
        norm = torch.cat([gradient.flatten() for gradient in gradients.values()]).norm()
        assert norm > 0.3
        for name, weights in trained.items():
            rate, decay = (0.1, 0.0) if name.endswith("bias") else (0.05, 0.01)
            gradient = gradients[name] * (1.0 if clip is None else clip / norm)
            before[name] = 0.8 * before[name] + gradient + decay * weights.detach()
            weights.data -= rate * before[name]
    run = train(config, faces=faces, say=silent)
    for name, weights in trained.items():
        found = run.head.weight if name == "centres" else run.network.state_dict()[name]
        torch.testing.assert_close(found, weights, rtol=1e-4, atol=1e-6)


def test_what_is_clipped_is_the_gradient_and_not_its_multiple(config, faces, linear_network) -> None:
    """The scaler of fp16 makes gradients 65,536 times as large: clipped so, hardly anything of them would be left."""
    config = config.replace(clip=0.3, margin_warm_up=0, weight_decay=0.0, momentum=0.0)
    start, full, half = (
        train(config.replace(lr=lr, precision=precision), faces=faces, say=silent).head.weight
        for lr, precision in ((0.0, "fp32"), (1.0, "fp32"), (1.0, "fp16"))
    )
    assert (half - start).norm() > 0.2 * (full - start).norm()  # the scaler may have left out some of the steps


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_the_same_task_with_weights_in_full(precision, config, faces, linear_network) -> None:
    config = config.replace(loss_options={"s": 8.0, "m": 0.1}, clip=None, steps=20, lr=0.02, margin_warm_up=0)
    run = train(config.replace(precision=precision), faces=faces, say=silent)
    full = train(config, faces=faces, say=silent)
    assert run.history[-1]["loss"] < 0.6 * run.history[0]["loss"]
    assert run.history[-1]["loss"] != full.history[-1]["loss"]
    assert all(p.dtype == torch.float32 for p in run.network.parameters())


def test_channels_last_is_the_same_arithmetic(config, faces) -> None:
    config = config.replace(steps=2, margin_warm_up=0)
    one, other = (train(config.replace(channels_last=c), faces=faces, say=silent) for c in (False, True))
    assert other.history[-1]["loss"] == pytest.approx(one.history[-1]["loss"], rel=1e-3)
    kernels = [next(w for w in run.network.parameters() if w.ndim == 4 and w.shape[1] > 1) for run in (one, other)]
    assert [w.is_contiguous(memory_format=torch.channels_last) for w in kernels] == [False, True]


def test_a_compiled_network_trains_the_same_weights(config, faces, linear_network, monkeypatch) -> None:
    """With the backend that compiles nothing: what is tested is that the weights trained are the network's own."""
    compiled = functools.partial(torch.compile, backend="eager")
    monkeypatch.setattr(torch, "compile", compiled)
    config = config.replace(steps=2)
    one, other = (train(config.replace(compile=c), faces=faces, say=silent) for c in (False, True))
    assert same_weights(one, other)


def test_accuracy_is_measured_without_the_margin(config, faces) -> None:
    """With a margin that no sample can meet, accuracy on margin logits would be 0."""
    options = {"s": 16.0, "m": 1.5}
    with pytest.warns(UserWarning, match="beyond the geometric bound"):
        run = train(config.replace(loss_options=options, margin_warm_up=0, steps=20), faces=faces, say=silent)
    assert run.history[-1]["accuracy"] > 0.5


def test_a_run_starts_from_another_run_s_network_and_own_centres(config, faces, tmp_path) -> None:
    first = train(config.replace(loss="softmax", loss_options={}, margin_warm_up=0), tmp_path, faces=faces, say=silent)
    second = train(config.replace(init=str(tmp_path / "last.pt"), lr=0.0), faces=faces, say=silent)
    assert all(torch.equal(a, b) for a, b in zip(first.network.parameters(), second.network.parameters(), strict=True))
    assert not torch.equal(first.head.weight, second.head.weight)


def test_validation_keeps_the_best_and_people_apart(config, faces, tmp_path) -> None:
    config = config.replace(held_out=4, held_out_pairs=20, validate_every=2)
    run = train(config, tmp_path, faces=faces, say=silent)
    assert [v["step"] for v in run.validation] == [2, 4, 6, 8, 10]
    assert run.head.num_classes == 6
    best = max(v["accuracy"] for v in run.validation)
    assert load(tmp_path / "last.pt")["best"] == best
    first = next(v["step"] for v in run.validation if v["accuracy"] == best)
    assert load(tmp_path / "best.pt")["step"] == first


def test_the_best_is_the_first_of_the_highest(config, faces, tmp_path, monkeypatch) -> None:
    """Not what is better than the validation before it, nor what is only as good."""
    accuracies = iter([0.5, 0.9, 0.6, 0.8, 0.9])

    def verify(self, network):
        return SimpleNamespace(accuracy=next(accuracies), standard_error=0.1)

    monkeypatch.setattr("cosface_edu.training.validation.HeldOut.verify", verify)
    train(config.replace(held_out=4, held_out_pairs=20, validate_every=2), tmp_path, faces=faces, say=silent)
    assert load(tmp_path / "best.pt")["step"] == 4
    assert load(tmp_path / "last.pt")["best"] == 0.9


def test_a_folder_with_a_run_is_not_overwritten(config, faces, tmp_path) -> None:
    train(config, tmp_path, faces=faces, say=silent)
    with pytest.raises(FileExistsError, match="--resume"):
        train(config, tmp_path, faces=faces, say=silent)
    with pytest.raises(ValueError, match=r"lr: 0\.05 there, 0\.1 here"):
        train(config.replace(lr=0.1), tmp_path, resume=True, faces=faces, say=silent)


def test_nan_names_the_step_the_checkpoint_and_the_cause(config, faces, tmp_path) -> None:
    train(config.replace(steps=8), tmp_path, faces=faces, say=silent)
    longer = config.replace(steps=20)
    state = load(tmp_path / "last.pt")
    save(tmp_path / "last.pt", {**state, "config": longer.to_dict()})
    before = (tmp_path / "last.pt").read_bytes()
    faces.images[:] = float("nan")
    with pytest.raises(TrainingDiverged, match=r"step 8.*last good checkpoint.*the images themselves") as failure:
        train(longer, tmp_path, resume=True, faces=faces, say=silent)
    assert failure.value.step == 8
    assert failure.value.checkpoint == tmp_path / "last.pt"
    assert (tmp_path / "last.pt").read_bytes() == before


def test_nan_from_steps_that_are_too_long_blames_the_rate(config, faces) -> None:
    with pytest.raises(TrainingDiverged, match="lower lr"):
        train(config.replace(lr=1e8, clip=None, margin_warm_up=0), faces=faces, say=silent)


def test_nan_from_overflow_in_fp16_blames_the_precision(config, faces, monkeypatch) -> None:
    from cosface_edu import networks
    from cosface_edu.training import checkpoint

    class Loud(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x) * 1e6

    def build(config):
        return Loud(networks.create("sphereface4", embedding=config.embedding, size=config.size))

    monkeypatch.setattr(checkpoint, "build_network", build)
    with pytest.raises(TrainingDiverged, match="bf16 or fp32"):
        train(config.replace(precision="fp16"), faces=faces, say=silent)


def test_tensorboard_holds_the_curves(config, faces, tmp_path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(config, tmp_path, faces=faces, say=silent)
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [e.step for e in events.Scalars("train/loss")] == [2, 4, 6, 8, 10]
    assert events.Scalars("train/lr")[-1].value == pytest.approx(0.005)


def test_a_continued_run_s_curves_have_every_step_once(config, faces, tmp_path) -> None:
    """That of the checkpoint is kept, and what was drawn after it, before the run was killed, is not shown."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    check_continuation(config.replace(log_every=1), faces, tmp_path)
    train(config.replace(log_every=1), tmp_path, resume=True, faces=faces, say=silent)  # a run that is done
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [e.step for e in events.Scalars("train/loss")] == list(range(1, 11))


def test_every_loss_trains(config, faces) -> None:
    for name in losses.available():
        head = losses.create(name, in_features=8, num_classes=10)
        if isinstance(head, losses.Head):
            run = train(config.replace(loss=name, loss_options={}, margin_warm_up=0, steps=2), faces=faces, say=silent)
            assert torch.isfinite(torch.tensor(run.history[-1]["loss"])), name


def test_what_a_run_leaves_is_in_evaluation_mode(config, faces) -> None:
    run = train(
        config.replace(steps=1, loss="elastic_cosface", loss_options={}, margin_warm_up=0), faces=faces, say=silent
    )
    assert not run.network.training
    features, labels = torch.randn(8, config.embedding), torch.zeros(8, dtype=torch.int64)
    once, again = (run.head.logits(features, labels) for _ in range(2))
    assert torch.equal(once, again), "in training its margins are drawn anew"


def test_a_network_that_gives_more_than_features_is_told_of(config, faces, monkeypatch) -> None:
    class Both(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(3 * 16 * 16, 8)

        def forward(self, images):
            x = self.linear(images.flatten(1))
            return torch.nn.functional.normalize(x), x.norm(dim=1)

    monkeypatch.setattr(checkpoint, "build_network", lambda config: Both())
    with pytest.raises(ValueError, match="for 24 images it gave tuple: wrap it"):
        train(config, faces=faces)


def test_progress_is_printed_whatever_the_encoding(config, faces, monkeypatch) -> None:
    """Windows' code pages lack ×, or ±, or both."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="cp1251")
    monkeypatch.setattr("sys.stdout", out)
    train(config.replace(steps=1), faces=faces)
    out.seek(0)
    assert "on cpu ? 1, 1 micro-batch(es)" in out.read()
