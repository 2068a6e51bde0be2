"""Photographs that nobody aligned are taken as they are, with a word."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.utils.data import Subset

from cosface_edu import data
from cosface_edu.evaluation import Measured
from cosface_edu.training import Config, train


def folder(root: Path, *sizes: tuple[int, int]) -> data.FolderDataset:
    """Two people with a picture of each size (height, width)."""
    for name in ("anna", "bela"):
        (root / name).mkdir(parents=True)
        for number, (height, width) in enumerate(sizes):
            Image.new("RGB", (width, height), "grey").save(root / name / f"{number}.png")
    return data.FolderDataset(root)


@pytest.mark.parametrize("sizes", [[(112, 96)] * 3, [(224, 224)] * 3, [(250, 160)] * 2])
def test_crops_of_one_size_are_crops(tmp_path, sizes) -> None:
    assert data.photographs(folder(tmp_path, *sizes)) is None


@pytest.mark.parametrize(
    ("sizes", "seen"),
    [([(250, 250)] * 3, "anna/0.png is 250×250, and no alignment.json"), ([(112, 96), (113, 96)], "is 113×96, and no")],
)
def test_large_ones_and_ones_of_several_sizes_are_not(tmp_path, sizes, seen) -> None:
    faces = folder(tmp_path, *sizes)
    assert seen in data.photographs(faces)
    assert "cosface-edu align" in data.photographs(Subset(faces, [1]))


def test_what_was_aligned_is_taken_at_its_word(tmp_path) -> None:
    faces = folder(tmp_path / "large" / "crops", (250, 250))
    (tmp_path / "large" / "alignment.json").write_text("{}")
    assert data.photographs(faces) is None


def test_broken_ones_and_what_is_no_folder_say_nothing(tmp_path) -> None:
    faces = folder(tmp_path, (112, 96))
    (tmp_path / "anna" / "0.png").write_bytes(b"no picture")
    assert data.photographs(faces) is None
    assert data.photographs(data.open("faceworld", identities=2, per_identity=2)) is None
    assert data.photographs(torch.rand(2, 3, 112, 96)) is None


def test_whoever_measures_trains_or_checks_is_told(tmp_path) -> None:
    faces = folder(tmp_path / "photos", (250, 250), (250, 251))
    with pytest.warns(UserWarning, match="photographs, not aligned crops"):
        Measured(lambda images: images.mean(3).flatten(1)).features(faces)
    lines: list[str] = []
    config = Config(data=str(tmp_path / "photos"), network="sphereface4", embedding=8, held_out=0, batch=2, steps=1)
    train(config, say=lines.append)
    assert any(line.startswith("warning: ") and "photographs" in line for line in lines)
    assert "photographs, not aligned crops" in str(data.check(tmp_path / "photos"))
