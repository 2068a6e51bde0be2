"""Eight people by one call, synthetic or from disk."""

import pytest
import torch
from PIL import Image

from cosface_edu.faces import toy_faces


def test_synthetic_is_split_and_reproducible():
    toy = toy_faces(train=6, test=3, size=(28, 24))
    assert toy.train_images.shape == (48, 3, 28, 24)
    assert toy.test_images.shape == (24, 3, 28, 24)
    assert torch.equal(toy.train_labels, torch.arange(8).repeat_interleave(6))
    assert torch.equal(toy.test_labels, torch.arange(8).repeat_interleave(3))
    assert len(toy.names) == 8
    assert toy.source == "synthetic"
    again = toy_faces(train=6, test=3, size=(28, 24))
    torch.testing.assert_close(toy.train_images, again.train_images, atol=2e-5, rtol=0)
    other = toy_faces(train=6, test=3, size=(28, 24), seed=1)
    assert (other.train_images - toy.train_images).abs().mean() > 0.02
    gap = torch.cdist(toy.test_images.flatten(1), toy.train_images.flatten(1)).min()
    assert gap > 0.1  # no image is in both parts


@pytest.fixture
def people(tmp_path):
    """Nine folders of flat pictures whose colour names the person; the ninth has too few to be chosen."""
    for person in range(9):
        folder = tmp_path / "crowd" / f"p{person}"
        folder.mkdir(parents=True)
        for i in range(12 if person < 8 else 3):
            image = torch.full((3, 40, 40), 20 + 25 * person, dtype=torch.uint8)
            image[:, :3] = i
            picture = Image.fromarray(image.permute(1, 2, 0).numpy())
            picture.save(folder / f"{i}.{'png' if i % 2 else 'jpg'}")
    return tmp_path


def test_folder_under_the_data_root(people, monkeypatch):
    monkeypatch.setenv("COSFACE_DATA", str(people))
    toy = toy_faces("crowd", train=100, test=50, size=(28, 24))
    assert toy.names == tuple(f"p{i}" for i in range(8))
    assert len(toy.test_labels) == 8 * 2  # a fifth of twelve
    assert len(toy.train_labels) == 8 * 10
    shade = toy.train_images[:, :, 14, 12].mean(dim=1) * 255
    torch.testing.assert_close(shade, 20.0 + 25 * toy.train_labels, atol=2.0, rtol=0)
    assert torch.equal(toy.test_images, toy_faces(people / "crowd", size=(28, 24)).test_images)


def test_people_are_those_with_the_most_images_and_the_split_follows_the_seed(people):
    toy = toy_faces(people / "crowd", identities=2, size=(28, 24))
    for extra in range(2):
        (people / "crowd" / f"p7/{2 * extra}.jpg").rename(people / "crowd" / "p6" / f"more{extra}.jpg")
    assert toy.names == ("p0", "p1")
    more = toy_faces(people / "crowd", identities=2, size=(28, 24))
    assert more.names == ("p0", "p6")
    splits = [toy_faces(people / "crowd", size=(28, 24), seed=seed).test_images for seed in (0, 1, 1)]
    assert torch.equal(splits[1], splits[2])
    assert not torch.equal(splits[0], splits[1])


@pytest.mark.parametrize("content", [False, True])
def test_missing_faces_are_said_in_one_line(tmp_path, monkeypatch, content):
    monkeypatch.setenv("COSFACE_DATA", str(tmp_path))
    if content:
        (tmp_path / "faces8" / "only one").mkdir(parents=True)
    with pytest.raises((FileNotFoundError, ValueError), match="subfolder") as caught:
        toy_faces("faces8")
    assert "\n" not in str(caught.value)
    assert "faces8" in str(caught.value)


def test_lfw_that_cannot_be_fetched_is_said_in_one_line(tmp_path, monkeypatch):
    import sklearn.datasets

    def offline(**_):
        raise OSError("no route\nto host")

    monkeypatch.setenv("COSFACE_DATA", str(tmp_path))
    monkeypatch.setattr(sklearn.datasets, "fetch_lfw_people", offline)
    with pytest.raises(FileNotFoundError, match="source='synthetic'") as caught:
        toy_faces("lfw")
    assert "\n" not in str(caught.value)


def test_lfw_arrays_become_images(tmp_path, monkeypatch):
    import numpy as np
    import sklearn.datasets
    from sklearn.utils import Bunch

    def fetched(**_):
        target = np.repeat(np.arange(8), 10)
        pixels = np.broadcast_to((target / 8)[:, None, None, None], (80, 125, 106, 3)).astype("float32")
        return Bunch(images=pixels, target=target, target_names=np.array([f"name {i}" for i in range(8)]))

    monkeypatch.setattr(sklearn.datasets, "fetch_lfw_people", fetched)
    toy = toy_faces("lfw")
    assert toy.source == "lfw"
    assert toy.train_images.shape == (64, 3, 56, 48)
    torch.testing.assert_close(toy.train_images[:, 0, 0, 0], toy.train_labels / 8)
