"""RecordIO: InsightFace's layout and im2rec's, random access, workers, and every way a file can be damaged."""

import errno
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from cosface_edu import data
from cosface_edu.data.records import MAGIC, RecordFile, RecordWriter

MAGIC_BYTES = struct.pack("<I", MAGIC)


def parse_by_the_book(content: bytes) -> list[bytes]:
    """All records of a .rec file one after the other, as the format is described: a plain loop to compare with."""
    records, parts, place = [], [], 0
    while place < len(content):
        magic, lrec = struct.unpack_from("<II", content, place)
        assert magic == MAGIC
        cflag, length = lrec >> 29, lrec & 0x1FFFFFFF
        parts.append(content[place + 8 : place + 8 + length])
        place += 8 + (length + 3) // 4 * 4
        if cflag in (0, 3):
            records.append(MAGIC_BYTES.join(parts))
            parts = []
    return records


@pytest.fixture
def faces(tmp_path, jpeg):
    """Seven pictures of three people in InsightFace's layout."""
    pictures = [(jpeg(k), label) for k, label in enumerate([0, 0, 1, 1, 1, 2, 2])]
    data.write_records(tmp_path / "train.rec", pictures, (20, 16))
    return tmp_path, pictures


def test_round_trip(faces) -> None:
    folder, pictures = faces
    read = data.RecordDataset(folder, size=(20, 16))
    assert (len(read), read.num_classes) == (7, 3)
    assert read.labels.tolist() == [label for _, label in pictures]
    for index in [6, 0, 3]:  # any order
        image, label = read[index]
        assert torch.equal(image, data.to_float(data.decode(pictures[index][0])))
        assert label == pictures[index][1]


def test_the_layout_is_insightface_s(faces) -> None:
    folder, pictures = faces
    records = parse_by_the_book((folder / "train.rec").read_bytes())
    assert len(records) == 1 + 7 + 3
    assert struct.unpack("<IfQQff", records[0]) == (2, 0.0, 0, 0, 8.0, 11.0)  # first identity key, end key
    assert struct.unpack_from("<IfQQ", records[3]) == (0, 1.0, 3, 0)
    assert records[3][24:] == pictures[2][0]
    assert [struct.unpack("<IfQQff", record)[4:] for record in records[8:]] == [(1, 3), (3, 6), (6, 8)]
    assert (folder / "property").read_text() == "3,20,16"
    keys, offsets = np.loadtxt(folder / "train.idx", dtype=int, delimiter="\t").T
    assert keys.tolist() == list(range(11))
    content = (folder / "train.rec").read_bytes()
    assert all(content[offset : offset + 4] == MAGIC_BYTES for offset in offsets)


@pytest.mark.parametrize(
    "body",
    [
        MAGIC_BYTES,
        MAGIC_BYTES * 3,
        b"abcd" + MAGIC_BYTES + b"efgh" + MAGIC_BYTES + b"xyz",
        b"abc" + MAGIC_BYTES + b"d",  # not at a multiple of 4: stays
        b"abcd" + MAGIC_BYTES,
    ],
)
def test_magic_numbers_in_the_data_are_cut_out_and_put_back(tmp_path, body: bytes) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(0, (1.0,), body)
        writer.write(1, (2.0,), b"after")
    content = (tmp_path / "a.rec").read_bytes()
    aligned = [i for i in range(0, len(content), 4) if content[i : i + 4] == MAGIC_BYTES]
    assert [r[24:] for r in parse_by_the_book(content)] == [body, b"after"]
    pieces = 1 + sum(body[i : i + 4] == MAGIC_BYTES for i in range(0, len(body), 4))
    assert len(aligned) == pieces + 1  # only where a part begins
    records = RecordFile(tmp_path / "a.rec")
    assert [bytes(records.read(i).data) for i in (1, 0)] == [b"after", body]


def test_without_the_file_property_the_header_says_how_many_people_there_are(faces) -> None:
    (faces[0] / "property").unlink()
    read = data.RecordDataset(faces[0])
    assert (len(read), read.num_classes, read.announces) == (7, 3, True)


