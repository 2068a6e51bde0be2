"""Whole folders: detect, align, write, resume, refuse."""

import csv
import json
import os
import shutil
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from unicodedata import normalize

import numpy as np
import pytest
import torch
from PIL import Image

from cosface_edu import align, data
from cosface_edu.align import folder as folder_module
from cosface_edu.align.record import COLUMNS, AlignReport, other_names
from cosface_edu.data.images import encode_jpeg

BLANK = encode_jpeg(torch.full((3, 120, 120), 90, dtype=torch.uint8))


def run(src, dst, **options) -> align.AlignReport:
    return align.align_folder(src, dst, progress=False, **options)


def rows(dst) -> list[dict[str, str]]:
    with open(dst / "landmarks.csv", newline="") as table:
        return list(csv.DictReader(table))


def tree(dst) -> dict[str, bytes]:
    return {str(p.relative_to(dst)): p.read_bytes() for p in sorted(dst.rglob("*")) if p.is_file()}


def test_detection_finds_faceworld_s_faces(scenes) -> None:
    images, landmarks = scenes
    found = align.detect(images)
    assert all(found)
    errors = [
        float((faces[0].landmarks - truth).norm(dim=-1).mean()) for faces, truth in zip(found, landmarks, strict=True)
    ]
    assert sorted(errors)[len(errors) // 2] < 4.0  # of 120 pixels; profiles are harder
    face = found[0][0]
    assert 0.9 < face.score <= 1.0
    assert (face.box[:2] < face.landmarks.min(0).values).all()
    assert (face.box[2:] > face.landmarks.max(0).values).all()


def test_the_face_nearest_the_centre_comes_first(scenes) -> None:
    images, landmarks = scenes
    wide = torch.cat([images[0], images[1], images[2]], dim=2)[None]  # (1, 3, 120, 360): three faces in a row
    faces = align.detect(wide)[0]
    assert len(faces) >= 3
    middle = landmarks[1] + torch.tensor([120.0, 0.0])
    assert (faces[0].landmarks - middle).norm(dim=-1).mean() < 10
    centre = torch.tensor([180.0, 60.0])
    distances = [float(((face.box[:2] + face.box[2:]) / 2 - centre).norm()) for face in faces]
    assert distances == sorted(distances)


@pytest.mark.parametrize("size", [(60, 60), (24, 90), (19, 90), (5, 5)])
def test_nothing_to_find(size: tuple[int, int]) -> None:
    assert align.detect(torch.full((2, 3, *size), 0.4)) == [[], []]


def test_a_folder_is_aligned_as_its_pictures_are(photographs, tmp_path) -> None:
    report = run(photographs, tmp_path / "crops")
    assert (report.aligned, report.total, report.missing, report.broken, report.resumed) == (4, 4, [], [], 0)
    table = rows(tmp_path / "crops")
    assert [row["file"] for row in table] == [f"person_{k // 2}/{k % 2}.jpg" for k in range(4)]
    assert list(table[0]) == COLUMNS
    for row in table:
        image = data.to_float(data.read_image(photographs / row["file"]))
        points = torch.tensor([[float(row[f"x{i}"]), float(row[f"y{i}"])] for i in range(1, 6)])
        expected = align.warp(image[None], align.estimate_similarity(points, align.TEMPLATE_112x96)[None], (112, 96))[0]
        crop = data.to_float(data.read_image(tmp_path / "crops" / row["file"]))
        assert crop.shape == (3, 112, 96)
        assert (crop - expected).abs().mean() < 0.01  # JPEG
    faces = data.FolderDataset(tmp_path / "crops")
    assert (len(faces), faces.num_classes) == (4, 2)


def test_both_templates(photographs, tmp_path) -> None:
    run(photographs / "person_0", tmp_path / "square", size=(112, 112))
    run(photographs / "person_0", tmp_path / "narrow", size=(112, 96))
    square = data.to_float(data.read_image(tmp_path / "square" / "0.jpg"))
    narrow = data.to_float(data.read_image(tmp_path / "narrow" / "0.jpg"))
    assert (data.fit(square, (112, 96)) - narrow).abs().mean() < 0.01
    with pytest.raises(ValueError, match="no template"):
        run(photographs, tmp_path / "other", size=(64, 64))


@pytest.fixture
def flawed(photographs):
    """The photographs with one that shows nobody and one that is cut short."""
    (photographs / "person_0" / "1.jpg").write_bytes(BLANK)
    broken = photographs / "person_1" / "1.jpg"
    broken.write_bytes(broken.read_bytes()[:500])
    return photographs


def test_skip_names_what_was_not_written(flawed, tmp_path) -> None:
    report = run(flawed, tmp_path / "crops", missing="skip")
    assert report.missing == ["person_0/1.jpg"]
    assert report.broken == ["person_1/1.jpg"]
    assert report.aligned == 2
    text = str(report)
    assert "1 left out, no face found: person_0/1.jpg" in text
    assert "1 left out, cannot be decoded: person_1/1.jpg" in text
    statuses = [row["status"] for row in rows(tmp_path / "crops")]
    assert statuses == ["aligned", "no face", "aligned", "broken"]
    assert not (tmp_path / "crops" / "person_0" / "1.jpg").exists()


def test_centre_crop_cuts_the_middle(flawed, tmp_path) -> None:
    pixels = torch.zeros(3, 200, 260, dtype=torch.uint8)
    pixels[:, 60:140, 90:170] = 255  # the middle 80 of 200: 0.4 of the side, so 112·0.4/0.53 = 84.5 of the crop
    (flawed / "person_0" / "1.jpg").write_bytes(encode_jpeg(pixels))
    report = run(flawed, tmp_path / "crops", missing="centre-crop")
    assert report.centre_cropped == ["person_0/1.jpg"]
    crop = data.read_image(tmp_path / "crops" / "person_0" / "1.jpg")[0] > 127
    rows_in, columns_in = crop.any(1).nonzero()[:, 0], crop.any(0).nonzero()[:, 0]
    assert abs(len(rows_in) - 84.5) < 2
    assert abs(float(rows_in.float().mean()) - 55.5) < 1
    assert abs(float(columns_in.float().mean()) - 47.5) < 1


def test_fail_names_the_picture_and_keeps_what_is_done(flawed, tmp_path) -> None:
    (flawed / "person_1" / "1.jpg").unlink()
    with pytest.raises(align.FaceNotFound, match=r"person_0/1\.jpg: no face found"):
        run(flawed, tmp_path / "crops", missing="fail")
    assert (tmp_path / "crops" / "person_0" / "0.jpg").exists()
    (flawed / "person_0" / "1.jpg").write_bytes(b"")
    with pytest.raises(data.BrokenImage, match=r"person_0/1\.jpg: empty"):
        run(flawed, tmp_path / "crops", missing="fail")


def test_a_second_run_repeats_nothing(photographs, tmp_path, monkeypatch) -> None:
    run(photographs, tmp_path / "crops")
    before = tree(tmp_path / "crops")
    monkeypatch.setattr(folder_module.Job, "run", None)  # would fail
    report = run(photographs, tmp_path / "crops")
    assert (report.aligned, report.resumed) == (4, 4)
    assert tree(tmp_path / "crops") == before


def test_what_is_new_alone_is_counted_as_done_now(photographs, tmp_path) -> None:
    run(photographs / "person_0", tmp_path / "crops")
    shutil.copy(photographs / "person_1" / "0.jpg", photographs / "person_0" / "2.jpg")
    report = run(photographs / "person_0", tmp_path / "crops")
    assert (report.aligned, report.resumed) == (3, 2)
    assert report.rate == pytest.approx(1 / report.seconds)
    assert report.several == []  # there is one face in each


@pytest.mark.parametrize("borders", ["mirror", "black"])
def test_what_lies_around_a_picture_is_so_in_its_crop_too(photographs, tmp_path, monkeypatch, borders: str) -> None:
    seen, warp = [], folder_module.warp
    monkeypatch.setattr(folder_module, "warp", lambda *args: seen.append(args[3]) or warp(*args))
    run(photographs, tmp_path / "crops", borders=borders)
    assert set(seen) == {borders}


def test_pictures_go_together_as_far_as_they_fit(photographs, tmp_path, monkeypatch) -> None:
    """By their number, and by their pixels: of 120×120, three."""
    together, work = [], folder_module.Job._align
    monkeypatch.setattr(folder_module.Job, "_align", lambda job, batch: together.append(len(batch)) or work(job, batch))
    run(photographs, tmp_path / "pairs", batch_size=2)
    monkeypatch.setattr(folder_module, "PIXELS", 3 * 120 * 120)
    run(photographs, tmp_path / "threes")
    assert together == [2, 2, 3, 1]


def test_points_are_those_of_the_file_along_both_of_its_sides() -> None:
    photo = folder_module.Photograph("a.jpg", torch.zeros(3, 60, 95, dtype=torch.uint8), (121, 191))
    (face,) = folder_module._in_file([align.Face(torch.zeros(4), 1.0, torch.ones(5, 2))], photo)
    torch.testing.assert_close(face.landmarks, torch.tensor([191 / 95, 121 / 60]).expand(5, 2))


@pytest.mark.parametrize("cut", [1, 60, 150, -30, -6, -1])
def test_a_run_killed_anywhere_ends_as_if_it_had_not_been(photographs, tmp_path, cut: int) -> None:
    run(photographs, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    log = tmp_path / "killed" / "landmarks.csv"
    log.write_bytes(log.read_bytes()[:cut])  # killed while it wrote the log
    (tmp_path / "killed" / "person_1" / "0.jpg").unlink()  # or before it wrote a crop
    report = run(photographs, tmp_path / "killed")
    assert report.aligned == 4
    assert tree(tmp_path / "killed").keys() == tree(tmp_path / "whole").keys()
    whole, killed = ({row["file"]: row for row in rows(tmp_path / name)} for name in ("whole", "killed"))
    assert len(rows(tmp_path / "killed")) == len(killed) == 4
    for name, row in whole.items():
        # the detector rounds differently in batches of another size
        assert killed[name]["crop"] == row["crop"] == name
        assert [float(killed[name][c]) for c in COLUMNS[2:-1]] == pytest.approx(
            [float(row[c]) for c in COLUMNS[2:-1]], abs=0.02
        )
        before, after = (data.read_image(tmp_path / run / name).float() for run in ("whole", "killed"))
        assert (before - after).abs().mean() < 1


def test_another_choice_for_missing_faces_redoes_only_those(flawed, tmp_path) -> None:
    crops = tmp_path / "crops"
    run(flawed, crops)
    report = run(flawed, crops, missing="centre-crop")
    assert (report.resumed, report.centre_cropped, report.missing) == (2, ["person_0/1.jpg"], [])
    assert (crops / "person_0" / "1.jpg").exists()
    report = run(flawed, crops)
    assert (report.missing, report.centre_cropped) == (["person_0/1.jpg"], [])
    assert not (crops / "person_0" / "1.jpg").exists()


def test_crops_are_not_aligned_again(photographs, tmp_path) -> None:
    run(photographs, tmp_path / "crops")
    for src in (tmp_path / "crops", tmp_path / "crops" / "person_0", tmp_path):
        with pytest.raises(align.AlreadyAligned, match=r"crops.*alignment\.json"):
            run(src, tmp_path.parent / f"{tmp_path.name}_again")
    (tmp_path / "crops" / "alignment.json").unlink()  # someone else's crops have no marker
    with pytest.raises(align.AlreadyAligned, match="would move the face by"):
        run(tmp_path / "crops", tmp_path.parent / f"{tmp_path.name}_again")
    assert not (tmp_path.parent / f"{tmp_path.name}_again").exists()


def test_other_settings_need_another_folder(photographs, tmp_path) -> None:
    run(photographs, tmp_path / "crops")
    others = {"size": (112, 112), "min_face": 30, "factor": 0.5, "face": "largest", "borders": "black"}
    for name, value in others.items():
        with pytest.raises(ValueError, match="begun with other settings"):
            run(photographs, tmp_path / "crops", **{name: value})
    (tmp_path / "crops" / "alignment.json").write_text("{")
    with pytest.raises(ValueError, match="damaged"):
        run(photographs, tmp_path / "crops")


@pytest.mark.parametrize("missing", ["skip", "centre-crop"])
def test_pictures_that_no_alignment_made_are_neither_deleted_nor_replaced(flawed, tmp_path, missing: str) -> None:
    backup, linked, log = (tmp_path / name for name in ("backup", "linked", "log"))
    shutil.copytree(flawed, backup)
    for folder in (linked, log):
        folder.mkdir()
    (linked / "person_0").symlink_to(flawed / "person_0")
    (log / "landmarks.csv").write_text("somebody's own")
    before = tree(tmp_path)
    for target, told in ((backup, "backup has no alignment.json and yet holds person_0/"), (log, "landmarks.csv")):
        with pytest.raises(ValueError, match=rf"{told}.*: choose an empty folder"):
            run(flawed, target, missing=missing)
    with pytest.raises(ValueError, match=r"linked/person_0 is a link that leads out of .*: choose an empty folder"):
        run(flawed, linked, missing=missing)
    assert tree(tmp_path) == before


def test_of_a_marked_folder_only_crops_are_deleted(flawed, tmp_path) -> None:
    crops = tmp_path / "crops"
    run(flawed, crops)
    for name in ("person_0/1.jpg", "person_1/1.jpg"):  # whose pictures have no face and cannot be decoded
        shutil.copy(flawed / "person_0" / "0.jpg", crops / name)
    report = run(flawed, crops)
    assert report.left_over == ["person_0/1.jpg", "person_1/1.jpg"]


def test_a_damaged_record_of_an_alignment_is_named(photographs, tmp_path) -> None:
    run(photographs, tmp_path / "crops")
    marker, log = tmp_path / "crops" / "alignment.json", tmp_path / "crops" / "landmarks.csv"
    log.write_text(log.read_text() + 'a,"' + "x" * 200_000 + "\n")
    with pytest.raises(ValueError, match=r"landmarks\.csv is damaged .*: remove it"):
        run(photographs, tmp_path / "crops")
    log.unlink()
    assert run(photographs, tmp_path / "crops").aligned == 4
    marker.write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"alignment\.json is damaged"):
        run(photographs, tmp_path / "crops")


def test_the_marker_says_how(photographs, tmp_path) -> None:
    run(photographs / "person_0", tmp_path / "crops")
    marker = json.loads((tmp_path / "crops" / "alignment.json").read_text())
    assert marker["size"] == [112, 96]
    assert marker["detector"] == {
        "name": "MTCNN",
        "min_size": "fits the picture",
        "factor": 0.7225,
        "thresholds": [0.6, 0.7, 0.9],
    }
    assert (marker["face"], marker["borders"]) == ("centre", "mirror")


def test_crops_of_a_version_without_choices_are_continued(photographs, tmp_path) -> None:
    settings = {"min_face": 20, "factor": 0.85, "borders": "black"}
    run(photographs, tmp_path / "crops", **settings)
    marker, log = tmp_path / "crops" / "alignment.json", tmp_path / "crops" / "landmarks.csv"
    before = json.loads(marker.read_text())
    marker.write_text(json.dumps({name: value for name, value in before.items() if name not in ("face", "borders")}))
    log.write_text("".join(line.rsplit(",", 2)[0] + "\n" for line in log.read_text().splitlines()))
    assert run(photographs, tmp_path / "crops", **settings).resumed == 4
    with pytest.raises(ValueError, match=r"begun with other settings \(detector, borders\)"):
        run(photographs, tmp_path / "crops")


def test_numbers_may_be_numpy_s_and_nonsense_has_its_name(photographs, tmp_path) -> None:
    options = {"min_face": np.int64(40), "factor": np.float32(0.7), "batch_size": np.int32(2), "workers": np.int64(0)}
    assert run(photographs, tmp_path / "crops", size=np.array([112, 96]), **options).aligned == 4
    again = {"min_face": 40, "factor": 0.7, "batch_size": 2, "workers": 0}
    assert run(photographs, tmp_path / "crops", size=[112, 96], **again).resumed == 4
    for name, value in (("batch_size", 2.5), ("batch_size", 0), ("workers", 1.5), ("workers", -1), ("workers", True)):
        with pytest.raises(ValueError, match=f"{name} must be an integer of at least ., got {value}"):
            run(photographs, tmp_path / "others", **{name: value})


def test_sources_that_cannot_be(photographs, tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        run(tmp_path / "nowhere", tmp_path / "crops")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty: no pictures"):
        run(tmp_path / "empty", tmp_path / "crops")
    with pytest.raises(ValueError, match="lies in"):
        run(photographs, photographs / "crops")
    with pytest.raises(ValueError, match=r"photographs lies in .*: choose a folder beside it"):
        run(photographs, tmp_path)  # once it is marked, nothing in it can be aligned
    assert not list(tmp_path.rglob("alignment.json"))
    with pytest.raises(ValueError, match="choose 'skip'"):
        run(photographs, tmp_path / "crops", missing="perhaps")


def test_pictures_that_share_a_name_are_kept_apart(photographs, tmp_path) -> None:
    folder, crops = photographs / "person_0", tmp_path / "crops"
    shutil.copy(photographs / "person_1" / "0.jpg", folder / "0.png")
    report = run(photographs, crops)
    assert (report.aligned, report.renamed) == (5, {"person_0/0.png": "person_0/0.png.jpg"})
    told = "1 with a suffix in the crop's name, since another has it without: person_0/0.png.jpg of person_0/0.png"
    assert told in str(report)
    assert run(photographs, crops).resumed == 5
    for name, same in (("0.png.jpg", "person_1/0.jpg"), ("0.jpg", "person_0/0.jpg")):
        alone = data.read_image(tmp_path / "crops" / same).float()
        assert (data.read_image(crops / "person_0" / name).float() - alone).abs().mean() < 2
    shutil.copy(photographs / "person_1" / "1.jpg", folder / "0.png.jpg")  # comes later, and keeps its own name
    report = run(photographs, crops)
    assert report.renamed == {"person_0/0.png": "person_0/0.png.jpg.jpg"}
    assert (report.aligned, report.resumed) == (6, 4)


@pytest.mark.parametrize("version", ["now", "before crops were named"])
def test_a_removed_picture_s_crop_is_not_taken_for_another_s(photographs, tmp_path, version) -> None:
    folder, crops = photographs / "person_0", tmp_path / "crops"
    shutil.copy(photographs / "person_1" / "0.jpg", folder / "0.png")
    assert run(photographs, crops).left_over == []
    if version != "now":
        log = crops / "landmarks.csv"
        log.write_text("".join(line.rpartition(",")[0] + "\n" for line in log.read_text().splitlines()))
    (folder / "0.jpg").unlink()
    report = run(photographs, crops)
    assert (report.aligned, report.resumed, report.left_over) == (4, 3, ["person_0/0.png.jpg"])
    own = data.read_image(crops / "person_1" / "0.jpg").float()
    assert (data.read_image(crops / "person_0" / "0.jpg").float() - own).abs().mean() < 2


def test_crops_whose_pictures_are_gone_are_named_until_they_are_gone_too(photographs, tmp_path) -> None:
    crops = tmp_path / "crops"
    run(photographs, crops)
    (photographs / "person_0" / "1.jpg").unlink()
    shutil.rmtree(photographs / "person_1")
    left = ["person_0/1.jpg", "person_1/0.jpg", "person_1/1.jpg"]
    told = f"3 in the target that are of no picture in the source, such as a removed one: {', '.join(left)}"
    for _ in range(2):  # the log has forgotten them by the second time
        report = run(photographs, crops)
        assert (report.aligned, report.left_over) == (1, left)
        assert f"{told}; " in str(report)
    shutil.rmtree(crops / "person_1")
    (crops / "person_0" / "1.jpg").unlink()
    assert run(photographs, crops).left_over == []


def test_a_picture_that_changed_after_its_crop_was_made_is_named(photographs, tmp_path) -> None:
    crops = tmp_path / "crops"
    run(photographs, crops)
    assert run(photographs, crops).newer == []
    changed, crop = photographs / "person_0" / "1.jpg", crops / "person_0" / "1.jpg"
    shutil.copyfile(photographs / "person_1" / "0.jpg", changed)
    later = crop.stat().st_mtime_ns + 1
    os.utime(changed, ns=(later, later))
    report = run(photographs, crops)
    assert (report.resumed, report.newer) == (4, ["person_0/1.jpg"])
    assert "1 changed after their crops were made, which were kept: person_0/1.jpg; delete the crops" in str(report)
    crop.unlink()
    report = run(photographs, crops)
    assert (report.resumed, report.newer) == (3, [])
    own = data.read_image(crops / "person_1" / "0.jpg").float()
    assert (data.read_image(crop).float() - own).abs().mean() < 2


def test_accents_written_in_another_way_are_no_other_crop(photographs, tmp_path) -> None:
    (photographs / "person_0").rename(photographs / normalize("NFC", "Jos\u00e9"))
    run(photographs, tmp_path / "crops")
    decomposed = normalize("NFD", "Jos\u00e9/0.jpg")
    assert folder_module._left_over(tmp_path / "crops", {decomposed, "person_1/0.jpg", "person_1/1.jpg"}) == [
        normalize("NFC", "Jos\u00e9/1.jpg")
    ]


def test_a_picture_called_as_its_crop_keeps_the_name() -> None:
    assert other_names(["a/1.gif", "a/1.jpg", "a/1.JPG", "b/1.png", "b/1.webp", "c.png"]) == {
        "a/1.gif": "a/1.gif.jpg",
        "a/1.JPG": "a/1.JPG.jpg",
        "b/1.webp": "b/1.webp.jpg",
    }


def test_names_that_differ_by_case_alone_get_crops_that_differ_by_more() -> None:
    assert other_names(["Anna/1.jpg", "anna/1.jpg"]) == {"anna/1.jpg": "anna/1.jpg.jpg"}
    assert other_names(["Anna/1.png", "anna/1.jpg"]) == {"Anna/1.png": "Anna/1.png.jpg"}


def test_pictures_of_many_sizes(photographs, tmp_path, scenes) -> None:
    large = torch.nn.functional.interpolate(scenes[0][:1], size=(200, 210), mode="bilinear")
    (photographs / "person_0" / "0.jpg").write_bytes(encode_jpeg(data.to_bytes(large[0])))
    (photographs / "person_0" / "1.jpg").write_bytes(encode_jpeg(torch.zeros(3, 12, 9, dtype=torch.uint8)))
    report = run(photographs, tmp_path / "crops")
    assert report.aligned == 3
    assert report.missing == ["person_0/1.jpg"]


def test_several_faces_are_counted_and_one_is_chosen(tmp_path, scenes) -> None:
    images, landmarks = scenes
    large = torch.nn.functional.interpolate(images[:1], size=(300, 300), mode="bilinear")[0]
    two = torch.full((3, 300, 420), 0.4)
    two[:, :, :300] = large
    two[:, 90:210, 300:] = images[1]
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "two.jpg").write_bytes(encode_jpeg(data.to_bytes(two)))
    landed = {}
    for face in ("centre", "largest", "both"):
        report = run(tmp_path / "src", tmp_path / face, face=face, min_face=40)
        (row,) = rows(tmp_path / face)
        assert row["faces"] == "2"
        assert report.several == ["two.jpg"]
        assert "1 with several faces, of which one was cut: two.jpg" in str(report)
        landed[face] = float(row["x3"])
    assert abs(landed["largest"] - 2.5 * float(landmarks[0, 2, 0])) < 20
    assert landed["both"] == landed["largest"]
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "one.jpg").write_bytes(encode_jpeg(data.to_bytes(large)))
    run(tmp_path / "alone", tmp_path / "one", min_face=40)
    crops = [data.read_image(tmp_path / name).float() for name in ("largest/two.jpg", "one/one.jpg")]
    assert (crops[0] - crops[1]).abs().mean() < 8  # the face that is told is the one that is cut


