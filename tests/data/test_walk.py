"""One rule for every command: which files are pictures, which folders are looked at, and that nothing goes unsaid."""

import os
from pathlib import Path

import pytest

from cosface_edu import data
from cosface_edu.data.walk import find_pictures, pictures_in, walk


@pytest.fixture
def folder(tmp_path: Path, jpeg) -> Path:
    for name in ("anna/1.jpg", "anna/2.JPG", "bob/1.jpeg", "bob/deep/3.jpg", "top.png"):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg())
    return tmp_path / "root"


WHOLE = ["anna/1.jpg", "anna/2.JPG", "bob/1.jpeg", "bob/deep/3.jpg", "top.png"]


def test_pictures_at_any_depth(folder) -> None:
    found = walk(folder)
    assert found.pictures == WHOLE
    assert found.folders == ["anna", "bob"]
    assert found.left_out == []
    assert data.pictures(folder, (20, 16))[1] == WHOLE
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        walk(folder / "nowhere")


@pytest.mark.parametrize(
    "suffix",
    [
        ".jpg",
        ".JPG",
        ".jpeg",
        ".jfif",
        ".png",
        ".Png",
        ".tif",
        ".TIFF",
        ".gif",
        ".bmp",
        ".webp",
        ".ppm",
        ".pgm",
        ".jp2",
    ],
)
def test_what_pillow_reads_is_a_picture(tmp_path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").touch()
    assert walk(tmp_path).pictures == [f"a{suffix}"]


@pytest.mark.parametrize("suffix", [".eps", ".ps", ".pdf", ".wmf", ".mpg", ".h5", ".HEIC", ".txt", ".mp4", ""])
def test_programs_films_and_texts_are_none(tmp_path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").touch()
    assert walk(tmp_path).pictures == []


def test_what_is_left_out_is_counted_by_its_suffix(folder) -> None:
    for name in ("anna/a.HEIC", "anna/b.HEIC", "bob/list.txt", "README"):
        (folder / name).touch()
    assert walk(folder).left_out == ["4 files that are no pictures we read: .HEIC (2), without a suffix (1), .txt (1)"]


def test_hidden_files_and_folders_are_passed_over_and_counted(folder, jpeg) -> None:
    for name in ("anna/._1.jpg", ".ipynb_checkpoints/1.jpg", "__MACOSX/anna/._1.jpg", "@eaDir/1.jpg", ".DS_Store"):
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(b"\0\5\x16\7")
    found = walk(folder)
    assert found.pictures == WHOLE
    assert found.folders == ["anna", "bob"]
    assert found.left_out == ["4 files that are hidden, by a dot before the name or in a system's own folder"]
    assert "one level too high or too low; 1 file that is hidden" in data.check(folder / "anna").problems[0]


def test_links_to_folders_are_followed_each_real_folder_once(folder, tmp_path) -> None:
    (folder / "anna" / "me").symlink_to(folder, target_is_directory=True)  # back up: a circle
    (folder / "aaa").symlink_to(folder / "bob", target_is_directory=True)  # another way to bob, first by the alphabet
    found = walk(folder)
    assert found.pictures == WHOLE
    assert found.folders == ["anna", "bob"]
    assert found.left_out == ["2 links to folders that are looked at already: aaa, anna/me"]


def test_a_subset_made_of_links_is_a_data_set(folder, tmp_path) -> None:
    subset = tmp_path / "subset"
    subset.mkdir()
    for name in ("anna", "bob"):
        (subset / name).symlink_to(folder / name, target_is_directory=True)
    assert walk(subset).pictures == [name for name in WHOLE if "/" in name]
    assert data.FolderDataset(subset).names == ["anna", "bob"]
    assert len(data.pictures(subset, (20, 16))[0]) == 4


def test_a_link_that_leads_nowhere_is_a_picture_that_cannot_be_had(folder) -> None:
    (folder / "anna" / "3.jpg").symlink_to("gone.jpg")
    (folder / "anna" / "4.jpg").symlink_to("4.jpg")  # to itself
    os.mkfifo(folder / "anna" / "5.jpg")  # would wait for ever
    found = walk(folder)
    assert found.pictures == ["anna/1.jpg", "anna/2.JPG", "anna/3.jpg", "anna/4.jpg", *WHOLE[2:]]
    assert found.others == {".jpg": 1}
    report = data.check(folder)
    assert sum("3.jpg: a link that leads nowhere" in problem for problem in report.problems) == 1
    assert sum("4.jpg: cannot be read" in problem for problem in report.problems) == 1


@pytest.mark.parametrize("device", ["pipe", "/dev/zero"])
def test_lists_name_pictures_by_the_same_rule(folder, device: str) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "anna" / "3.jpg").symlink_to(folder / device)
    (folder / "anna" / "4.jpg").symlink_to("gone.jpg")
    (folder / "anna" / "5.jpg").symlink_to("5.jpg")  # to itself
    (folder / "anna" / "6.jpg").mkdir()
    assert pictures_in(folder / "anna") == ["1.jpg", "2.JPG", "4.jpg", "5.jpg"]
    paths = find_pictures(folder, [("anna", "1"), ("anna", "3"), ("anna", "4")])
    assert paths == [folder / "anna" / "1.jpg", None, folder / "anna" / "4.jpg"]


def test_pipes_and_folders_are_no_lists_of_pairs_and_no_bins(folder) -> None:
    os.mkfifo(folder / "pairs2.txt")
    (folder / "pairs_old.txt").mkdir()
    assert data.recognise(folder).name == "identity folders"
    (folder / "pairs.txt").symlink_to("gone.txt")  # told, not passed over
    assert data.recognise(folder).name == "LFW"
    assert any("pairs.txt" in problem for problem in data.check(folder).problems)
    os.mkfifo(folder / "a.bin")
    with pytest.raises(ValueError, match=r"a\.bin: a pipe or a device"):
        data.check(folder / "a.bin")


def test_a_link_to_a_pipe_is_no_picture_and_is_not_waited_for(folder) -> None:
    before = walk(folder).pictures
    os.mkfifo(folder / "pipe")
    (folder / "live.jpg").symlink_to(folder / "pipe")
    found = walk(folder)
    assert found.pictures == before
    assert found.others[".jpg"] == 1


def test_a_file_is_no_folder_of_pictures(folder) -> None:
    picture = folder / walk(folder).pictures[0]
    with pytest.raises(NotADirectoryError, match="a folder of pictures is wanted, and this is a file"):
        walk(picture)


def test_names_in_any_encoding(folder, jpeg) -> None:
    name = os.fsdecode(b"Ren\xe9e")  # Latin-1, no UTF-8
    (folder / name).mkdir()
    (folder / name / f"{name}_0001.jpg").write_bytes(jpeg())
    assert f"{name}/{name}_0001.jpg" in walk(folder).pictures
    assert name in data.FolderDataset(folder).names


@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ".Jpeg", ".tif", ".png"])
def test_lists_find_a_suffix_in_any_case(tmp_path, jpeg, suffix: str) -> None:
    (tmp_path / "Ann").mkdir()
    (tmp_path / "Ann" / f"Ann_0001{suffix}").write_bytes(jpeg())
    assert find_pictures(tmp_path, [("Ann", "Ann_0001"), ("Ann", "Ann_0002"), ("Bob", "Bob_0001")]) == [
        tmp_path / "Ann" / f"Ann_0001{suffix}",
        None,
        None,
    ]


def test_lists_find_accents_written_either_way(tmp_path, jpeg) -> None:
    one, two = "Ren\u00e9", "Rene\u0301"
    (tmp_path / two).mkdir()
    (tmp_path / two / f"{two}_0001.jpg").write_bytes(jpeg())
    assert find_pictures(tmp_path, [(one, f"{one}_0001")]) == [tmp_path / two / f"{two}_0001.jpg"]


def test_of_several_formats_the_usual_one_is_taken(tmp_path, jpeg) -> None:
    (tmp_path / "A").mkdir()
    for suffix in (".GIF", ".jpg", ".png"):  # as names the first is another
        (tmp_path / "A" / f"A_0001{suffix}").write_bytes(jpeg())
    assert find_pictures(tmp_path, [("A", "A_0001")]) == [tmp_path / "A" / "A_0001.jpg"]