def test_an_index_in_any_order_is_the_same_index(faces) -> None:
    """im2rec with several threads writes records as they come."""
    expected = [label for _, label in faces[1]]
    index = faces[0] / "train.idx"
    index.write_text("".join(reversed(index.read_text().splitlines(keepends=True))))
    read = data.RecordDataset(faces[0], size=(20, 16))
    assert read.file.keys.tolist() == list(range(11))
    assert read.labels.tolist() == expected


def test_im2rec_files_have_no_header_record(tmp_path, jpeg) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        for key, label in enumerate([4, 0, 2]):
            writer.write(key, (label,), jpeg(key))
    read = data.RecordDataset(tmp_path / "a.rec", size=(20, 16))
    assert (len(read), read.num_classes, read.labels.tolist()) == (3, 5, [4, 0, 2])
    assert torch.equal(read[0][0], data.to_float(data.decode(jpeg(0))))


def test_several_labels_the_first_counts(tmp_path, jpeg) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(5, (3.0, 0.0), jpeg(1))
    assert RecordFile(tmp_path / "a.rec").read(0).labels == (3.0, 0.0)
    assert data.RecordDataset(tmp_path / "a.rec")[0][1] == 3


def test_workers_forked_and_spawned_read_the_same(faces) -> None:
    read = data.RecordDataset(faces[0], size=(20, 16))
    alone = torch.cat([images for images, _ in DataLoader(read, batch_size=2)])  # opens the map before the fork
    forked = torch.cat([images for images, _ in DataLoader(read, batch_size=2, num_workers=2)])
    assert torch.equal(alone, forked)
    assert torch.equal(pickle.loads(pickle.dumps(read))[5][0], read[5][0])  # what a spawned worker gets


@pytest.mark.parametrize(
    ("name", "written"), [("set.v1", "set.v1"), ("set", "set"), ("set.v1.rec", "set.v1"), ("set.idx", "set")]
)
def test_a_dot_in_a_name_is_no_suffix(tmp_path, jpeg, name: str, written: str) -> None:
    data.write_records(tmp_path / name, [(jpeg(), 0)], (20, 16))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["property", f"{written}.idx", f"{written}.rec"]
    assert len(data.RecordDataset(tmp_path / f"{written}.rec")) == 1


def test_an_export_that_fails_leaves_nothing(tmp_path) -> None:
    with pytest.raises(ZeroDivisionError), RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(0, (1 / 0,), b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_at_the_end_leaves_the_earlier_pair(tmp_path, monkeypatch) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(0, (1,), b"earlier")

    def full(self, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OSError, match="No space left"), RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(0, (1,), b"another, and longer")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.idx", "a.rec"]
    assert bytes(RecordFile(tmp_path / "a.rec").read(0).data) == b"earlier"


def test_a_kill_between_the_two_names_leaves_no_index_of_another_file(tmp_path, monkeypatch) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(0, (1,), b"earlier")
    replace = os.replace

    def killed(source: Path, target: Path) -> None:
        if Path(target).suffix == ".idx":
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr("os.replace", killed)
    with pytest.raises(KeyboardInterrupt), RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(0, (1,), b"another, and longer")
    with pytest.raises(FileNotFoundError, match=r"a\.idx: no such file"):
        RecordFile(tmp_path / "a.rec")


def test_a_rec_that_is_being_read_and_cannot_be_replaced_keeps_its_index(tmp_path, monkeypatch) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(0, (1,), b"earlier")
    replace = os.replace

    def refused(source: Path, target: Path) -> None:  # as Windows does for a file that is mapped
        if Path(target).suffix == ".rec":
            raise PermissionError(13, "Access is denied")
        replace(source, target)

    monkeypatch.setattr("os.replace", refused)
    with pytest.raises(OSError, match="Access is denied"), RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(0, (1,), b"another, and longer")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.idx", "a.rec"]
    assert bytes(RecordFile(tmp_path / "a.rec").read(0).data) == b"earlier"


@pytest.mark.parametrize("index", [True, False])
def test_an_index_that_a_killed_process_left_aside_is_in_nobody_s_way(tmp_path, index: bool) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(0, (1,), b"earlier")
    if not index:  # killed before the .rec had its name: the index aside is its own
        (tmp_path / "a.idx").replace(tmp_path / "a.idx.earlier")
    else:
        (tmp_path / "a.idx.earlier").write_text("7\t7\n")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ZeroDivisionError), RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(0, (1 / 0,), b"another")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(3, (1,), b"another")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.idx", "a.rec"]
    assert RecordFile(tmp_path / "a.rec").keys.tolist() == [3]


