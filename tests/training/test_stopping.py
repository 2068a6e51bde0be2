"""A run that a signal asks to stop saves the step that it is at; a second signal is obeyed at once."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
import torch

from cosface_edu.training import TrainingDiverged, loop, stopping, train
from cosface_edu.training.checkpoint import load

ENDS = {signal.SIGTERM: SystemExit, signal.SIGINT: KeyboardInterrupt}


@pytest.fixture(autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """A shell starts what it runs in the background with Ctrl-C ignored, and Python leaves that so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Asks(list):
    """Takes the lines of a run, and sends this process a signal when one begins with some words."""

    def __init__(self, number: int, when: str = "step 6:", times: int = 1) -> None:
        super().__init__()
        self.number, self.when, self.times = number, when, times

    def __call__(self, line: str) -> None:
        self.append(line)
        if line.startswith(self.when):
            for _ in range(self.times):
                signal.raise_signal(self.number)


@pytest.mark.parametrize(("number", "end"), ENDS.items())
def test_the_step_is_saved_and_the_run_goes_on_from_it(config, faces, tmp_path, number, end) -> None:
    asks = Asks(number)
    with pytest.raises(end) as ended:
        train(config, tmp_path, faces=faces, say=asks)
    if end is SystemExit:
        assert ended.value.code == 143
    assert asks[-1] == f"stopped by {number.name}: step 6 is saved, continue with --resume"
    assert load(tmp_path / "last.pt")["step"] == 6  # checkpoints are due at 4, 8 and 10
    resumed, unbroken = train(config, tmp_path, resume=True, faces=faces), train(config, faces=faces)
    for name, weights in unbroken.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], weights)


@pytest.mark.parametrize("number", ENDS)
def test_a_handler_is_the_user_s_before_and_after(config, faces, tmp_path, number) -> None:
    usual, seen = signal.getsignal(number), []
    with suppress(KeyboardInterrupt, SystemExit):
        train(config, tmp_path / "usual", faces=faces, say=Asks(number))
    assert signal.getsignal(number) == usual
    signal.signal(number, lambda number, frame: seen.append(number))
    try:
        train(config, tmp_path / "own", faces=faces, say=Asks(number))
    finally:
        signal.signal(number, usual)
    assert seen == [number]
    assert load(tmp_path / "own" / "last.pt")["step"] == config.steps


def test_a_second_one_does_not_wait(config, faces, tmp_path, monkeypatch) -> None:
    def kill(process: int, number: int) -> None:
        pytest.fail("Windows' would end the process, and no handler be asked")

    monkeypatch.setattr(os, "kill", kill)
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path, faces=faces, say=Asks(signal.SIGINT, "step 2:", times=2))
    assert not (tmp_path / "last.pt").exists()


