"""`check --against`: pictures and people that two data sets share, however the pictures were saved."""

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from cosface_edu import data
from cosface_edu.data.alike import details
from cosface_edu.data.images import encode_jpeg


def face(number: int) -> Tensor:
    """A picture (3, 112, 96) of soft blots, others for each number."""
    blots = torch.rand(1, 3, 16, 14, generator=torch.Generator().manual_seed(number))
    return data.to_bytes(F.interpolate(blots, (112, 96), mode="bicubic")[0])


def picture(pixels: Tensor) -> Image.Image:
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())


def resized(pixels: Tensor, times: float) -> Tensor:
    image = picture(pixels)
    file = io.BytesIO()
    image.resize((round(image.width * times), round(image.height * times)), Image.Resampling.BICUBIC).save(file, "PNG")
    return data.decode(file.getvalue())


CHANGES = {
    "copied": lambda pixels: pixels,
    "poor JPEG": lambda pixels: data.decode(encode_jpeg(pixels, 30)),
    "smaller": lambda pixels: resized(pixels, 0.6),
    "larger": lambda pixels: resized(pixels, 2),
    "grey": lambda pixels: torch.from_numpy(np.array(picture(pixels).convert("L"))).expand(3, -1, -1),
    "darker": lambda pixels: (pixels * 0.6).byte(),
    "in InsightFace's template": lambda pixels: F.pad(pixels, (8, 8)),  # 112×112 about the same face
}


def put(folder: Path, **pictures: list[Tensor]) -> Path:
    """Identity folders of JPEGs: anna=[…] becomes folder/anna/1.jpg …"""
    for name, faces in pictures.items():
        (folder / name).mkdir(parents=True)
        for number, pixels in enumerate(faces, 1):
            (folder / name / f"{number}.jpg").write_bytes(encode_jpeg(pixels))
    return folder


def people(start: int, count: int = 12) -> dict[str, list[Tensor]]:
    return {f"p{number}": [face(number)] for number in range(start, start + count)}


@pytest.mark.parametrize("change", CHANGES)
def test_a_picture_is_known_again(change, tmp_path) -> None:
    training = put(tmp_path / "training", anna=[face(100), face(101)], **people(0))
    test = put(tmp_path / "test", bela=[face(102), CHANGES[change](face(101))], **people(20))
    report = data.check(training, against=[test])
    (shared,) = report.shared
    assert [copy[:4] for copy in shared.pictures] == [
        (str(training / "anna" / "2.jpg"), "anna", str(test / "bela" / "2.jpg"), "bela")
    ]
    assert shared.pictures[0].alike > 0.95
    assert shared.met == 1
    assert len(report.problems) == 1
    assert not report.ok


@pytest.mark.parametrize("count", [1, 2, 12])
def test_one_picture_is_enough_to_compare_with(count, tmp_path) -> None:
    training = put(tmp_path / "training", **people(0))
    shared = data.check(training, against=[put(tmp_path / "test", **people(11, count))]).shared[0]
    assert [copy.person for copy in shared.pictures] == ["p11"]


