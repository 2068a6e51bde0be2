"""Property-based fuzzing: whatever the bytes, a reader returns what it should or raises its own, named error."""

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cosface_edu import data
from cosface_edu.data.records import MAGIC, RecordFile, RecordWriter

MAGIC_BYTES = struct.pack("<I", MAGIC)
# one folder for all examples of a test: each example overwrites it
fuzz = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

record_bytes = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from([MAGIC_BYTES, b"", b"\0", b"abcd", struct.pack("<I", (1 << 29) | 4)]), max_size=12).map(
        b"".join
    ),
)


def outcome(read: Callable[[], Any], error: type[Exception] | tuple[type[Exception], ...], name: str) -> Any:
    """What a reader returns, or None if it raises the error it should, which must name the file."""
    try:
        return read()
    except error as raised:
        if name not in str(raised):
            pytest.fail(f"{raised!r} does not name {name}")
        return None


def damage(whole: bytes, draw: st.DrawFn) -> bytes:
    """The bytes with some of them changed, taken out or put in."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        kind = draw(st.sampled_from(["change", "cut", "insert", "end"]))
        if kind == "change" and content:
            content[place] = draw(st.integers(0, 255))
        elif kind == "cut":
            del content[place : place + draw(st.integers(1, 16))]
        elif kind == "insert":
            content[place:place] = draw(st.binary(max_size=8))
        else:
            del content[place:]
    return bytes(content)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    return damage(whole, draw)


@fuzz
@given(st.lists(st.tuples(st.floats(0, 2**20).map(lambda v: float(int(v))), record_bytes), min_size=1, max_size=6))
def test_what_is_written_is_read(tmp_path: Path, records: list[tuple[float, bytes]]) -> None:
    with RecordWriter(tmp_path / "a.rec") as writer:
        for key, (label, body) in enumerate(records):
            writer.write(key, (label,), body)
    read = RecordFile(tmp_path / "a.rec")
    assert [(read.read(i).labels[0], bytes(read.read(i).data)) for i in range(len(read))] == records


def read_records(folder: Path) -> None:
    faces = data.RecordDataset(folder / "train.rec", size=(20, 16))
    for index in range(len(faces)):
        faces[index]
    assert faces.labels.min() >= 0


@pytest.fixture
def record_files(tmp_path, jpeg) -> dict[str, bytes]:
    data.write_records(tmp_path / "train.rec", [(jpeg(0), 0), (MAGIC_BYTES + b"abc", 0), (jpeg(2), 1)], (20, 16))
    return {name: (tmp_path / name).read_bytes() for name in ("train.rec", "train.idx", "property")}


@fuzz
@given(st.data())
def test_damaged_records(tmp_path: Path, record_files: dict[str, bytes], draws: st.DataObject) -> None:
    name = draws.draw(st.sampled_from(sorted(record_files)))
    for other, content in record_files.items():
        (tmp_path / other).write_bytes(content)
    (tmp_path / name).write_bytes(draws.draw(damaged(record_files[name])))
    outcome(lambda: read_records(tmp_path), (data.BrokenRecord, data.BrokenImage), str(tmp_path))


@fuzz
@given(st.binary(max_size=120), st.text(max_size=40))
@example(b"", "1\t0")
def test_any_bytes_as_records(tmp_path: Path, rec: bytes, idx: str) -> None:
    (tmp_path / "train.rec").write_bytes(rec)
    (tmp_path / "train.idx").write_text(idx, encoding="utf-8", errors="surrogatepass")
    with pytest.raises((data.BrokenRecord, data.BrokenImage)):
        read_records(tmp_path)


# what a pickle is made of, good and bad, so that more than nonsense comes about
OPCODES = [b"](", b"(", b"e", b"a", b"t", b"\x85", b"\x86", b"\x87", b"R", b"b", b"0", b".", b"\x94", b"\x93", b"\x88"]
OPCODES += [
    b"N",
    b"K\x01",
    b"q\x00",
    b"h\x00",
    b"C\x02ab",
    b"\x8c\x02ab",
    b"c_codecs\nencode\n",
    b"cos\nsystem\n",
    b"}",
]
opcodes = st.sampled_from(OPCODES)
bin_bytes = st.one_of(st.binary(max_size=100), st.lists(opcodes, max_size=30).map(b"".join))


@fuzz
@given(bin_bytes)
def test_any_bytes_as_a_bin(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.bin").write_bytes(content)
    if found := outcome(lambda: data.read_bin(tmp_path / "a.bin"), data.BrokenBin, "a.bin"):
        assert len(found[0]) == 2 * len(found[1])


@fuzz
@given(st.data(), st.sampled_from([2, 4, 5]))
def test_damaged_bins(tmp_path: Path, draws: st.DataObject, protocol: int) -> None:
    whole = pickle.dumps(([b"one picture", b"another", b"3", b"4"], [True, False]), protocol)
    (tmp_path / "a.bin").write_bytes(draws.draw(damaged(whole)))
    if found := outcome(lambda: data.read_bin(tmp_path / "a.bin"), data.BrokenBin, "a.bin"):
        assert all(isinstance(picture, bytes) for picture in found[0])
        assert all(isinstance(value, bool) for value in found[1])


@fuzz
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8), st.sampled_from([2, 3, 4, 5]))
def test_every_whole_bin_is_read_as_pickle_would(tmp_path: Path, pictures: list[bytes], protocol: int) -> None:
    pictures = [picture or b"x" for picture in pictures] * 2
    same = [len(picture) % 2 == 0 for picture in pictures[::2]]
    (tmp_path / "a.bin").write_bytes(pickle.dumps((pictures, same), protocol))
    assert data.read_bin(tmp_path / "a.bin") == (pictures, same)


LFW = "2\t1\nP_0\t1\t2\nP_0\t1\tP_1\t1\nP_1\t1\t2\nP_1\t2\tP_0\t2\n"


@pytest.fixture
def lfw_folder(tmp_path, jpeg) -> Path:
    for name in ("P_0/P_0_0001", "P_0/P_0_0002", "P_1/P_1_0001", "P_1/P_1_0002"):
        (tmp_path / "lfw" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lfw" / f"{name}.jpg").write_bytes(jpeg())
    return tmp_path


@fuzz
@given(
    st.one_of(
        damaged(LFW.encode()), st.binary(max_size=80), st.text(alphabet="0123 \t\nP_.-/", max_size=60).map(str.encode)
    )
)
@example(LFW.replace("1\n", "99999999999999999999\n").encode())
def test_damaged_pair_lists(lfw_folder: Path, content: bytes) -> None:
    (lfw_folder / "pairs.txt").write_bytes(content)
    pairs = outcome(
        lambda: data.lfw_pairs(lfw_folder / "pairs.txt", lfw_folder / "lfw"),
        (data.BrokenPairs, FileNotFoundError),
        "pairs.txt",
    )
    if pairs:
        announced = [int(field) for field in content.decode().strip().split("\n")[0].split()]
        assert len(pairs) == 2 * announced[0] * (announced[1:] or [1])[0]  # never a pair fewer than announced
        assert int(pairs.same.sum()) * 2 == len(pairs)
        assert all(path.is_relative_to(lfw_folder) for path in pairs.images.paths)


@fuzz
@given(st.one_of(st.binary(max_size=80), damaged(b"split,a,b,same\n1, A/0, A/1, 1\n2, A/0, B/0, 0\n")))
def test_damaged_splits(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "splits.txt").write_bytes(content)
    with pytest.raises((data.BrokenPairs, FileNotFoundError), match=r"splits\.txt"):
        data.ytf_pairs(tmp_path / "splits.txt", tmp_path / "frames")


@fuzz
@given(st.data(), st.integers(0, 3))
def test_damaged_pictures(jpeg, draws: st.DataObject, k: int) -> None:
    content = draws.draw(st.one_of(st.binary(max_size=60), damaged(jpeg(k))))
    pixels = outcome(lambda: data.decode(content, "a.jpg"), data.BrokenImage, "a.jpg")
    assert pixels is None or pixels.shape[0] == 3
