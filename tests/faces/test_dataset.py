"""FaceWorld as a data set: any size, any order, any number of workers, the same faces."""

import pickle

import pytest
import torch
from torch.utils.data import DataLoader

from cosface_edu.faces import FaceWorld, FaceWorldDataset, dataset

SIZE = (28, 24)


def test_it_shows_the_world_s_faces() -> None:
    faces = FaceWorldDataset(3, 2, size=SIZE, seed=5, first=7, start=4)
    images, _ = FaceWorld(seed=5).sample(identity=9, n=2, size=SIZE, start=4)
    assert faces.labels.tolist() == [0, 0, 1, 1, 2, 2]
    for picture in range(2):
        image, label = faces[4 + picture]
        assert label == 2
        torch.testing.assert_close(image, images[picture], atol=0.5 / 255 + 1e-6, rtol=0)


def test_order_and_workers_do_not_matter() -> None:
    alone = FaceWorldDataset(3, 2, size=SIZE)
    backwards = [alone[i][0] for i in range(5, -1, -1)][::-1]
    loaded = DataLoader(FaceWorldDataset(3, 2, size=SIZE), batch_size=3, num_workers=2)
    assert torch.equal(torch.cat([images for images, _ in loaded]), torch.stack(backwards))


def test_a_face_is_drawn_once(monkeypatch) -> None:
    faces = FaceWorldDataset(2, 2, size=SIZE)
    first = faces.__getitems__([0, 3, 0])
    assert torch.equal(first[0][0], first[2][0])
    monkeypatch.setattr(faces.world, "images", None)  # drawing again would fail
    assert torch.equal(faces[3][0], first[1][0])
    held = [face.untyped_storage().nbytes() for face in faces._kept.values()]
    assert held == [3 * SIZE[0] * SIZE[1]] * 2  # a row of a batch would hold all of it


def test_more_than_memory_should_hold_is_drawn_again(monkeypatch) -> None:
    monkeypatch.setattr(dataset, "KEEP_BYTES", 3 * 3 * SIZE[0] * SIZE[1])
    faces = FaceWorldDataset(5, 1, size=SIZE)
    once = [faces[i][0] for i in range(5)]
    assert len(faces._kept) == 3
    assert all(torch.equal(faces[i][0], once[i]) for i in range(5))


def test_a_huge_data_set_costs_nothing_until_it_is_used() -> None:
    faces = FaceWorldDataset(100_000, 10, size=SIZE)
    assert len(faces) == 1_000_000
    assert faces[999_999][1] == 99_999
    assert faces[-1][1] == 99_999
    with pytest.raises(IndexError):
        faces[1_000_000]


@pytest.mark.parametrize(("identities", "per_identity"), [(0, 5), (5, 0), (-1, 3)])
def test_nothing_is_refused(identities: int, per_identity: int) -> None:
    with pytest.raises(ValueError, match="at least one face"):
        FaceWorldDataset(identities, per_identity)


def test_faces_that_were_drawn_stay_where_they_were() -> None:
    """A spawned worker gets a pickle, in which each tensor is a file that stays open."""
    faces = FaceWorldDataset(3, 2, size=SIZE)
    once = faces[4][0]
    sent = pickle.loads(pickle.dumps(faces))
    assert (len(faces._kept), len(sent._kept)) == (1, 0)
    assert torch.equal(sent[4][0], once)