@pytest.mark.parametrize(("min_face", "whole"), [(None, False), (400, True)])
def test_where_a_smallest_face_is_given_a_photograph_is_read_whole(tmp_path, monkeypatch, min_face, whole) -> None:
    """It is one in pixels of the file: in a picture made smaller, a face of that size might not be seen."""
    seen, work = [], folder_module.Job._align
    monkeypatch.setattr(folder_module.Job, "_align", lambda job, batch: seen.extend(batch) or work(job, batch))
    (tmp_path / "src").mkdir()
    Image.new("RGB", (2000, 1900), "grey").save(tmp_path / "src" / "a.jpg")
    run(tmp_path / "src", tmp_path / "crops", min_face=min_face)
    assert seen[0].whole == (1900, 2000)
    assert (seen[0].pixels.shape == (3, 1900, 2000)) == whole


def test_processes_do_what_one_does(photographs, tmp_path, monkeypatch, request) -> None:
    for copy in range(4):
        shutil.copytree(photographs / "person_0", photographs / f"copy_{copy}")
    run(photographs, tmp_path / "alone", batch_size=1)
    done_here, work = [], folder_module.Job.run

    def counted(job, names):
        done_here.append(names)
        return work(job, names)

    counted.__name__ = "run"  # by which the other process finds its own
    monkeypatch.setattr(folder_module.Job, "run", counted)
    threads = torch.get_num_threads() + 1
    request.addfinalizer(partial(torch.set_num_threads, threads - 1))
    torch.set_num_threads(threads)
    report = run(photographs, tmp_path / "together", batch_size=1, workers=2)
    assert (report.aligned, report.total) == (12, 12)
    assert tree(tmp_path / "together") == tree(tmp_path / "alone")
    assert len(done_here) == 1  # of three parts; two were handed to the other process at once
    assert torch.get_num_threads() == threads  # while there were two processes it was one


