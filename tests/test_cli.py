"""Each command does its step, explains itself, and says what went wrong in one line."""

import inspect
import json
import pkgutil
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from rich.console import Console
from typer.main import get_command
from typer.testing import CliRunner

from cosface_edu import data, geometry, networks, palette
from cosface_edu.cli import app
from cosface_edu.cli.common import plain_errors, size_of
from cosface_edu.cli.train import fields, settings
from cosface_edu.data import normalise, to_bytes
from cosface_edu.data.images import encode_jpeg
from cosface_edu.experiments import toy
from cosface_edu.faces import FaceWorldDataset
from cosface_edu.figures import style
from cosface_edu.files import alone_in
from cosface_edu.training.checkpoint import open_network

runner = CliRunner()
COMMANDS = ("align", "check", "train", "evaluate", "identify", "embed", "toy", "rehearse", "record", "advise")
MEASURED = ("margin met %", "smallest centre gap", "mean cloud gap", "mean cloud gap, test")  # heads of the toy's table
TINY = [
    *("--network", "sphereface4", "--batch", "8", "--steps", "3", "--set", "size=(16,16)", "--set", "embedding=8"),
    *("--set", "identities=12", "--set", "per_identity=2", "--set", "held_out=4", "--set", "held_out_pairs=4"),
    *("--set", "lr_warm_up=0", "--set", "device=cpu"),
]


def run(*arguments: object):
    return runner.invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200", "TERM": "dumb"})


@pytest.fixture(scope="module")
def crops(tmp_path_factory) -> Path:
    """Twenty people with two crops each."""
    folder = tmp_path_factory.mktemp("crops")
    faces = FaceWorldDataset(20, 2, (32, 28))
    for index in range(len(faces)):
        image, label = faces[index]
        path = folder / f"person_{label:02d}" / f"person_{label:02d}_{index % 2 + 1:04d}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_jpeg(to_bytes(image)))
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("run")
    done = run("train", "--out", out, *TINY)
    assert done.exit_code == 0, done.output
    return out


@pytest.mark.parametrize(
    ("options", "loss", "expected"),
    [
        (["--loss", "lmcl"], "lmcl", {"s": 16.0, "m": 0.2}),  # another name of the preset's loss
        (["--set", "loss=arcface"], "arcface", {}),
        (["--set", "loss=arcface", "--m", "0.4"], "arcface", {"m": 0.4}),
        (["--m", "0.3", "--set", "loss_options={'s': 30}"], "cosface", {"s": 30, "m": 0.3}),
    ],
)
def test_the_options_of_a_loss_are_its_own_however_it_is_named(options, loss, expected, tmp_path, monkeypatch) -> None:
    seen = []
    monkeypatch.setattr("cosface_edu.training.train", lambda config, *_, **__: seen.append(config))
    done = run("train", "--out", tmp_path, *options)
    assert done.exit_code == 0, done.output
    assert (seen[0].loss, seen[0].loss_options) == (loss, expected)


def test_two_runs_do_not_share_a_folder(tmp_path) -> None:
    with alone_in(tmp_path):
        refused = run("train", "--out", tmp_path, *TINY)
    assert refused.exit_code == 1
    assert "another run is writing to this folder now" in refused.output
    assert not (tmp_path / "last.pt").exists()
    with alone_in(tmp_path):
        pass


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_an_example(command) -> None:
    done = run(command, "--help")
    assert done.exit_code == 0
    assert f"cosface-edu {command}" in done.output.replace("\n", " ")


def test_the_commands_are_listed() -> None:
    listed = run("--help").output
    assert all(command in listed for command in COMMANDS)


def test_the_toy_s_table_is_whole_in_a_terminal_of_eighty_columns(monkeypatch) -> None:
    wide = {"loss": "A-Softmax", "m": "0.35", "s": "10", "train %": "100.0", "test %": "100.0"}
    monkeypatch.setattr(toy, "cached", lambda config: None)
    monkeypatch.setattr(toy, "rows", lambda runs: [wide | {name: "145.0°" for name in MEASURED}])
    monkeypatch.setattr("cosface_edu.cli.toy.console", Console(width=80))
    shown = run("toy", "asoftmax").output
    assert "A-Softmax" in shown
    assert "…" not in shown


