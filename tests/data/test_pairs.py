"""Lists of pairs: LFW's files, YouTube Faces' splits, and what is wrong with bad ones."""

import pytest
import torch

from cosface_edu import data
from cosface_edu.faces import FaceWorldDataset


@pytest.fixture
def lfw(tmp_path, jpeg):
    """Three people, three pictures each, two folds of 1 + 1 pairs."""
    for person in range(3):
        for picture in range(1, 4):
            path = tmp_path / "lfw" / f"P_{person}" / f"P_{person}_{picture:04d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg(10 * person + picture))
    (tmp_path / "pairs.txt").write_text("2\t1\nP_0\t1\t2\nP_0\t1\tP_1\t1\nP_1\t1\t3\nP_1\t2\tP_2\t3\n")
    return tmp_path


def test_folds_and_pictures(lfw) -> None:
    pairs = data.lfw_pairs(lfw / "pairs.txt", lfw / "lfw", size=(20, 16))
    assert pairs.same.tolist() == [True, False, True, False]
    assert pairs.fold.tolist() == [0, 0, 1, 1]
    names = [path.stem for path in pairs.images.paths]
    assert [(names[a], names[b]) for a, b in zip(pairs.first, pairs.second, strict=True)] == [
        ("P_0_0001", "P_0_0002"),
        ("P_0_0001", "P_1_0001"),
        ("P_1_0001", "P_1_0003"),
        ("P_1_0002", "P_2_0003"),
    ]
    assert len(names) == len(set(names)) == 6  # each picture once
    assert pairs.images[2][0].shape == (3, 20, 16)
    assert pairs.member_of is None


def test_development_files_have_one_fold(lfw) -> None:
    (lfw / "pairsDevTest.txt").write_text("2\nP_0\t1\t2\nP_1\t1\t2\nP_0\t1\tP_1\t1\nP_0\t1\tP_2\t1\n")
    pairs = data.lfw_pairs(lfw / "pairsDevTest.txt", lfw / "lfw")
    assert pairs.same.tolist() == [True, True, False, False]
    assert pairs.fold.tolist() == [0] * 4


def test_windows_line_ends_and_other_formats_do_no_harm(lfw) -> None:
    before = data.lfw_pairs(lfw / "pairs.txt", lfw / "lfw")
    (lfw / "pairs.txt").write_bytes((lfw / "pairs.txt").read_bytes().replace(b"\n", b"\r\n"))
    picture = lfw / "lfw" / "P_0" / "P_0_0001.jpg"
    picture.rename(picture.with_suffix(".png"))
    after = data.lfw_pairs(lfw / "pairs.txt", lfw / "lfw")
    assert torch.equal(before.first, after.first)
    assert after.images.paths[0].suffix == ".png"


