"""Checkpoints are whole or absent, and reading one runs nothing."""

import os
import pickle
import resource
import zipfile

import pytest
import torch

from cosface_edu import networks
from cosface_edu.training import CheckpointError, Config, load_network, train
from cosface_edu.training.checkpoint import build_network, load, save


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path) -> None:
    """A real write that fails half way: the process may write no file larger than 100 KB."""
    path = tmp_path / "last.pt"
    save(path, {"step": 1, "weights": torch.ones(10)})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(CheckpointError, match="whole and kept"):
            save(path, {"step": 2, "weights": torch.ones(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load(path)["step"] == 1
    assert os.listdir(tmp_path) == ["last.pt"]


def test_training_goes_on_when_a_checkpoint_cannot_be_written(config, faces, tmp_path, monkeypatch) -> None:
    from cosface_edu.training import checkpoint

    saved = checkpoint.save

    def full(path, state):
        if state["step"] == 8:
            raise CheckpointError("disk full")
        saved(path, state)

    monkeypatch.setattr(checkpoint, "save", full)
    lines = []
    run = train(config, tmp_path, faces=faces, say=lines.append)
    assert any("disk full; training goes on" in line for line in lines)
    assert load(tmp_path / "last.pt")["step"] == 10
    assert run.history[-1]["step"] == 10


def test_where_the_best_does_not_fit_the_last_may(config, faces, tmp_path, monkeypatch) -> None:
    from cosface_edu.training import checkpoint

    saved, written = checkpoint.save, []

    def full(path, state):
        if path.name == "best.pt" and state["step"] == 3:
            raise CheckpointError("disk full")
        saved(path, state)
        written.append((path.name, state["step"]))

    monkeypatch.setattr(checkpoint, "save", full)
    lines = []
    changed = config.replace(held_out=4, held_out_pairs=10, validate_every=3)
    train(changed, tmp_path, faces=faces, say=lines.append)
    assert any("disk full; training goes on" in line for line in lines)
    assert ("last.pt", 3) in written


def test_a_last_checkpoint_that_fails_is_an_error(config, faces, tmp_path, monkeypatch) -> None:
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CheckpointError, match="No space left"):
        train(config, tmp_path, faces=faces, say=lambda line: None)


class Code:
    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.mark.parametrize("content", ["code", "empty", "cut", "text", "tensor", "another format"])
def test_what_is_no_checkpoint_is_refused_and_runs_nothing(content, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "last.pt"
    save(path, {"step": 1, "weights": torch.ones(1000)})
    whole = path.read_bytes()
    if content == "tensor":
        torch.save(torch.ones(3), path)
    elif content == "another format":
        torch.save({"format": 99, "step": 1, "config": {}}, path)
    else:
        path.write_bytes(
            {"code": pickle.dumps(Code()), "empty": b"", "cut": whole[: len(whole) // 2], "text": b"hello"}[content]
        )
    with pytest.raises(CheckpointError, match=r"last\.pt"):
        load(path)
    assert not (tmp_path / "executed").exists()


def _in_the_archive(path, change) -> None:
    """Write a checkpoint again with its pickle changed; all sums are right."""
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, change(content) if name.endswith("data.pkl") else content)


@pytest.mark.parametrize("read", [load, networks.load_released])
def test_damage_anywhere_is_told_with_the_file_s_name(tmp_path, read) -> None:
    path = tmp_path / "odd.pt"
    weights = {f"layer{i}": torch.ones(200) for i in range(100)}
    torch.save(weights, path)
    whole = path.read_bytes()
    for length in range(1, len(whole), 997):
        path.write_bytes(whole[:length])
        with pytest.raises((CheckpointError, ValueError), match=r"odd\.pt: damaged"):
            read(path)
    at = whole.index(torch.ones(200).numpy().tobytes())
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])  # a single bit, which PyTorch passes over
    with pytest.raises(
        (CheckpointError, ValueError), match=r"odd\.pt: damaged \(Bad CRC-32.*copy or download it again"
    ):
        read(path)
    for changed in (b"\x80\x02.", b"\x80\x02e.", b"\x80\x02}Nb.", b"\x80\x02K\x01K\x02\x86Q."):
        path.write_bytes(whole)
        _in_the_archive(path, lambda _, changed=changed: changed)
        with pytest.raises((CheckpointError, ValueError), match=r"odd\.pt: damaged"):
            read(path)


def test_a_checkpoint_without_sums_is_read(tmp_path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        save(tmp_path / "last.pt", {"step": 1})
    finally:
        torch.serialization.set_crc32_options(True)
    assert load(tmp_path / "last.pt")["step"] == 1


def test_a_missing_checkpoint_is_named(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.pt"):
        load(tmp_path / "nothing.pt")


def test_a_trained_network_is_read_back(config, faces, tmp_path) -> None:
    run = train(config, tmp_path, faces=faces, say=lambda line: None)
    network, found = load_network(tmp_path)
    assert found == config
    assert not network.training
    images = torch.rand(3, 3, 16, 16)
    assert torch.equal(network(images), run.network(images))


def test_a_checkpoint_of_another_network_is_refused(config, faces, tmp_path) -> None:
    train(config, tmp_path, faces=faces, say=lambda line: None)
    state = load(tmp_path / "last.pt")
    state["config"]["embedding"] = 9
    save(tmp_path / "last.pt", state)
    with pytest.raises(ValueError, match=r"fc\.\w+ is"):
        load_network(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"config": None},
        {"config": [1]},
        {"config": {1: 2, "x": 3}},
        {"config": {"network": "small", "embedding": 10**400}},
        {"config": {"network": "small", "network_options": {"name": 1}}},
        {"config": {"network": "small", "network_options": {"dropout": "much"}}},
        {"network": [1]},
        {"network": {"fc.weight": 1}},
        {"format": torch.ones(2)},
    ],
)
def test_fields_of_another_kind_are_told_with_the_file_s_name(tmp_path, changes) -> None:
    small = Config(network="small", size=(28, 24), embedding=8)
    state = {"config": small.to_dict(), "network": build_network(small).state_dict()}
    save(tmp_path / "odd.pt", state | changes)
    with pytest.raises((CheckpointError, ValueError), match=r"odd\.pt: "):
        load_network(tmp_path / "odd.pt")


@pytest.mark.parametrize("odd", [torch.Tensor.to_sparse, lambda weight: weight.to("meta"), torch.Tensor.cfloat])
def test_weights_that_cannot_be_copied_are_told_with_the_file_s_name(tmp_path, odd) -> None:
    small = Config(network="small", size=(28, 24), embedding=8)
    weights = {name: odd(weight) for name, weight in build_network(small).state_dict().items()}
    save(tmp_path / "odd.pt", {"config": small.to_dict(), "network": weights})
    with pytest.raises(ValueError, match=r"odd\.pt: \S+ is sparse, nested, quantised, complex or without numbers"):
        load_network(tmp_path / "odd.pt")


def test_a_run_goes_on_from_no_checkpoint_that_lacks_something(config, faces, tmp_path) -> None:
    short = config.replace(steps=1)
    train(short, tmp_path, faces=faces, say=lambda line: None)
    state = load(tmp_path / "last.pt")
    for name in ("config", "network", "step", "best", "head", "optimiser", "schedules"):
        for changed in ({key: state[key] for key in state if key != name}, state | {name: "nonsense"}):
            save(tmp_path / "last.pt", changed)
            with pytest.raises((CheckpointError, ValueError), match=r"last\.pt: not "):
                train(short, tmp_path, faces=faces, resume=True, say=lambda line: None)