def test_names_in_any_encoding_survive(photographs, tmp_path) -> None:
    name = os.fsdecode(b"Ren\xe9e, 1.jpg")  # Latin-1, with what a table must quote
    shutil.copy(photographs / "person_0" / "0.jpg", photographs / name)
    report = run(photographs, tmp_path / "crops")
    assert report.aligned == 5
    assert (tmp_path / "crops" / name).exists()
    with open(tmp_path / "crops" / "landmarks.csv", newline="", errors="surrogateescape", encoding="utf-8") as table:
        assert name in [row["file"] for row in csv.DictReader(table)]
    assert run(photographs, tmp_path / "crops").resumed == 5


def test_an_unreadable_file_is_a_broken_picture(photographs, tmp_path) -> None:
    (photographs / "person_0" / "1.jpg").unlink()
    (photographs / "person_0" / "1.jpg").symlink_to("gone.jpg")
    report = run(photographs, tmp_path / "crops")
    assert (report.aligned, report.broken) == (3, ["person_0/1.jpg"])
    assert "1.jpg: a link that leads nowhere" in str(report)
    with pytest.raises(data.BrokenImage, match="leads nowhere"):
        run(photographs, tmp_path / "crops", missing="fail")


def test_what_is_left_out_is_told_and_nothing_is_aligned_twice(photographs, tmp_path) -> None:
    (photographs / "person_0" / "me").symlink_to(photographs, target_is_directory=True)
    (photographs / "person_0" / "._0.jpg").write_bytes(b"\0\5\x16\7")
    (photographs / "a.HEIC").touch()
    report = run(photographs, tmp_path / "crops")
    assert (report.aligned, report.total) == (4, 4)
    assert "left out: 1 file that is no pictures we read: .HEIC (1)" in str(report)
    assert "left out: 1 file that is hidden" in str(report)
    assert "left out: 1 links to folders that are looked at already: person_0/me" in str(report)


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_telephone_s_photographs_are_aligned_upright(tmp_path, scenes, orientation: int, kind: str) -> None:
    upright = Image.fromarray(data.to_bytes(scenes[0][0]).permute(1, 2, 0).numpy())
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name, image, options in (("upright", upright, {}), ("turned", upright.transpose(turn), {"exif": exif})):
        (tmp_path / name).mkdir()
        image.save(tmp_path / name / "a.png", **options) if kind == "PNG" else image.save(
            tmp_path / name / "a.jpg", quality=98, subsampling=0, **options
        )
        assert run(tmp_path / name, tmp_path / f"{name} crops").aligned == 1
    crops = [data.read_image(tmp_path / f"{name} crops" / "a.jpg").float() for name in ("upright", "turned")]
    assert (crops[0] - crops[1]).abs().mean() < 3


