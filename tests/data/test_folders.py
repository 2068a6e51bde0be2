"""Identity folders: what is listed, what is left out, what happens to a broken picture."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from cosface_edu import data


def test_labels_follow_the_alphabet_and_pictures_their_names(people) -> None:
    faces = data.FolderDataset(people, size=(20, 16))
    assert faces.names == ["anna", "bob", "carl"]
    assert faces.labels.tolist() == [0, 0, 1, 1, 1, 2]
    assert faces.num_classes == 3
    assert len(faces) == 6  # notes.txt is no picture
    image, label = faces[4]
    assert (image.shape, image.dtype, label) == ((3, 20, 16), torch.float32, 1)
    assert torch.equal(image, data.to_float(data.read_image(people / "bob" / "3.jpg")))
    assert faces[-1][1] == 2
    with pytest.raises(IndexError):
        faces[6]


def test_lfw_overlap_is_left_out_by_default(people) -> None:
    (people / "anna").rename(people / "0166921")
    (people / "bob").rename(people / "0000513")
    faces = data.FolderDataset(people, size=(20, 16))
    assert faces.names == ["0000513", "carl"]
    assert faces.excluded == ["0166921"]
    assert data.FolderDataset(people, exclude=data.LFW_OVERLAP_BY_NAME).names == ["carl"]
    assert data.FolderDataset(people, exclude=()).num_classes == 3


def test_one_name_is_left_out_as_well_as_a_list_of_one(people) -> None:
    for faces in (data.FolderDataset(people, exclude="bob"), data.open(people, (20, 16), exclude="bob")):
        assert (faces.names, faces.excluded) == (["anna", "carl"], ["bob"])


def test_the_lists_are_those_of_the_literature() -> None:
    assert len(data.LFW_OVERLAP) == 3
    assert len(data.LFW_OVERLAP_BY_NAME) == 17
    assert set(data.LFW_OVERLAP) < set(data.LFW_OVERLAP_BY_NAME)


def test_a_broken_picture_fails_with_its_name(people) -> None:
    path = people / "bob" / "2.jpg"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(data.BrokenImage, match=r"bob/2\.jpg"):
        data.FolderDataset(people)[3]


def test_a_skipped_picture_is_named_and_replaced_by_the_same_person(people) -> None:
    (people / "bob" / "3.jpg").write_bytes(b"")
    faces = data.open(people, size=(20, 16), on_broken="skip")
    with pytest.warns(UserWarning, match=r"skipped .*bob/3\.jpg: empty"):
        image, label = faces[4]
    assert label == 1
    assert torch.equal(image, faces[2][0])  # bob/1 comes after bob/3, in a circle
    with pytest.warns(UserWarning, match="skipped"):
        assert torch.equal(faces[-2][0], image)  # counted from the end it is the same picture
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        faces[3]  # whole pictures say nothing


def test_memory_is_filled_with_what_the_data_set_hands_out(people) -> None:
    faces = data.FolderDataset(people, size=(20, 12))
    rows = np.zeros((20, 12, 3), dtype=np.uint8)
    for index in (0, -1):
        faces.fill(index, rows)
        np.testing.assert_array_equal(rows, faces.crop(index)[0].permute(1, 2, 0).numpy())
    (faces.path(4)).write_bytes(b"")
    with pytest.raises(data.BrokenImage, match="empty"):
        faces.fill(4, rows)
    skipping = data.FolderDataset(people, size=(20, 12), on_broken="skip")
    with pytest.warns(UserWarning, match="skipped .*empty"):
        skipping.fill(4, rows)
    with pytest.warns(UserWarning, match="skipped .*empty"):
        stand_in, _ = skipping.crop(4)
    np.testing.assert_array_equal(rows, stand_in.permute(1, 2, 0).numpy())


def test_skipping_ends_when_a_person_has_no_whole_picture(people) -> None:
    (people / "carl" / "1.jpg").write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="carl"),
        pytest.raises(data.BrokenImage, match="not one of the 1 pictures of person 2"),
    ):
        data.FolderDataset(people, on_broken="skip")[5]


def test_an_unknown_choice_is_refused(people) -> None:
    with pytest.raises(ValueError, match="choose 'fail' or 'skip'"):
        data.FolderDataset(people, on_broken="ignore")


@pytest.mark.parametrize("what", ["missing", "empty", "files"])
def test_a_folder_without_people_is_an_error(tmp_path, what: str) -> None:
    root = tmp_path / "root"
    if what != "missing":
        root.mkdir()
    if what == "files":
        (root / "a.jpg").touch()
    with pytest.raises(FileNotFoundError, match="root"):
        data.FolderDataset(root)


def test_workers_read_what_one_process_reads(people) -> None:
    faces = data.FolderDataset(people, size=(20, 16))
    alone = torch.cat([images for images, _ in DataLoader(faces, batch_size=2)])
    shared = torch.cat([images for images, _ in DataLoader(faces, batch_size=2, num_workers=2)])
    assert torch.equal(alone, shared)
    assert torch.equal(pickle.loads(pickle.dumps(faces))[1][0], faces[1][0])


@pytest.mark.realdata
def test_casia_mini_has_its_counts(real_data) -> None:
    faces = data.FolderDataset(real_data / "casia-mini")
    assert (faces.num_classes, len(faces)) == (245, 5768)
    assert faces[0][0].shape == (3, 112, 96)
