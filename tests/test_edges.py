"""Where the command line meets the world: names, encodings, places, devices, and values typed by hand."""

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from cosface_edu import networks
from cosface_edu.cli import app
from cosface_edu.cli.common import show, shown, warn
from cosface_edu.data.images import encode_jpeg
from cosface_edu.training import Config, checkpoint

TINY = [
    *("--network", "sphereface4", "--batch", "8", "--steps", "3", "--set", "size=16x16", "--set", "embedding=8"),
    *("--set", "identities=12", "--set", "per_identity=2", "--set", "held_out=4", "--set", "held_out_pairs=4"),
    *("--set", "schedule=steps", "--set", "lr_warm_up=0", "--set", "device=cpu"),
]


def run(*arguments: object, charset: str = "utf-8"):
    environment = {"COLUMNS": "200", "TERM": "dumb"}
    return CliRunner(charset=charset).invoke(app, [str(argument) for argument in arguments], env=environment)


@pytest.fixture
def network(tmp_path) -> Path:
    networks.save(networks.create("sphereface4", embedding=4, size=(16, 16)), tmp_path / "n.safetensors")
    return tmp_path / "n.safetensors"


@pytest.fixture
def crops(tmp_path) -> Path:
    """Two people with two crops each, in a folder whose name Rich would read as something else."""
    folder = tmp_path / "faces [v2] a[/b] :smile:"
    for person in ("[red]x[-red]", "y"):
        for number in (1, 2):
            path = folder / person / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_jpeg(torch.full((3, 16, 16), 40 * number, dtype=torch.uint8)))
    return folder


def test_names_are_printed_as_they_are(crops, tmp_path) -> None:
    (crops / "[red]x[-red]" / "[bold]e.jpg").write_bytes(b"broken")
    done = run("check", crops)
    assert str(crops) in done.output
    assert "[red]x[-red]/[bold]e.jpg" in done.output
    nowhere = tmp_path / "a[/b]" / "[bold]:smile:"
    for arguments in (["check", nowhere], ["evaluate", nowhere], ["align", nowhere, tmp_path / "b"]):
        done = run(*arguments)
        assert done.exit_code == 1
        assert str(nowhere) in done.output
    done = run("toy", "[/b]")
    assert "[/b]" in done.output + str(done.exception)
    assert "MarkupError" not in repr(done.exception)


def test_what_a_terminal_would_obey_is_written_out(crops, tmp_path) -> None:
    bell = "\x1b]0;owned\x07\x1b[2J\x9b8m\x7f.jpg"
    lines = "y\n  nothing wrong found\r.jpg"
    turned = "z\u202egpj\u2066.jpg"
    for name in (bell, lines, turned):
        (crops / "y" / name).write_bytes(b"broken")
    done = run("check", crops)
    assert r"y/\x1b]0;owned\x07\x1b[2J\x9b8m\x7f.jpg: cannot be decoded" in done.output
    assert r"y/y\n  nothing wrong found\r.jpg: cannot be decoded" in done.output
    assert r"y/z\u202egpj\u2066.jpg: cannot be decoded" in done.output
    done = run("check", tmp_path / "\x1b[2J")
    assert (done.exit_code, r"\x1b[2J: no such folder" in done.output) == (1, True)


def test_warnings_and_text_for_the_terminal_are_written_out(capsys) -> None:
    warn("skipped a\n\x1b[2Jerror: b")
    assert capsys.readouterr().err == "warning: skipped a\\n\\x1b[2Jerror: b\n"
    assert shown("a\tb\nc\udce9\ud800 é 面 :smile:") == "a\tb\nc\ufffd\ufffd é 面 :smile:"
    show("lfw\x1b[2J", {"TAR\x1b": "1 %\x07"}, None)
    assert not {"\x1b", "\x07"} & set(capsys.readouterr().out)


@pytest.mark.parametrize("value", ["[/b]", "[bold]x"])
def test_options_are_told_as_they_were_typed(value) -> None:
    for arguments in (["align", "a", "b", "--size", value], ["evaluate", "--flip", value], ["check", "a", value]):
        done = run(*arguments)
        assert (done.exit_code, value in done.output) == (2, True)
    done = run("train", "--set", f"lr={value}")
    assert f"lr must be a number of at least 0, got '{value}'" in done.output
    done = run("train", "--set", f"{value}=1")
    assert f"--set {value}=1: wanted NAME=VALUE" in done.output


@pytest.mark.parametrize("charset", ["cp1252", "latin-1", "ascii"])
def test_output_survives_a_stream_of_another_encoding(charset, network, crops, tmp_path) -> None:
    for command in ([], ["train"], ["evaluate"], ["align"], ["identify"], ["rehearse"], ["record"]):
        done = run(*command, "--help", charset=charset)
        assert done.exit_code == 0, (command, done.exception)
    done = run("identify", network, "--probes", crops, "--gallery", crops, "--out", tmp_path / "é…", charset=charset)
    assert done.exit_code == 0, (done.output, done.exception)
    done = run("train", "--out", tmp_path / "run", *TINY, charset=charset)
    assert done.exit_code == 0, done.exception
    done = run("evaluate", tmp_path / "λ…", charset=charset)
    assert (done.exit_code, "no such run" in done.output) == (1, True)