def test_help_does_not_wait_for_pytorch() -> None:
    import subprocess
    import sys

    program = "import sys, cosface_edu.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_train_writes_a_run_and_says_how_it_goes(trained) -> None:
    assert {"last.pt", "best.pt"} <= {path.name for path in trained.iterdir()}


def test_train_refuses_to_overwrite_and_resumes(trained) -> None:
    again = run("train", "--out", trained, *TINY)
    assert again.exit_code == 1
    assert "--resume" in again.output
    done = run("train", "--out", trained, "--resume", *TINY)
    assert done.exit_code == 0, done.output
    assert "resumed" in done.output


class Reached(Exception):
    """A command has called its room; what with is kept."""


@pytest.fixture
def reached(tmp_path, monkeypatch):
    """reached(function, words): the arguments by name, and how they come, if the command calls the function."""
    (tmp_path / "mine_for_options.py").write_text("def embed(images):\n    return images.flatten(1)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def call(function: str, words: str) -> dict[str, object]:
        signature, seen = inspect.signature(pkgutil.resolve_name(function)), {}

        def stand_in(*arguments, **options):
            seen.update(signature.bind(*arguments, **options).arguments)
            raise Reached

        monkeypatch.setattr(function.replace(":", "."), stand_in)
        done = run(*words.split())
        assert isinstance(done.exception, Reached), done.output
        return seen

    return call


REHEARSAL, EMBEDDER = "cosface_edu.experiments.rehearsal", "--embedder mine_for_options:embed --size 20x24"


@pytest.mark.parametrize(
    ("function", "words", "wanted"),
    [
        (
            "cosface_edu.align:align_folder",
            "align a b --size 112x112 --missing centre-crop --min-face 30 --factor 0.5 --face largest --borders black "
            "--batch 3 --workers 2",
            {
                **{"src": Path("a"), "dst": Path("b"), "size": (112, 112), "missing": "centre-crop", "min_face": 30},
                **{"factor": 0.5, "face": "largest", "borders": "black", "batch_size": 3, "workers": 2},
            },
        ),
        ("cosface_edu.training:train", "train --out o", {"out": Path("o"), "resume": False}),
        ("cosface_edu.training:train", "train --out o --resume", {"out": Path("o"), "resume": True}),
        (f"{REHEARSAL}:rehearse", "rehearse quick --work w", {"quick": True, "work": Path("w")}),
        (f"{REHEARSAL}:rehearse", "rehearse faceworld --seeds 5 --work w", {"seeds": 5, "work": Path("w")}),
        (f"{REHEARSAL}:grid", "rehearse grid --seeds 4", {"seeds": range(4)}),
        (f"{REHEARSAL}:many", "rehearse many --seeds 4", {"seeds": 4}),
        (
            f"{REHEARSAL}:real_faces",
            "rehearse real --seeds 2 --members 4 --loss nsl --plain --work w",
            {"seeds": 2, "members": 4, "losses": ["nsl"], "plain": True, "work": Path("w")},
        ),
        (
            "cosface_edu.experiments.catalogue:make",
            "record rehearsal --out m.json",
            {"name": "rehearsal", "out": Path("m.json")},
        ),
        (
            "cosface_edu.experiments.toy:cached",
            "toy arcface --m 0.1 --s 20 --seed 3 --source lfw",
            {"config": toy.ToyConfig(loss="arcface", m=0.1, s=20.0, seed=3, source="lfw")},
        ),
        (
            "cosface_edu.evaluation:evaluate",
            f"evaluate {EMBEDDER} --out o --flip sum --precision float32 --batch 3 --workers 2",
            {
                **{"out": Path("o"), "test": "faceworld", "preprocess": None},
                **{"flip": "sum", "precision": "float32", "batch": 3, "workers": 2},
            },
        ),
        (
            "cosface_edu.evaluation:open_pairs",
            f"evaluate {EMBEDDER} --test t --pairs p",
            {"source": "t", "pairs": Path("p"), "splits": None, "size": (20, 24)},
        ),
        (
            "cosface_edu.evaluation:open_pairs",
            f"evaluate {EMBEDDER} --test t --splits s",
            {"source": "t", "pairs": None, "splits": Path("s"), "size": (20, 24)},
        ),
        (
            "cosface_edu.evaluation:evaluate_blufr",
            f"evaluate {EMBEDDER} --test t --blufr b.mat --out o",
            {"images": "t", "config": Path("b.mat"), "size": (20, 24), "out": Path("o")},
        ),
        (
            "cosface_edu.evaluation:evaluate_identification",
            f"identify {EMBEDDER} --probes p --gallery g --out o",
            {"probes": "p", "gallery": Path("g"), "size": (20, 24), "out": Path("o")},
        ),
        (
            "cosface_edu.evaluation:evaluate_megaface",
            f"identify {EMBEDDER} --probes p --distractors d --out o",
            {"probes": "p", "distractors": "d", "size": (20, 24), "out": Path("o")},
        ),
    ],
)
def test_every_option_reaches_what_does_the_work(function, words, wanted, reached) -> None:
    seen = reached(function, words)
    assert {name: seen[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("function", "words"),
    [("evaluate_identification", "identify --gallery g"), ("evaluate_blufr", "evaluate --test t --blufr b")],
)
def test_how_faces_are_measured_is_what_the_options_say(function, words, reached) -> None:
    options = "--flip sum --precision float32 --batch 3 --workers 2"
    measured = reached(f"cosface_edu.evaluation:{function}", f"{words} {EMBEDDER} {options}")["measured"]
    assert (measured.flip, measured.precision, measured.options) == ("sum", "float32", {"batch": 3, "workers": 2})
    assert measured.preprocess is None


@pytest.mark.parametrize("option", ["--seeds", "--members"])
def test_a_rehearsal_of_nothing_is_refused(option) -> None:
    result = run("rehearse", "real", option, 0)
    assert result.exit_code == 2
    assert option in result.output
    assert re.search("greater than or equal to 1|x>=1", result.output)  # as one or another typer says it


@pytest.mark.parametrize(
    ("rehearsal", "option"), [("quick", "--seeds"), ("grid", "--work"), ("many", "--loss"), ("faceworld", "--members")]
)
def test_an_option_that_would_do_nothing_cannot_be_typed(rehearsal, option) -> None:
    result = run("rehearse", rehearsal, option, 1)
    assert result.exit_code == 2
    assert "No such option" in result.output


def test_every_option_of_train_says_something_of_the_run() -> None:
    """Options are handed on by their names: one that no field has would be dropped without a word."""
    options = {parameter.name for parameter in get_command(app).commands["train"].params}
    assert options - set(fields()) == {"preset", "out", "resume", "s", "m", "set"}


def test_another_loss_comes_with_its_own_options(tmp_path) -> None:
    done = run("train", "--out", tmp_path, *TINY, "--loss", "arcface", "--s", "20")
    assert done.exit_code == 0, done.output
    config = torch.load(tmp_path / "last.pt", weights_only=True)["config"]
    assert (config["loss"], config["loss_options"]) == ("arcface", {"s": 20.0})


OWN_LOSS = """
from cosface_edu.losses import CosFace

class Longer(CosFace):
    'CosFace, and a small price on length.'

    def extra(self, features, labels):
        return 0.01 * features.norm(dim=1).log1p().mean()
"""


def test_a_loss_of_ones_own_is_named_by_module_and_class(tmp_path, monkeypatch) -> None:
    (tmp_path / "mine_for_train.py").write_text(OWN_LOSS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    done = run("train", "--out", tmp_path / "run", *TINY, "--loss", "mine_for_train:Longer", "--m", "0.2")
    assert done.exit_code == 0, done.output
    state = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    assert (state["config"]["loss"], state["config"]["loss_options"]) == ("mine_for_train:Longer", {"m": 0.2})
    assert style.loss("mine_for_train:Longer") == palette.TEXT  # it stands in figures, in grey until it has a card
    again = run("train", "--out", tmp_path / "run", *TINY, "--loss", "mine_for_train:Longer", "--m", "0.2", "--resume")
    assert again.exit_code == 0, again.output
    wrong = run("train", "--out", tmp_path / "other", *TINY, "--loss", "mine_for_train:Shorter")
    assert wrong.exit_code == 1
    assert "mine_for_train has no class 'Shorter'" in wrong.output
    rejected = run("train", "--out", tmp_path / "other", *TINY, "--loss", "triplet")
    assert rejected.exit_code == 1
    assert "no class centres" in rejected.output


def test_evaluate_reports_on_a_checkpoint(trained, crops, tmp_path) -> None:
    lines = ["10"]
    lines += [f"person_{p:02d}\t1\t2" for p in range(10)]
    lines += [f"person_{p:02d}\t1\tperson_{p + 10:02d}\t1" for p in range(10)]
    (tmp_path / "pairs.txt").write_text("\n".join(lines) + "\n")
    out = tmp_path / "report"
    done = run("evaluate", trained, "--test", crops, "--pairs", tmp_path / "pairs.txt", "--out", out)
    assert done.exit_code == 0, done.output
    report = json.loads((out / "report.json").read_text())
    assert f"{100 * report['accuracy']:.2f} ±" in done.output
    assert f"{100 * report['interval']['low']:.2f} … {100 * report['interval']['high']:.2f} %" in done.output
    assert (out / "report.html").exists()


def test_identify_finds_the_people_of_a_gallery_and_needs_no_data_for_strangers(trained, crops, tmp_path) -> None:
    done = run("identify", trained, "--probes", crops, "--gallery", crops, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "report.json").read_text())["rows"]
    assert rows["rank 20"] == 1  # each picture finds itself, but for ties of a network that is hardly trained
    assert "100.00 %" in done.output
    assert f"warning: 40 probes are enrolled too, such as {crops}" in done.output
    assert "UserWarning" not in done.output
    strangers = run("identify", trained, "--probes", crops)
    assert strangers.exit_code == 0, strangers.output
    assert "rank 1 among 1,000" in strangers.output


def test_evaluate_names_an_image_that_blufr_lists_and_the_folder_lacks(trained, crops, tmp_path) -> None:
    from scipy.io import savemat

    one = np.array([np.array([[1]]), None], dtype=object)[:1]
    listed = np.array(["Nobody_0001.jpg", None], dtype=object)[:1, None]
    fields = dict.fromkeys(("testIndex", "galIndex", "probIndex"), one)
    savemat(tmp_path / "config.mat", {"imageList": listed, "labels": [[1]], **fields})
    done = run("evaluate", trained, "--test", crops, "--blufr", tmp_path / "config.mat")
    assert done.exit_code == 1
    assert "Nobody_0001.jpg" in done.output


def test_several_networks_are_judged_together(trained, crops, tmp_path) -> None:
    weights = tmp_path / "n.safetensors"
    networks.save(networks.create("sphereface4", embedding=4, size=(16, 16)), weights)
    done = run("identify", trained, weights, "--probes", crops, "--gallery", crops, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    embedder = json.loads((tmp_path / "report.json").read_text())["embedder"]
    assert (embedder["name"], embedder["dimension"]) == ("Ensemble", 2 * (8 + 4))
    networks.save(networks.create("sphereface4", embedding=4, size=(32, 16)), weights)  # of another size
    done = run("identify", trained, weights, "--probes", crops, "--gallery", crops, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "report.json").read_text())["embedder"]["dimension"] == 2 * (8 + 4)


def test_evaluate_wants_one_thing_to_evaluate(trained) -> None:
    assert "either a NETWORK or an --embedder" in run("evaluate").output
    assert run("evaluate", trained, "--embedder", "a:b").exit_code == 1


def test_what_is_not_asked_of_a_network_or_of_an_embedder_is_refused(trained) -> None:
    for command in ("evaluate", "identify"):
        sized = run(command, trained, "--size", "20x20")
        assert sized.exit_code == 1
        assert "--size is that of an --embedder's images, and a NETWORK's file says its own" in sized.output
        named = run(command, "--embedder", "a:b", "--own-network", "no:such")
        assert named.exit_code == 1
        assert "--own-network is what a NETWORK's file may name, and an --embedder has none" in named.output


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "auto"])
def test_embed_computes_in_the_precision_that_is_asked_for_and_writes_it(
    precision, trained, crops, tmp_path, monkeypatch
) -> None:
    from cosface_edu import evaluation

    monkeypatch.setattr(evaluation, "choose_precision", lambda *_: "bfloat16")  # as where it is faster
    asked = []

    def embed(network, faces, *_, precision, **__):
        asked.append(precision)
        return torch.ones(len(faces), 4)

    monkeypatch.setattr(evaluation, "embed", embed)
    done = run("embed", trained, crops, tmp_path / "f.npz", "--precision", precision)
    assert done.exit_code == 0, done.output
    used = "bfloat16" if precision == "auto" else precision
    assert asked == [used]
    assert np.load(tmp_path / "f.npz")["precision"] == used


