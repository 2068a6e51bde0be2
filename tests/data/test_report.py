"""`check` names what is there and everything that is wrong."""

import pickle

import pytest

from cosface_edu import data
from cosface_edu.data.records import RecordWriter


def test_whole_folders(people) -> None:
    report = data.check(people)
    assert report.ok
    assert (report.kind, report.pictures, report.identities) == ("identity folders", 6, 3)
    assert "20×16 (6)" in str(report)
    assert "1 to 3, median 2" in str(report)
    assert "1 identities have one picture" in str(report)
    assert "nothing wrong" in str(report)


def test_everything_wrong_with_folders_is_named(people, jpeg) -> None:
    (people / "bob" / "1.jpg").write_bytes(b"")
    (people / "bob" / "2.jpg").write_bytes(jpeg()[:150])
    (people / "dora").mkdir()
    (people / "stray.jpg").write_bytes(jpeg())
    report = data.check(people)
    assert not report.ok
    assert len(report.problems) == 4
    text = str(report)
    for name in ("bob/1.jpg: empty", "bob/2.jpg: cannot be decoded", "dora: no picture in it", "stray.jpg"):
        assert name in text


def test_copies_and_names_that_differ_in_case_alone_are_told(people, jpeg) -> None:
    for place, number in (("bob/1.jpg", 11), ("bob/2.jpg", 12), ("carl/1.jpg", 11)):
        (people / place).write_bytes(jpeg(number))
    (people / "bob" / "3.jpg").write_bytes(jpeg(12) + b"a note behind its end")
    for name, number in (("Zoe\u0301_A", 13), ("zo\u00e9 a", 14)):
        (people / name).mkdir()
        (people / name / "1.jpg").write_bytes(jpeg(number))
    text = str(data.check(people))
    assert "copies, pixel for pixel: 2, such as" in text
    assert f"copies under another person: 1, such as {people / 'bob' / '1.jpg'} and {people / 'carl' / '1.jpg'}" in text
    assert "or in underscores for spaces alone: 1, such as Zoe\u0301_A and zo\u00e9 a" in text


def test_casia_s_counts_and_overlap_are_compared(people, monkeypatch) -> None:
    for old, new in (("anna", "0000045"), ("bob", "0166921"), ("carl", "0000513")):
        (people / old).rename(people / new)
    text = str(data.check(people))
    assert "not the whole of CASIA-WebFace, which has 10,575 identities and 494,414 pictures" in text
    assert "by SphereFace's list: 0166921" in text
    assert "by name: 0000513, 0166921" in text
    monkeypatch.setattr("cosface_edu.data.folders.CASIA_WEBFACE", (3, 6))
    assert "complete: CASIA-WebFace" in str(data.check(people))
    monkeypatch.setattr("cosface_edu.data.folders.CASIA_WEBFACE", (3, 7))
    assert "not the whole of CASIA-WebFace" in str(data.check(people))  # all the people, and a picture is missing


def test_records(tmp_path, jpeg) -> None:
    data.write_records(tmp_path / "train.rec", [(jpeg(0), 0), (jpeg(1), 0), (jpeg(2)[:99], 1)], (20, 16))
    report = data.check(tmp_path)
    assert (report.kind, report.pictures, report.identities) == ("records", 3, 2)
    assert len(report.problems) == 1
    assert "record 3" in report.problems[0]
    data.write_records(tmp_path / "b.rec", [(jpeg(0), 0), (jpeg(1), 1)], (20, 16))
    (tmp_path / "property").write_text("1,20,16")
    assert "label 1 in a set of 1 identities" in str(data.check(tmp_path / "b.rec"))
    (tmp_path / "property").unlink()
    both = data.check(tmp_path)
    assert (both.pictures, both.identities) == (5, 4)
    (tmp_path / "b.idx").write_text("nonsense\n")
    assert "b.idx, line 1" in str(data.check(tmp_path / "b.rec"))