def test_features_go_into_a_folder_that_is_made(network, crops, tmp_path) -> None:
    done = run("embed", network, crops, tmp_path / "new" / "er" / "f.npz")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "new" / "er" / "f.npz").is_file()


def test_a_wrong_target_is_refused_before_the_work(network, crops, tmp_path, monkeypatch) -> None:
    def work(*_: object, **__: object) -> None:
        pytest.fail("the work began")

    for name in ("embedding.embed", "measured.embed"):
        monkeypatch.setattr(f"cosface_edu.evaluation.{name}", work)
    monkeypatch.setattr("cosface_edu.evaluation.embed", work)
    monkeypatch.setattr("cosface_edu.experiments.rehearsal.rehearse", work)
    monkeypatch.setattr("cosface_edu.experiments.catalogue.make", work)
    file = tmp_path / "file"
    file.write_text("")
    for arguments in (
        ["embed", network, crops, tmp_path],
        ["embed", network, crops, file / "f.npz"],
        ["evaluate", network, "--out", file],
        ["identify", network, "--probes", crops, "--gallery", crops, "--out", file],
        ["identify", network, "--probes", crops, "--distractors", crops, "--out", file / "report"],
        ["train", *TINY, "--out", file],
        ["rehearse", "quick", "--out", tmp_path, "--work", tmp_path / "work"],
        ["rehearse", "quick", "--work", file],
        ["record", "rehearsal", "--out", tmp_path],
    ):
        done = run(*arguments)
        assert done.exit_code == 1, (arguments, done.output)
        assert "is wanted" in done.output
        assert len(done.output.strip().splitlines()) == 1, done.output
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize("device", ["gpu", "cuda:63", "CPU", ""])
def test_a_device_that_is_not_here_is_told_in_one_line(device, network, crops, tmp_path) -> None:
    for arguments in (
        ["embed", network, crops, tmp_path / "f.npz"],
        ["evaluate", network],
        ["identify", network],
        ["align", crops, tmp_path / "aligned"],
    ):
        done = run(*arguments, "--device", device)
        assert done.exit_code == 1, done.output
        assert "device must be one that is here: cpu" in done.output
        assert f"got '{device}'" in done.output
        assert len(done.output.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["embed", "evaluate", "identify", "align"])
def test_batches_of_nothing_are_refused(command) -> None:
    done = run(command, "--batch", 0)
    assert done.exit_code == 2
    assert "--batch" in done.output


def test_nought_that_is_asked_for_is_not_passed_over(tmp_path) -> None:
    for option in ("--batch", "--steps", "--micro-batch"):
        done = run("train", *TINY, "--out", tmp_path / "x", option, 0)
        assert done.exit_code == 1, (option, done.output)
        assert "at least 1" in done.output
        assert "got 0" in done.output
    done = run("train", "--preset", "casia", "--data", "faceworld", *TINY, "--workers", 0, "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert checkpoint.load(tmp_path / "run" / "last.pt")["config"]["workers"] == 0


@pytest.mark.parametrize(
    "text",
    [
        *("lr=-0.1", "batch=0", "held_out=1", "held_out=2", "held_out=3", "seed=1.5", "device=gpu", "micro_batch=-1"),
        *("lr=nan", "momentum=0.9f", "size=56", "crop=2.5", "steps=1e1", "loss_options=s:30", "lr=0,1", "held_out=ten"),
        *("workers=two", "batch=8.0", "lr_warm_up=-3", "flip=maybe", "milestones=x", "clip=0", "data="),
    ],
)
def test_nonsense_is_refused_in_one_line_with_its_name(text, tmp_path) -> None:
    done = run("train", *TINY, "--out", tmp_path / "run", "--set", text)
    name, _, value = text.partition("=")
    assert done.exit_code == 1
    assert f"{name} must be " in done.output
    assert value in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_switches_switch_off_and_the_same_command_continues_its_own_run(tmp_path) -> None:
    command = ["train", *TINY, "--out", tmp_path / "run"]
    for setting in ("flip=false", "milestones=[2]", "size=[16,16]", "clip=5", "loss_options={'s': 16, 'm': 0.2}"):
        command += ["--set", setting]
    assert run(*command).exit_code == 0
    kept = checkpoint.load(tmp_path / "run" / "last.pt")["config"]
    assert (kept["flip"], kept["milestones"], kept["size"]) == (False, (2,), (16, 16))
    assert Config.from_dict(kept).flip is False
    again = run(*command, "--resume")
    assert again.exit_code == 0, again.output
    assert "at step 3" in again.output
    longer = run(*command, "--resume", "--steps", 5)
    assert longer.exit_code == 0, longer.output
    assert "step 5" in longer.output