def test_embed_writes_unit_features_by_name(trained, crops, tmp_path) -> None:
    target = tmp_path / "features.npz"
    done = run("embed", trained, crops, target)
    assert done.exit_code == 0, done.output
    with np.load(target) as found:  # no pickle in it
        assert found["names"][3] == "person_01/person_01_0002.jpg"
        assert found["features"].shape == (40, 16)  # features of image and flip
        np.testing.assert_allclose(np.linalg.norm(found["features"], axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("flip", ["none", "concat", "sum"])
def test_embed_keeps_the_lengths_that_it_divides_by(flip, trained, crops, tmp_path) -> None:
    done = run("embed", trained, crops, tmp_path / "f.npz", "--flip", flip, "--precision", "float32")
    assert done.exit_code == 0, done.output
    network, size = open_network(trained)
    faces = data.pictures(crops, size)[0]
    images = normalise(torch.stack([faces[index][0] for index in range(len(faces))]))
    straight, mirrored = network(images), network(images.flip(-1))
    whole = {"none": straight, "concat": torch.cat([straight, mirrored], dim=1), "sum": straight + mirrored}[flip]
    with np.load(tmp_path / "f.npz") as found:
        assert found["lengths"].shape == (40,)
        assert np.ptp(found["lengths"]) > 0  # no constant
        raw = found["features"] * found["lengths"][:, None]
    np.testing.assert_allclose(raw, whole.detach().numpy(), rtol=1e-3, atol=1e-4)


def test_embed_says_what_it_leaves_out_and_what_looks_like_no_crops(trained, tmp_path) -> None:
    for number in (1, 2):
        path = tmp_path / "wall" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_jpeg(torch.full((3, 250, 250), 40 * number, dtype=torch.uint8)))
    (tmp_path / "wall" / "film.HEIC").touch()
    done = run("embed", trained, tmp_path / "wall", tmp_path / "f.npz")
    assert done.exit_code == 0, done.output
    assert "left out: 1 file that is no pictures we read: .HEIC (1)" in done.output
    assert "these look like photographs, not aligned crops" in done.output


def test_embed_takes_exported_weights(crops, tmp_path) -> None:
    networks.save(networks.create("sphereface4", embedding=8, size=(16, 16)), tmp_path / "n.safetensors")
    done = run("embed", tmp_path / "n.safetensors", crops, tmp_path / "f.npz", "--flip", "none")
    assert done.exit_code == 0, done.output
    assert np.load(tmp_path / "f.npz")["features"].shape == (40, 8)


def test_check_says_what_is_there_and_fails_on_what_is_broken(crops, tmp_path) -> None:
    import shutil

    good = run("check", crops)
    assert "40 pictures of 20 people" in good.output
    assert "nothing wrong found" in good.output
    assert good.exit_code == 0, good.output
    shutil.copytree(crops, tmp_path / "copy")
    (tmp_path / "copy" / "person_03" / "person_03_0001.jpg").write_bytes(b"\xff\xd8 cut")
    bad = run("check", tmp_path / "copy")
    assert bad.exit_code == 1
    assert "problem: " in bad.output
    assert "person_03_0001.jpg" in bad.output


def test_check_fails_on_a_picture_that_is_in_another_set_too(crops, tmp_path) -> None:
    (tmp_path / "test" / "somebody").mkdir(parents=True)
    shared = tmp_path / "test" / "somebody" / "1.jpg"
    shared.write_bytes((crops / "person_03" / "person_03_0002.jpg").read_bytes())
    stranger, _ = FaceWorldDataset(21, 1, (32, 28))[20]
    (tmp_path / "strangers" / "a").mkdir(parents=True)
    (tmp_path / "strangers" / "a" / "1.jpg").write_bytes(encode_jpeg(to_bytes(stranger)))
    apart = run("check", crops, "--against", tmp_path / "strangers")
    assert apart.exit_code == 0, apart.output
    both = run("check", crops, "--against", tmp_path / "strangers", "--against", tmp_path / "test")
    assert both.exit_code == 1
    assert f"person_03_0002.jpg of person_03 is in both: {shared} of somebody" in both.output.replace("\n", "")


def test_align_reports_and_resumes(tmp_path) -> None:
    from cosface_edu.faces import FaceWorld

    images, _ = FaceWorld(seed=0).scenes([0, 1], 1, (128, 128))
    for number, pixels in enumerate(to_bytes(images)):
        path = tmp_path / "photographs" / f"{number}" / "a.jpg"
        path.parent.mkdir(parents=True)
        path.write_bytes(encode_jpeg(pixels))
    done = run("align", tmp_path / "photographs", tmp_path / "crops")
    assert done.exit_code == 0, done.output
    assert "2 of 2 pictures aligned" in done.output
    assert "2 were done before" in run("align", tmp_path / "photographs", tmp_path / "crops").output
    twice = run("align", tmp_path / "crops", tmp_path / "again")
    assert twice.exit_code == 1
    assert "AlreadyAligned" in twice.output


def test_on_mps_align_says_that_the_processor_does_it(monkeypatch, tmp_path) -> None:
    asked: list[torch.device] = []
    monkeypatch.setattr("cosface_edu.devices.device_named", torch.device)  # as if it were here
    monkeypatch.setattr("cosface_edu.align.align_folder", lambda *given, **named: asked.append(given[5]))
    done = run("align", tmp_path, tmp_path / "crops", "--device", "mps")
    assert "MPS has no float64, which the detector needs: aligned on the CPU" in done.output
    assert asked == [torch.device("cpu")]


def test_names_with_brackets_are_no_markup(crops, tmp_path) -> None:
    import shutil

    for name in ("faces [v2]", "a[/b]"):
        shutil.copytree(crops, tmp_path / name)
        (tmp_path / name / "person_03" / "[red]x[-red].jpg").write_bytes(b"cut")
        done = run("check", tmp_path / name)
        assert done.exit_code == 1
        assert f"{name}: identity folders" in done.output
        assert "person_03/[red]x[-red].jpg: cannot be decoded" in done.output
    assert "a[/b]/nothing" in run("check", tmp_path / "a[/b]" / "nothing").output


def test_align_tells_what_is_broken_and_left_out(tmp_path) -> None:
    import os

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "[b]cut[-b].jpg").write_bytes(b"cut")
    (tmp_path / "src" / os.fsdecode(b"Ren\xe9e.jpg")).write_bytes(b"")
    (tmp_path / "src" / "film.HEIC").touch()
    done = run("align", tmp_path / "src", tmp_path / "crops", "--face", "largest", "--borders", "black")
    assert done.exit_code == 0, done.output
    assert "0 of 2 pictures aligned" in done.output
    assert "[b]cut[-b].jpg: cannot be decoded" in done.output
    assert "Ren�e.jpg: empty, 0 bytes" in done.output
    assert "left out: 1 file that is no pictures we read: .HEIC (1)" in done.output


