"""The long run's network on photographs: its weights come back as they were kept, and the record says what they do."""

from itertools import combinations
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from cosface_edu import evaluation, networks
from cosface_edu.data import to_bytes
from cosface_edu.data.images import encode_jpeg
from cosface_edu.experiments import photographs, record
from cosface_edu.experiments.jobs import Job, casia
from cosface_edu.faces import FaceWorld

SIZE = (32, 32)


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return networks.create("small", size=SIZE).eval()


def kept(network: nn.Module, folder: Path) -> list[Path]:
    """The files in which the job keeps a network."""
    casia.keep_weights(Job(1.0, True, torch.device("cpu"), folder, lambda found: None), network)
    return sorted(folder.glob("casia-weights-*.safetensors"))


def test_weights_come_back_from_small_files(network, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(casia, "WEIGHTS", 300_000)
    kept(nn.Sequential(network, network), tmp_path)  # an earlier network, of more files
    files = kept(network, tmp_path)
    assert len(files) > 2
    assert max(file.stat().st_size for file in files) < 300_000 + 10_000  # the head of a file has the names
    own, found = network.state_dict(), photographs.read_weights(tmp_path)
    assert found.keys() == own.keys()
    for name, value in own.items():
        assert torch.equal(found[name], value.half().float() if value.is_floating_point() else value.float()), name


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no casia-weights-\*\.safetensors; the job `casia` writes them"):
        photographs.read_weights(tmp_path)


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Seven people with six pictures each, and the two lists in COSFACE_DATA; a hundred pairs of each kind."""
    for person in range(7):
        pictures, _ = FaceWorld(seed=3).sample_many([person], 6, SIZE)
        (tmp_path / "faces" / f"p{person}").mkdir(parents=True)
        for number, picture in enumerate(pictures, 1):
            file = tmp_path / "faces" / f"p{person}" / f"p{person}_{number:04}.jpg"
            file.write_bytes(encode_jpeg(to_bytes(picture)))
    genuine = [f"p{a}\t{i}\t{j}\n" for i, j in combinations(range(1, 7), 2) for a in range(7)][:100]
    impostors = [f"p{a}\t{i}\tp{b}\t{i}\n" for i in range(1, 7) for a, b in combinations(range(7), 2)][:100]
    (tmp_path / "lfw-dev").mkdir()
    for file in (tmp_path / "lfw-dev" / "pairsDevTest.txt", tmp_path / "cfp-ff.txt"):
        file.write_text("".join(["100\n", *genuine, *impostors]))
    monkeypatch.setenv("COSFACE_DATA", str(tmp_path))
    return tmp_path


def test_the_record_says_how_the_kept_network_does(network, lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photographs, "NETWORK", "small")
    monkeypatch.setattr(photographs, "SIZE", SIZE)
    kept(network, lists)
    faces, out = str(lists / "faces"), lists / "found.json"
    options = [str(lists), "--lfw", faces, "--cfp", faces, "--out", str(out)]
    result = CliRunner().invoke(photographs.app, options)
    assert result.exit_code == 0, result.output
    found = record.load(out)
    network.load_state_dict(photographs.read_weights(lists))
    pairs = evaluation.open_pairs(faces, lists / "cfp-ff.txt", size=SIZE)
    features = evaluation.embed(network, pairs.images, precision="float32")
    expected = evaluation.verify_pairs(features, pairs)
    assert found["parents"] == ["gpu-casia"]
    assert list(found["results"]) == ["pairsDevTest", "cfp-ff"]
    for row in found["results"].values():
        assert row["pairs"] == 200
        assert row["accuracy"] == expected.accuracy
        assert row["tar_at_far_0.01"] == expected.tar_at_far(0.01)