def test_a_missing_picture_is_an_error_that_names_it(lfw) -> None:
    (lfw / "lfw" / "P_1" / "P_1_0003.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"names 1 pictures that are not there: .*P_1_0003\.jpg"):
        data.lfw_pairs(lfw / "pairs.txt", lfw / "lfw")


def test_a_broken_picture_fails_and_is_never_replaced(lfw) -> None:
    (lfw / "lfw" / "P_0" / "P_0_0001.jpg").write_bytes(b"")
    with pytest.raises(data.BrokenImage, match="P_0_0001"):
        data.lfw_pairs(lfw / "pairs.txt", lfw / "lfw").images[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("pairs\n", "line 1: wanted 'folds n'"),
        ("a/1.jpg b/2.jpg 0\n", r"line 1: .*; of a list in another form build data\.Pairs yourself, or .*\.bin"),
        ("0\t1\n", "line 1"),
        ("1\t-1\n", "line 1"),
        ("1 2 3\n", "line 1"),
        ("2\t1\nP_0\t1\t2\n", r"announces 2 × 2 × 1 = 4 pairs, 1 lines follow"),
        ("1\nP_0\t1\t2\nP_0\t1\tP_1\t1\nP_0\t1\t3\n", r"announces 1 × 2 × 1 = 2 pairs, 3 lines follow"),
        ("1\nP_0\t1\t2\nP_0\t1\t3\n", "line 3: wanted a mismatched pair"),
        ("1\nP_0\t1\tP_1\t1\nP_0\t1\tP_1\t1\n", "line 2: wanted a matched pair"),
        ("1\nP_0\tone\t2\nP_0\t1\tP_1\t1\n", "line 2"),
        ("1\nP_0\t1\t2\nP_0\t1\tP_0\t2\n", "line 3: wanted a mismatched pair"),  # the same person twice
        ("1\nP_0\t1\t2\t3\t4\nP_0\t1\tP_1\t1\n", "line 2"),
        ("1\nP_0\t1\t01\nP_0\t1\tP_1\t1\n", "line 2: a picture paired with itself"),
        ("9" * 5000 + "\n", r"bad\.txt, line 1: wanted 'folds n'"),
        ("1\nP_0\t1\t" + "9" * 5000 + "\nP_0\t1\tP_1\t1\n", r"bad\.txt, line 2: wanted a matched pair"),
        ("1\nP_0\t1\t2\nP_0\t1\t" + "P" * 5000 + "\t1\n", r"bad\.txt names 1 pictures that are not there"),
    ],
    ids=lambda value: value[:30],
)
def test_malformed_lists_give_the_line(lfw, text: str, message: str) -> None:
    (lfw / "bad.txt").write_text(text)
    with pytest.raises((data.BrokenPairs, FileNotFoundError), match=message):
        data.lfw_pairs(lfw / "bad.txt", lfw / "lfw")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"first": torch.tensor([0, -1])}, "first must lie between 0 and 3, as there are 4 pictures; got -1"),
        ({"second": torch.tensor([4, 1])}, "second must lie between 0 and 3, as there are 4 pictures; got 4"),
        ({"first": torch.tensor([0.0, 1.0])}, "first must be whole numbers .* got torch.float32"),
        ({"fold": torch.tensor([0])}, r"fold must be a tensor of shape \(2,\), one value for each pair, got \(1,\)$"),
        ({"second": [1, 2]}, r"second must be a tensor .* got list, such as torch\.as_tensor\(second\)"),
        ({"member_of": torch.tensor([0, 0])}, r"member_of .* shape \(4,\), one value for each picture, got \(2,\)"),
        ({"member_of": torch.tensor([0, 0, 1, 1])}, "second must lie between 0 and 1, as there are 2 sets; got 2"),
    ],
)
def test_pairs_of_one_s_own_are_looked_at(changed: dict, message: str) -> None:
    faces = FaceWorldDataset(2, 2, (16, 16))
    own = {"first": torch.tensor([0, 0]), "second": torch.tensor([1, 2]), "same": torch.tensor([True, False])}
    own["fold"] = torch.zeros(2, dtype=torch.int64)
    assert len(data.Pairs(faces, **own)) == 2
    with pytest.raises(ValueError, match=message):
        data.Pairs(faces, **(own | changed))


def test_a_list_that_is_no_text(lfw, jpeg) -> None:
    (lfw / "bad.txt").write_bytes(jpeg())
    with pytest.raises(data.BrokenPairs, match=r"bad\.txt: not a text file"):
        data.lfw_pairs(lfw / "bad.txt", lfw / "lfw")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_lists_from_windows(lfw, encoding: str) -> None:
    text = (lfw / "pairs.txt").read_text()
    (lfw / "pairs.txt").write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert len(data.lfw_pairs(lfw / "pairs.txt", lfw / "lfw")) > 0


def test_pictures_are_found_with_suffixes_in_capitals(lfw) -> None:
    for path in sorted((lfw / "lfw").rglob("*.jpg")):
        path.rename(path.with_suffix(".JPG"))
    assert len(data.lfw_pairs(lfw / "pairs.txt", lfw / "lfw").images) > 0


def test_names_cannot_leave_the_folder(lfw) -> None:
    (lfw / "bad.txt").write_text("1\n../lfw/P_0\t1\t2\nP_0\t1\tP_1\t1\n")
    with pytest.raises((data.BrokenPairs, FileNotFoundError)):
        data.lfw_pairs(lfw / "bad.txt", lfw / "lfw")