def test_the_same_frame_round_other_faces_makes_no_copy(tmp_path) -> None:
    def framed(pixels: Tensor) -> Tensor:
        return F.pad(pixels[:, 16:-16, 16:-16] // 4 + 150, (16, 16, 16, 16))

    sets = [
        put(tmp_path / name, **{person: list(map(framed, faces)) for person, faces in people(start, 60).items()})
        for name, start in (("training", 0), ("test", 100))
    ]
    known = torch.stack([details(framed(face(number))) for number in (0, 100)])
    assert known[0] @ known[1] > 0.9  # to somebody who did not look at what all pictures have
    assert data.check(sets[0], against=[sets[1]]).ok


def test_pictures_without_any_detail_are_not_compared_and_counted(tmp_path) -> None:
    blank = torch.zeros(3, 112, 96, dtype=torch.uint8)
    training = put(tmp_path / "training", anna=[blank, face(0)])
    report = data.check(training, against=[put(tmp_path / "test", bela=[blank, face(1)])])
    assert report.ok
    assert "2 without detail were not compared" in str(report)


def test_every_kind_of_set_is_compared_with_every_other(tmp_path) -> None:
    encoded = [encode_jpeg(face(number)) for number in range(4)]
    folder = put(tmp_path / "people", **people(0, 4))
    data.write_records(tmp_path / "a.rec", [(picture, label) for label, picture in enumerate(encoded)], (112, 96))
    (tmp_path / "a.bin").write_bytes(pickle.dumps((encoded, [True, False])))
    videos = put(tmp_path / "ytf" / "frame_images_DB" / "A", **{"0": [face(0)], "1": [face(1), face(2), face(3)]})
    (videos.parent.parent / "splits.txt").write_text("1,A/0,A/1,1\n")
    lfw = tmp_path / "lfw"
    put(lfw, A=[face(0), face(1)], B=[face(2), face(3)])
    for path in lfw.rglob("*.jpg"):
        path.rename(path.with_name(f"{path.parent.name}_{int(path.stem):04d}.jpg"))
    (lfw / "pairs.txt").write_text("1\nA\t1\t2\nA\t1\tB\t1\n")
    sources = [folder, tmp_path / "a.rec", tmp_path / "a.bin", videos.parent.parent, lfw]
    for source in sources:
        report = data.check(source, against=[other for other in sources if other != source])
        assert [(len(shared.pictures), shared.met) for shared in report.shared] == [(4, 4)] * 4
    copies = data.check(tmp_path / "a.rec", against=[tmp_path / "a.bin"]).shared[0].pictures
    assert copies[2][:4] == (f"{tmp_path / 'a.rec'}, record 3", "person 2", f"{tmp_path / 'a.bin'}: picture 2", "")


def test_people_of_the_same_name_are_told(tmp_path) -> None:
    training = put(tmp_path / "training", **{"Zoe\u0301_Adams": [face(0)], "bob": [face(1)], "0017": [face(2)]})
    test = put(tmp_path / "test", **{"zo\u00e9 adams": [face(3)], "rob": [face(4)], "0017": [face(5)]})
    report = data.check(training, against=[test])
    assert report.shared[0].people == [("0017", "0017"), ("Zoe\u0301_Adams", "zo\u00e9 adams")]
    assert report.ok  # whether they are the same people is for somebody who looks
    assert "of the same name: 1, Zoe\u0301_Adams" in str(report)
    assert "of the same number: 1, 0017" in str(report)


def test_what_could_not_be_read_or_is_not_looked_at_is_told(tmp_path) -> None:
    training = put(tmp_path / "training", **people(0, 3))
    test = put(tmp_path / "test", **people(10, 3))
    (test / "p10" / "1.jpg").write_bytes(b"")
    assert f"`cosface-edu check {test}` finds 1 problem, such as {test / 'p10' / '1.jpg'}: empty" in str(
        data.check(training, against=[test])
    )
    with pytest.raises(FileNotFoundError, match="nowhere"):
        data.check(training, against=[tmp_path / "nowhere"])
    assert "faceworld: no picture of it was compared" in str(data.check(training, against=["faceworld"]))
    assert "faceworld: no picture of it was compared" in str(data.check("faceworld", against=training))


@pytest.mark.realdata
def test_of_real_faces_copies_are_found_and_nothing_else(real_data, tmp_path) -> None:
    assert data.check(real_data / "casia-mini", against=[real_data / "lfw-dev"]).shared[0].pictures == []
    faces = data.FolderDataset(real_data / "casia-mini")
    chosen = range(0, len(faces), 200)
    again = {f"p{index}": [resized(faces.read(index)[0], 0.7)] for index in chosen}
    shared = data.check(real_data / "casia-mini", against=[put(tmp_path / "again", **again)]).shared[0]
    assert shared.met == len(chosen)


def test_a_set_is_not_held_against_itself(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a", anna=[face(0)])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="a is held against itself"):
        data.check("a", against=[tmp_path / "a"])