def test_a_rewrite_of_equal_size_has_its_own_index_where_nothing_tells_the_files_apart(tmp_path, monkeypatch) -> None:
    """File systems without inode numbers, with clocks of two seconds."""
    monkeypatch.setattr(RecordWriter, "_of_the_file", lambda self: (0, 0, 0))
    for key in (1, 2):
        with RecordWriter(tmp_path / "a.rec") as writer:
            writer.write(key, (1,), b"of equal size")
    assert RecordFile(tmp_path / "a.rec").keys.tolist() == [2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.idx", "a.rec"]


@pytest.mark.parametrize("labels", [[1, 2], [0, 2], [0, 1, 0], [0, -1]])
def test_labels_with_gaps_are_not_exported(tmp_path, labels: list[int]) -> None:
    with pytest.raises(ValueError, match="without a gap"):
        data.write_records(tmp_path / "a.rec", [(b"", label) for label in labels], (1, 1))


def test_truncated_rec_is_found_by_the_index(faces) -> None:
    folder, _ = faces
    content = (folder / "train.rec").read_bytes()
    (folder / "train.rec").write_bytes(content[: len(content) // 2])
    with pytest.raises(data.BrokenRecord, match=r"train\.idx: \d+ of 11 entries .* outside train\.rec"):
        data.RecordDataset(folder)


def test_a_rec_cut_inside_its_last_record(tmp_path, jpeg) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(1, (0,), jpeg())
    content = (tmp_path / "a.rec").read_bytes()
    (tmp_path / "a.rec").write_bytes(content[:-8])
    with pytest.raises(data.BrokenRecord, match=r"a\.rec: record 1 at offset 0: it announces \d+ bytes, the file has"):
        RecordFile(tmp_path / "a.rec").read(0)


def test_wrong_magic_names_record_and_offset(faces) -> None:
    folder, _ = faces
    offset = int((folder / "train.idx").read_text().splitlines()[3].split()[1])
    content = bytearray((folder / "train.rec").read_bytes())
    content[offset : offset + 4] = b"\0\0\0\0"
    (folder / "train.rec").write_bytes(content)
    read = data.RecordDataset(folder)
    with pytest.raises(data.BrokenRecord, match=rf"record 3 at offset {offset}: magic number 0x00000000"):
        read[2]


@pytest.mark.parametrize("offset", [10**6, 10**17, -1])
def test_an_index_past_the_end(faces, offset: int) -> None:
    folder, _ = faces
    with open(folder / "train.idx", "a") as index:
        index.write(f"99\t{offset}\n")
    with pytest.raises(data.BrokenRecord, match=r"train\.idx.*99"):
        data.RecordDataset(folder)


def test_an_index_into_the_middle_of_a_record(faces) -> None:
    folder, _ = faces
    lines = (folder / "train.idx").read_text().splitlines()
    lines[2] = f"2\t{int(lines[2].split()[1]) + 4}"
    (folder / "train.idx").write_text("\n".join(lines))
    with pytest.raises(data.BrokenRecord, match=r"record 2 at offset .*: magic number"):
        data.RecordDataset(folder)[1]


@pytest.mark.parametrize(
    "text", ["", "\n", "1 2 3\n", "a\tb\n", "0\t0\n0\t0\n", "1\t-4\n", "1.5\t0\n", "\x00\x01", "9" * 5000 + "\t0"]
)
def test_malformed_indexes(faces, text: str) -> None:
    (faces[0] / "train.idx").write_text(text)
    with pytest.raises(data.BrokenRecord, match=r"train\.idx"):
        data.RecordDataset(faces[0])


def test_missing_index_is_named(faces) -> None:
    (faces[0] / "train.idx").unlink()
    with pytest.raises(FileNotFoundError, match=r"train\.idx"):
        data.RecordDataset(faces[0])


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"short", "too few for an image header"),
        (struct.pack("<IfQQ", 2**31, 0.0, 0, 0), "announces 2147483648 labels"),
        (struct.pack("<IfQQ", 0, float("nan"), 0, 0), "label nan"),
        (struct.pack("<IfQQ", 0, -1.0, 0, 0), "label -1.0"),
        (struct.pack("<IfQQ", 0, 1.5, 0, 0), "label 1.5"),
        (struct.pack("<IfQQ", 0, 1e20, 0, 0), r"a\.rec: record 1 at offset 0: label 1.* is no identity number"),
        (struct.pack("<IfQQ", 0, 2.0**31, 0, 0), "label 2147483648.0 is no identity number"),
    ],
)
def test_impossible_headers(tmp_path, header: bytes, message: str) -> None:
    record = struct.pack("<II", MAGIC, len(header)) + header + bytes(-len(header) % 4)
    (tmp_path / "a.rec").write_bytes(record)
    (tmp_path / "a.idx").write_text("1\t0\n")
    with pytest.raises(data.BrokenRecord, match=message):
        data.RecordDataset(tmp_path / "a.rec")[0]