def test_a_large_photograph_is_cut_as_its_small_copy(tmp_path, scenes) -> None:
    small = data.to_bytes(scenes[0][0])
    large = small.repeat_interleave(20, 1).repeat_interleave(20, 2)  # 2400×2400
    for name, pixels in (("small", small), ("large", large)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").write_bytes(encode_jpeg(pixels))
        run(tmp_path / name, tmp_path / f"{name} crops")
    points = [
        [float(rows(tmp_path / f"{n} crops")[0][f"{a}{i}"]) for i in range(1, 6) for a in "xy"]
        for n in ("small", "large")
    ]
    off = (torch.tensor(points[0]) * 20 - torch.tensor(points[1])).view(5, 2).norm(dim=1) / 20
    assert off.mean() < 2  # of 120
    crops = [data.read_image(tmp_path / f"{name} crops" / "a.jpg").float() for name in ("small", "large")]
    assert (crops[0] - crops[1]).abs().mean() < 12


def test_want_of_memory_names_the_remedy(photographs, tmp_path, monkeypatch) -> None:
    def none_left(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 843321600 bytes.")

    monkeypatch.setattr(folder_module, "detect", none_left)
    with pytest.raises(align.OutOfMemory, match=r"with 120×120 pixels: take a smaller --batch, a larger --min-face"):
        folder_module.align_folder(photographs, tmp_path / "crops", progress=False)


def test_results_go_to_a_folder(photographs, tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="is a file"):
        run(photographs, tmp_path / "file")
    assert run(photographs, tmp_path / "new" / "deep").aligned == 4


@pytest.mark.realdata
def test_casia_mini_is_recognised_as_aligned(real_data, tmp_path) -> None:
    with pytest.raises(align.AlreadyAligned):
        run(real_data / "casia-mini", tmp_path / "crops")


@pytest.mark.realdata
def test_lfw_faces_are_found(real_data, tmp_path) -> None:
    names = sorted(path.name for path in (real_data / "lfw-dev" / "lfw").iterdir())[::100]
    for name in names:
        shutil.copytree(real_data / "lfw-dev" / "lfw" / name, tmp_path / "lfw" / name)
    report = run(tmp_path / "lfw", tmp_path / "crops")
    assert report.aligned == report.total >= 10


def test_a_report_names_the_first_few_and_says_where_the_rest_are() -> None:
    names = [f"{number}.jpg" for number in range(6)]
    lines = str(AlignReport(aligned=1, missing=names, resumed=7)).splitlines()
    assert lines[0] == "1 of 7 pictures aligned (0.0 a second); 7 were done before"
    assert lines[1] == "6 left out, no face found: 0.jpg, 1.jpg, 2.jpg, 3.jpg, 4.jpg … all in landmarks.csv"


def test_processes_that_cannot_start_are_not_taken_for_want_of_memory_alone(photographs, tmp_path, monkeypatch) -> None:
    class Broken(folder_module.ProcessPoolExecutor):
        def submit(self, *_: object):
            raise BrokenProcessPool

    monkeypatch.setattr(folder_module, "ProcessPoolExecutor", Broken)
    shutil.copytree(photographs / "person_0", photographs / "copy")  # enough for two processes
    with pytest.raises(align.OutOfMemory, match=r"want of memory .*, or unable to start, .* without `if __name__ =="):
        run(photographs, tmp_path / "out", batch_size=1, workers=2)