def test_embed_looks_at_its_target_before_the_work(trained, crops, tmp_path) -> None:
    done = run("embed", trained, crops, tmp_path / "new" / "deep" / "f.npz")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "new" / "deep" / "f.npz").is_file()
    onto = run("embed", "no/such/run", crops, tmp_path / "new")
    assert onto.exit_code == 1
    assert "new: a file is wanted, and this is a folder" in onto.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "--preset", "casja"], "rehearsal"),
        (["train", "--set", "learnrate=1"], "margin_warm_up"),
        (["train", "--loss", "cosine", "--out", "nowhere"], "cosface"),
        (["train", "--data", "no/such/folder", "--out", "nowhere"], "no such folder"),
        (["evaluate", "no/such/run"], "no such run"),
        (["evaluate", "a", "--test", "lfw", "--blufr", "b.mat", "--pairs", "p.txt"], "leave out --pairs and --splits"),
        (["evaluate", "a", "--blufr", "b.mat"], "--blufr needs --test"),
        (["identify", "a", "--gallery", "g", "--distractors", "d"], "are two protocols: leave out one of them"),
        (["embed", "no/such/run", "nowhere", "f.npz"], "nowhere: no such folder"),
        (["check", "no/such/folder"], "no/such/folder"),
        (["align", "no/such/folder", "nowhere"], "no/such/folder"),
    ],
)
def test_a_mistake_is_told_in_one_line_without_a_stack_trace(arguments, told, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert done.exit_code == 1
    assert told in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("unable to allocate shared memory(shm)", "--shm-size"),
        ("InvalidCxxCompiler: No working C++ compiler found in (None,)", "leave --compile out"),
    ],
)
def test_what_the_machine_lacks_is_told_with_what_to_do(raised: str, told: str, capsys) -> None:
    @plain_errors
    def command() -> None:
        raise RuntimeError(raised)

    with pytest.raises(typer.Exit):
        command()
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said