@pytest.mark.parametrize(
    ("first", "end", "message"),
    [
        (5.0, 2.0, "record 0: its first key 5 comes after its end key 2"),
        (1e38, 2e38, r"label \d.*e\+37 is no identity"),
    ],
)
def test_a_header_record_that_counts_no_people(tmp_path, jpeg, first: float, end: float, message: str) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(0, (first, end), b"")
        writer.write(1, (0,), jpeg())
    with pytest.raises(data.BrokenRecord, match=message):
        data.RecordDataset(tmp_path / "a.rec")
    assert not data.check(tmp_path / "a.rec").ok


def test_parts_out_of_order(tmp_path) -> None:
    (tmp_path / "a.rec").write_bytes(struct.pack("<II", MAGIC, (3 << 29) | 4) + b"last")
    (tmp_path / "a.idx").write_text("1\t0\n")
    with pytest.raises(data.BrokenRecord, match="part flag 3 is out of order"):
        RecordFile(tmp_path / "a.rec").read(0)


def test_a_broken_picture_inside_a_whole_record(tmp_path, jpeg) -> None:
    data.write_records(tmp_path / "a.rec", [(jpeg(0), 0), (jpeg(1)[:99], 0), (jpeg(2), 0)], (20, 16))
    with pytest.raises(data.BrokenImage, match=r"a\.rec, record 2: .*cannot be decoded"):
        data.RecordDataset(tmp_path / "a.rec")[1]
    with pytest.warns(UserWarning, match="record 2"):
        image, _ = data.RecordDataset(tmp_path / "a.rec", size=(20, 16), on_broken="skip")[1]
    assert torch.equal(image, data.to_float(data.decode(jpeg(2))))


@pytest.mark.parametrize(
    "text", ["", "many,112,112", "\xff", "-5,112,96", "0,112,96", "2147483648", "9" * 30, "9" * 5000]
)
def test_malformed_property(faces, text: str) -> None:
    (faces[0] / "property").write_text(text)
    with pytest.raises(data.BrokenRecord, match=r"property, line 1: wanted 'identities,height,width', got .{2,70}$"):
        data.RecordDataset(faces[0])


@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_index_and_property_with_a_byte_order_mark(tmp_path, jpeg, mark: str, encoding: str) -> None:
    data.write_records(tmp_path / "train.rec", [(jpeg(0), 0), (jpeg(1), 1)], (20, 16))
    for name in ("train.idx", "property"):
        text = (tmp_path / name).read_text()
        (tmp_path / name).write_bytes((mark + text).encode(encoding))
    if mark or encoding == "utf-8":
        assert data.RecordDataset(tmp_path).labels.tolist() == [0, 1]
    else:
        with pytest.raises(data.BrokenRecord, match="not a text file: it has null bytes; save it as UTF-8"):
            data.RecordDataset(tmp_path)


def test_a_folder_stands_for_the_one_rec_file_in_it(tmp_path, jpeg) -> None:
    data.write_records(tmp_path / "faces.rec", [(jpeg(0), 0), (jpeg(1), 1)], (20, 16))
    for path in (tmp_path, tmp_path / "faces.idx", tmp_path / "faces.rec"):
        assert len(data.RecordDataset(path)) == 2
    data.write_records(tmp_path / "more.rec", [(jpeg(0), 0), (jpeg(1), 1)], (20, 16))
    with pytest.raises(data.BrokenRecord, match=r"2 \.rec files in it \(faces\.rec, more\.rec\); name the one"):
        data.RecordDataset(tmp_path)