@pytest.fixture
def ytf(tmp_path, jpeg):
    """Three videos of two people with 2, 1 and 3 frames."""
    for name, frames in {"Ann_Lee/0": 2, "Ann_Lee/3": 1, "Bo/1": 3}.items():
        for frame in range(frames):
            path = tmp_path / "frames" / name / f"{frame}.{100 + frame}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg(frame))
    (tmp_path / "splits.txt").write_text(
        "split number, first name, second name, same\n"
        "1, Ann_Lee/0, Ann_Lee/3, 1\n1, Ann_Lee/0, Bo/1, 0\n"
        "2, Bo/1, Ann_Lee/3, 0\n2, Ann_Lee/3, Ann_Lee/0, 1\n"
    )
    return tmp_path


def test_videos_are_sets_of_frames(ytf) -> None:
    pairs = data.ytf_pairs(ytf / "splits.txt", ytf / "frames", size=(20, 16))
    assert pairs.same.tolist() == [True, False, False, True]
    assert pairs.fold.tolist() == [0, 0, 1, 1]
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([0, 0, 2, 1], [1, 2, 1, 0])
    assert pairs.member_of.tolist() == [0, 0, 1, 2, 2, 2]
    assert len(pairs.images) == 6
    assert [path.parent.name for path in pairs.images.paths] == ["0", "0", "3", "1", "1", "1"]
    lines = (ytf / "splits.txt").read_text().splitlines()
    (ytf / "splits.txt").write_text("\n".join(reversed(lines[1:])))  # videos by their place in the list, not by name
    pairs = data.ytf_pairs(ytf / "splits.txt", ytf / "frames")
    assert [path.parent.name for path in pairs.images.paths] == ["3", "0", "0", "1", "1", "1"]
    assert pairs.member_of.tolist() == [0, 1, 1, 2, 2, 2]
    assert pairs.fold.tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize(("split", "kind"), [(1, "the same person"), (2, "two people")])
def test_a_split_of_one_kind_is_named(ytf, split: int, kind: str) -> None:
    lines = (ytf / "splits.txt").read_text().splitlines(keepends=True)
    one_kind = [line for line in lines[1:] if line[0] != str(split) or line.strip().endswith(str(2 - split))]
    (ytf / "splits.txt").write_text("".join(one_kind))
    with pytest.raises(data.BrokenPairs, match=f"split {split} has pairs of {kind} only"):
        data.ytf_pairs(ytf / "splits.txt", ytf / "frames")


def test_a_missing_or_empty_video_is_named(ytf) -> None:
    (ytf / "frames" / "Ann_Lee" / "3" / "0.100.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 videos that are not there: .*Ann_Lee/3"):
        data.ytf_pairs(ytf / "splits.txt", ytf / "frames")


@pytest.mark.parametrize(
    "line",
    [
        *("1, Ann_Lee/0, 1", "1, Ann_Lee/0, Bo/1, 2", "x, Ann_Lee/0, Bo/1, 1", "1, Bo/1, Bo/1, 1"),
        *("1, ../0, B, 1", "1, ../0, Bo/1, 0", "1, Bo/1, ./0, 0", "1, Bo/1, /0, 0", "1, a/Bo/1, Bo/1, 0"),
        *("1" + "0" * 30 + ", Ann_Lee/0, Bo/1, 0", "1" * 5000 + ", Ann_Lee/0, Bo/1, 0"),
    ],
    ids=lambda line: line[:20],
)
def test_malformed_splits_give_the_line(ytf, jpeg, line: str) -> None:
    for outside in (ytf / "0", ytf / "frames" / "0"):  # where ../0 and ./0 lead
        outside.mkdir()
        (outside / "1.jpg").write_bytes(jpeg())
    (ytf / "splits.txt").write_text(f"heading\n{line}\n")
    with pytest.raises(data.BrokenPairs, match="line 2"):
        data.ytf_pairs(ytf / "splits.txt", ytf / "frames")
    (ytf / "splits.txt").write_text("heading\n")
    with pytest.raises(data.BrokenPairs, match="no pairs"):
        data.ytf_pairs(ytf / "splits.txt", ytf / "frames")


@pytest.mark.realdata
def test_pairs_dev_test_of_lfw(real_data) -> None:
    pairs = data.lfw_pairs(real_data / "lfw-dev" / "pairsDevTest.txt", real_data / "lfw-dev" / "lfw")
    assert len(pairs) == 1000
    assert int(pairs.same.sum()) == 500
    assert len(pairs.images) == 1549