def test_values_and_sizes_are_read() -> None:
    assert settings(["clip=5", "data=faces/here", "milestones=(1,2)", "compile=True"]) == {
        "clip": 5,
        "data": "faces/here",
        "milestones": (1, 2),
        "compile": True,
    }
    assert size_of("112x96") == (112, 96)
    assert "112x96" in run("align", "a", "b", "--size", "112").output


def commands_in_texts() -> list[tuple[str, str]]:
    """Every command line that README and book show, with the file it stands in."""
    root = Path(__file__).parents[1]
    files = [root / "README.md", root / "data/README.md", *sorted((root / "book").glob("*.md"))]
    pattern = re.compile(r"(?:cosface-edu|-m cosface_edu(?:\.cli)?) ([a-z]+(?:[^`\n#]|\\\n)*)")
    return [(file.name, line) for file in files for line in pattern.findall(file.read_text())]


@pytest.mark.parametrize(("file", "line"), commands_in_texts())
def test_commands_in_the_texts_exist_with_their_options(file, line) -> None:
    words = line.split()
    command = get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        name = words.pop(0).rstrip(".,;)")
        assert name in command.commands, f"{file}: there is no command {name}"
        command = command.commands[name]
    known = {option for parameter in command.params for option in parameter.opts}
    used = {word.split("=")[0].rstrip(".,;)") for word in words if word.startswith("--")}
    assert used <= known, f"{file}: {line.strip()} has no {', '.join(sorted(used - known))}"


def test_advise_says_bounds_and_records_and_refuses_what_is_no_count() -> None:
    done = run("advise", "--people", 10_000, "--features", 128, "--pictures", 3)
    assert done.exit_code == 0, done.output
    assert str(geometry.advise(people=10_000, features=128, pictures=3)) in done.output
    assert done.output.index("10,572 people × 4 pictures") < done.output.index("gpu-casia")
    assert "faceworld-many" not in done.output  # the nearest alone
    wrong = run("advise", "--people", 1, "--features", 128, "--pictures", 3)
    assert wrong.exit_code == 1
    assert "people must be an integer from 2 to 1,000,000" in wrong.output + wrong.stderr