def test_without_a_folder_nothing_waits(config, faces) -> None:
    asks = Asks(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(config, faces=faces, say=asks)
    assert asks[-1].startswith("step 6:")


def test_asked_at_the_last_step_a_run_is_done_and_the_script_ends_all_the_same(config, faces, tmp_path) -> None:
    asks = Asks(signal.SIGTERM, "step 10:")
    with pytest.raises(SystemExit):
        train(config, tmp_path, faces=faces, say=asks)
    assert asks[-1] == "stopped by SIGTERM: step 10 is saved, the run is done"
    assert load(tmp_path / "last.pt")["step"] == 10


def test_two_runs_do_not_write_to_one_folder(config, faces, tmp_path) -> None:
    def second(line: str) -> None:
        if line.startswith("step 4:"):
            with pytest.raises(FileExistsError, match="another run is writing to this folder now"):
                train(config.replace(seed=1), tmp_path, faces=faces)

    train(config, tmp_path, faces=faces, say=second)
    assert load(tmp_path / "last.pt")["config"]["seed"] == config.seed
    train(config, tmp_path, resume=True, faces=faces)  # the folder is free again


def test_in_another_thread_it_trains_as_ever(config, faces, tmp_path) -> None:
    thread = threading.Thread(target=train, args=(config, tmp_path), kwargs={"faces": faces})
    thread.start()
    thread.join()
    assert load(tmp_path / "last.pt")["step"] == config.steps


def test_weights_that_are_not_finite_are_not_saved_here_either(config, faces, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(loop, "finite", lambda *modules: False)
    with pytest.raises(TrainingDiverged):
        train(config.replace(save_every=10, validate_every=10), tmp_path, faces=faces, say=Asks(signal.SIGTERM))
    assert not (tmp_path / "last.pt").exists()


@pytest.mark.parametrize("unwell", ["in parts", "not finite"])
def test_readers_that_end_within_a_step_or_with_bad_weights_leave_nothing_half(
    config, faces, tmp_path, monkeypatch, unwell
) -> None:
    """Half a step stands in running statistics; weights that are no numbers are worth no checkpoint."""
    asks = Asks(signal.SIGTERM, "step 2:")
    fed = loop.feed

    def gone(*given, **named):
        for number, batch in enumerate(fed(*given, **named)):
            if asks and asks[-1].startswith("step 2:") and (unwell == "not finite" or number % 2):
                raise RuntimeError("DataLoader worker exited")
            yield batch

    monkeypatch.setattr(loop, "feed", gone)
    if unwell == "not finite":
        monkeypatch.setattr(stopping, "finite", lambda *modules: False)
    changed = config.replace(micro_batch=12 if unwell == "in parts" else None, log_every=1, save_every=10)
    monkeypatch.setattr(stopping.Stopping, "asked", lambda self, device: False)
    with pytest.raises(RuntimeError, match="worker exited"):
        train(changed, tmp_path, faces=faces, say=asks)
    assert not (tmp_path / "last.pt").exists()


def test_a_full_disk_is_said(config, faces, tmp_path, monkeypatch) -> None:
    from cosface_edu.training import CheckpointError, checkpoint

    def full(path, state):
        raise CheckpointError("disk full")

    monkeypatch.setattr(checkpoint, "save", full)
    with pytest.raises(CheckpointError, match="disk full"):
        train(config, tmp_path, faces=faces, say=Asks(signal.SIGTERM))


def test_a_queue_signals_the_processes_that_read_too(tmp_path) -> None:
    """The command with two workers, all of its processes asked at once, as a queue does."""
    settings = [
        "identities=12",
        "per_identity=6",
        "held_out=0",
        "workers=2",
        "device=cpu",
        "log_every=1",
        "save_every=1000",
    ]
    command = [sys.executable, "-u", "-m", "cosface_edu", "train", "--network", "sphereface4", "--steps", "100000",
               "--batch", "8", "--out", str(tmp_path)]  # fmt: skip
    command += [word for setting in settings for word in ("--set", setting)]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert run.stdout
    said = ""
    for line in run.stdout:
        said += line
        if re.search(r"step 5:", line):
            os.killpg(run.pid, signal.SIGTERM)
    assert run.wait() == 143, said
    saved = re.search(r"stopped by SIGTERM: step (\d+) is saved", said)
    assert saved, said
    assert load(tmp_path / "last.pt")["step"] == int(saved[1]) >= 5


ASKED_AMIDST = """
import multiprocessing, os, signal, sys
from torch.nn.modules.module import register_module_forward_hook
from cosface_edu.faces import FaceWorldDataset
from cosface_edu.training import Config, train, validation

method, number, when, out = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
multiprocessing.set_start_method(method)
signal.signal(signal.SIGINT, signal.default_int_handler)
verify, said = validation.HeldOut.verify, [""]
validation.HeldOut.verify = lambda self, network: verify(self, network, batch=2)  # readers have work left

def say(line):
    print(line, flush=True)
    said.append(line)

def amidst(module, *call):
    if said[-1].startswith("step 3:") and module.training == (when == "micro-batches"):
        said.append("asked")
        os.killpg(0, number)

register_module_forward_hook(amidst)
config = Config(size=(56, 48), network="small", embedding=8, batch=16, steps=1000, held_out=8, held_out_pairs=32,
                workers=2, device="cpu", log_every=1, save_every=1000,
                validate_every=3 if when == "validation" else 1000,
                micro_batch=2 if when == "micro-batches" else None)  # more of them than are read ahead
train(config, out, faces=FaceWorldDataset(12, 6, size=(56, 48)), say=say)
"""


@pytest.mark.parametrize(
    ("method", "number", "when", "step"),
    [
        ("spawn", signal.SIGINT, "validation", 3),
        ("forkserver", signal.SIGINT, "micro-batches", 4),
        ("fork", signal.SIGTERM, "validation", 3),
    ],
)
def test_asked_with_its_readers_it_saves_however_they_were_started(tmp_path, method, number, when, step) -> None:
    """Ctrl-C goes to all processes of a terminal. Only a forked reader has the handler of the process that trains."""
    command = [sys.executable, "-c", ASKED_AMIDST, method, str(int(number)), when, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, start_new_session=True)
    assert f"stopped by {number.name}: step {step} is saved" in run.stdout, run.stdout + run.stderr
    assert load(tmp_path / "last.pt")["step"] == step


def test_a_validation_that_fails_by_itself_is_an_error(config, faces, tmp_path, monkeypatch) -> None:
    def fails(self, network):
        raise RuntimeError("out of memory")

    monkeypatch.setattr("cosface_edu.training.validation.HeldOut.verify", fails)
    with pytest.raises(RuntimeError, match="out of memory"):
        train(config.replace(held_out=4, held_out_pairs=8), tmp_path, faces=faces)