def test_bins(tmp_path, jpeg) -> None:
    (tmp_path / "a.bin").write_bytes(pickle.dumps(([jpeg(0), jpeg(1), jpeg(2), b"?"], [True, False])))
    report = data.check(tmp_path / "a.bin")
    assert "1 genuine and 1 impostor" in str(report)
    assert len(report.problems) == 1
    assert "picture 3" in report.problems[0]
    (tmp_path / "a.bin").write_bytes(pickle.dumps(open))
    assert "wants to call" in str(data.check(tmp_path / "a.bin"))


def test_lfw(tmp_path, jpeg) -> None:
    for name in ("A/A_0001", "A/A_0002", "B/B_0001"):
        (tmp_path / "lfw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lfw" / f"{name}.jpg").write_bytes(jpeg())
    (tmp_path / "pairs.txt").write_text("1\t1\nA\t1\t2\nA\t1\tB\t1\n")
    report = data.check(tmp_path)
    assert report.ok
    assert report.kind == "LFW"
    assert "pairs.txt: 1 genuine and 1 impostor pairs in 1 folds" in str(report)
    (tmp_path / "pairsDevTest.txt").write_text("1\nA\t1\t3\nA\t1\tB\t1\n")
    assert "A_0003.jpg" in str(data.check(tmp_path))


def test_youtube_faces(tmp_path, jpeg) -> None:
    for name in ("A/0", "A/1", "B/0"):
        (tmp_path / "frame_images_DB" / name).mkdir(parents=True)
        (tmp_path / "frame_images_DB" / name / "0.1.jpg").write_bytes(jpeg())
    (tmp_path / "splits.txt").write_text("1,A/0,A/1,1\n1,A/0,B/0,0\n")
    report = data.check(tmp_path)
    assert report.ok
    assert "3 videos, 1.0 frames each" in str(report)


def test_nothing_there_and_nothing_in_it(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        data.check(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "no pictures in identity folders" in str(data.check(tmp_path / "empty"))


@pytest.mark.realdata
@pytest.mark.parametrize(("name", "counts"), [("casia-mini", (5768, 245)), ("lfw-dev", (1549, 963))])
def test_real_data_is_whole(real_data, name: str, counts: tuple[int, int]) -> None:
    report = data.check(real_data / name)
    assert report.ok, str(report)
    assert (report.pictures, report.identities) == counts


def test_everything_unreadable_is_named_and_the_rest_looked_at(people) -> None:
    (people / "bob" / "1.jpg").unlink()
    (people / "bob" / "1.jpg").symlink_to("gone.jpg")
    (people / "carl" / "1.jpg").write_bytes(b"")
    report = data.check(people)
    assert report.pictures == 6
    assert len(report.problems) == 2
    assert "bob/1.jpg: a link that leads nowhere" in str(report)
    assert "carl/1.jpg: empty" in str(report)


def test_what_is_left_out_is_told(people, jpeg) -> None:
    (people / "bob" / "a.HEIC").touch()
    (people / "bob" / "._1.jpg").touch()
    (people / "__MACOSX").mkdir()
    report = data.check(people)
    assert report.ok
    assert "left out: 2 files that are no pictures we read: .HEIC (1), .txt (1)" in str(report)
    assert "left out: 1 file that is hidden" in str(report)
    (people / "bob" / "deep").mkdir()
    (people / "bob" / "deep" / "1.jpg").write_bytes(jpeg())
    assert "1 pictures not directly in an identity folder, e.g. bob/deep/1.jpg" in str(data.check(people))


@pytest.mark.parametrize("labels", [[0, 10, 70], [1, 2, 3]])
def test_people_are_counted_by_distinct_labels(tmp_path, jpeg, labels: list[int]) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        for key, label in enumerate(labels):
            writer.write(key, (label,), jpeg(key))
    report = data.check(tmp_path)
    assert (report.pictures, report.identities) == (3, 3)
    (tmp_path / "property").write_text("80,20,16")
    assert "a.rec announces 80 people and has pictures of 3" in str(data.check(tmp_path))
