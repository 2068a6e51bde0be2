"""lfw.bin: read whatever wrote it, executed never."""

import pickle
import struct

import numpy as np
import pytest
import torch

from cosface_edu import data


class Trap:
    """Unpickling this would create a file."""

    def __init__(self, path) -> None:
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("as_array", [False, True], ids=["bytes", "arrays"])
@pytest.mark.parametrize("flag", [bool, np.bool_, int], ids=["bool", "numpy bool", "int"])
def test_everything_that_python_3_writes(tmp_path, jpeg, protocol: int, as_array: bool, flag) -> None:
    pictures = [jpeg(k) for k in range(4)]
    stored = [np.frombuffer(p, np.uint8) for p in pictures] if as_array else pictures
    (tmp_path / "lfw.bin").write_bytes(pickle.dumps((stored, [flag(1), flag(0)]), protocol))
    assert data.read_bin(tmp_path / "lfw.bin") == (pictures, [True, False])


def python_2(pictures: list[bytes], same: list[bool]) -> bytes:
    """What Python 2 wrote for (pictures, same) with its highest protocol: byte strings as BINSTRING."""
    out = b"\x80\x02(]q\x01("
    for number, picture in enumerate(pictures):
        out += b"T" + struct.pack("<i", len(picture)) + picture + b"r" + struct.pack("<I", 1000 + number)
    out += b"e]q\x02(" + b"".join(b"\x88" if value else b"\x89" for value in same) + b"etq\x03."
    return out


def test_what_python_2_writes(tmp_path, jpeg) -> None:
    pictures = [jpeg(k) for k in range(4)]
    content = python_2(pictures, [False, True])
    loaded = pickle.loads(content, encoding="bytes")  # ours, so this is safe: the imitation is a pickle of that shape
    assert loaded == (pictures, [False, True])
    (tmp_path / "lfw.bin").write_bytes(content)
    assert data.read_bin(tmp_path / "lfw.bin") == (pictures, [False, True])


def test_pairs_of_a_bin(tmp_path, jpeg) -> None:
    same = [True, True, False, False] * 5
    (tmp_path / "lfw.bin").write_bytes(pickle.dumps(([jpeg(k) for k in range(40)], same)))
    pairs = data.bin_pairs(tmp_path / "lfw.bin", size=(20, 16), folds=10)
    assert len(pairs) == 20
    assert pairs.same.tolist() == same
    assert pairs.first.tolist() == list(range(0, 40, 2))
    assert pairs.second.tolist() == list(range(1, 40, 2))
    assert pairs.fold.bincount().tolist() == [2] * 10
    assert torch.equal(pairs.images[7][0], data.to_float(data.decode(jpeg(7))))


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
@pytest.mark.parametrize("where", ["picture", "same", "whole"])
def test_code_is_refused_by_name_and_never_run(tmp_path, protocol: int, where: str) -> None:
    trap = Trap(tmp_path / "robbed")
    content = {"picture": ([trap, trap], [True]), "same": ([b"a", b"b"], [trap]), "whole": trap}[where]
    (tmp_path / "lfw.bin").write_bytes(pickle.dumps(content, protocol))
    with pytest.raises(data.BrokenBin, match=r"lfw\.bin.*(wants to call \w+\.open: refused|cut short)"):
        data.read_bin(tmp_path / "lfw.bin")
    assert not (tmp_path / "robbed").exists()


@pytest.mark.parametrize(
    "name",
    [
        "os system",
        "builtins eval",
        "numpy load",
        "_codecs lookup",
        "numpy.core.multiarray fromfile",
        "functools partial",
    ],
)
def test_only_names_that_stand_for_bytes_are_known(tmp_path, name: str) -> None:
    (tmp_path / "a.bin").write_bytes(b"c" + name.replace(" ", "\n").encode() + b"\n(S'x'\ntR.")
    with pytest.raises(data.BrokenBin, match=f"wants to call {name.replace(' ', '.')}: refused"):
        data.read_bin(tmp_path / "a.bin")


def test_a_known_name_with_odd_arguments_is_no_picture(tmp_path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\x80\x02](c_codecs\nencode\nX\x01\0\0\0aX\x06\0\0\0rot_13\x86Re]\x88a\x86.")
    with pytest.raises(data.BrokenBin, match="bytes expected"):
        data.read_bin(tmp_path / "a.bin")


@pytest.mark.parametrize(
    "content",
    [
        ([b"a"], [True]),
        ([], []),
        ([b"a", b"b"], []),
        ([1, 2], [True]),
        ({}, []),
        ([b"a", b"b"], [None]),
        [1, 2, 3],
        b"x",
    ],
    ids=repr,
)
def test_other_shapes_are_refused(tmp_path, content: object) -> None:
    (tmp_path / "a.bin").write_bytes(pickle.dumps(content))
    with pytest.raises(data.BrokenBin, match=r"a\.bin"):
        data.read_bin(tmp_path / "a.bin")


def test_cut_anywhere(tmp_path, jpeg) -> None:
    whole = pickle.dumps(([jpeg(0), jpeg(1)], [True]), 4)
    for cut in [0, 1, 2, 11, 50, len(whole) // 2, len(whole) - 1]:
        (tmp_path / "a.bin").write_bytes(whole[:cut])
        with pytest.raises(data.BrokenBin, match=r"a\.bin"):
            data.read_bin(tmp_path / "a.bin")


def test_announced_gigabytes_and_memo_numbers_cost_nothing(tmp_path) -> None:
    # BINBYTES8 of 2^62 bytes; then LONG_BINPUT 2^32-1, for which CPython's own unpickler used to allocate that much
    for content in (b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.", b"\x80\x02]r\xff\xff\xff\xff]\x86."):
        (tmp_path / "a.bin").write_bytes(content)
        with pytest.raises(data.BrokenBin):
            data.read_bin(tmp_path / "a.bin")


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "same",
    [
        [np.int64(1), np.int64(0)],
        [np.int32(1), np.int32(0)],
        [np.int16(1), np.int16(-1)],
        [np.uint8(1), np.uint8(0)],
        [np.float64(1), np.float64(0)],
        [np.bool_(True), np.bool_(False)],
        (True, False),
        [1, -1],
        ["1", "0"],
        np.array([True, False]),
        np.array([1, 0]),
        np.array([1, -1], dtype=">i2"),
        np.array([[1], [0]], dtype=np.int32),
        np.array([1.0, 0.0]),
        np.array([True, False], dtype=object),
        list(np.array([1, 0])),
    ],
    ids=lambda same: repr(same).replace("\n", ""),
)
def test_labels_of_numpy_are_read_by_their_value(tmp_path, jpeg, protocol: int, same: object) -> None:
    pictures = [jpeg(k) for k in range(4)]
    (tmp_path / "lfw.bin").write_bytes(pickle.dumps((pictures, same), protocol))
    assert data.read_bin(tmp_path / "lfw.bin") == (pictures, [True, False])


@pytest.mark.parametrize(
    "same", [np.array([1, 2]), [np.int64(3), np.int64(0)], np.ones((2, 2)), [np.datetime64(0, "s")] * 2]
)
def test_labels_of_another_kind_are_refused(tmp_path, jpeg, same: object) -> None:
    (tmp_path / "lfw.bin").write_bytes(pickle.dumps(([jpeg(k) for k in range(4)], same)))
    with pytest.raises(data.BrokenBin, match=r"lfw\.bin"):
        data.read_bin(tmp_path / "lfw.bin")


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pictures_in_arrays_of_numpy(tmp_path, jpeg, protocol: int) -> None:
    pictures = [jpeg(k) for k in range(4)]
    columns = [np.frombuffer(p, np.uint8)[:, None] for p in pictures]  # (N, 1), as cv2.imencode gives them
    several = [np.array(pictures, dtype=object), np.array(pictures), tuple(pictures), columns]
    for stored in several:
        (tmp_path / "lfw.bin").write_bytes(pickle.dumps((stored, [True, False]), protocol))
        assert data.read_bin(tmp_path / "lfw.bin") == (pictures, [True, False])


def test_pairs_sorted_by_kind_are_dealt_by_kind(tmp_path, jpeg) -> None:
    same = [True] * 20 + [False] * 20
    (tmp_path / "lfw.bin").write_bytes(pickle.dumps(([jpeg()] * 80, same)))
    pairs = data.bin_pairs(tmp_path / "lfw.bin")
    assert pairs.fold[pairs.same].bincount().tolist() == [2] * 10
    assert pairs.fold[~pairs.same].bincount().tolist() == [2] * 10
    assert "its pairs come sorted by kind" in str(data.check(tmp_path / "lfw.bin"))


def doubled(levels: int) -> bytes:
    """Opcodes of a tuple of two of a tuple of two …: some bytes a level, 2ⁿ items; it lies at memo `levels`."""
    return b")\x94" + b"".join(b"h" + bytes([i, 0x68, i]) + b"\x86\x94" for i in range(levels))


LISTS_OF_LISTS = b"]q\0(" + b"K\1" * 10 + b"e" + b"".join(
    b"]q" + bytes([i]) + b"(" + (b"h" + bytes([i - 1])) * 10 + b"e" for i in range(1, 8)
)  # fmt: skip
ARRAY = b"cnumpy.core.numeric\n_frombuffer\n(C\1\1cnumpy\ndtype\n\x8c\2b1\x85R%btR"  # % is (bytes, type, shape)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x04" + doubled(24) + b"h\x18h\x18\x93.", "something without a name"),
        (b"\x80\x04" + doubled(24) + b"\x8c\x06encodeh\x18\x93.", "something without a name"),
        (b"\x80\x02]q\xfe" + LISTS_OF_LISTS + b"h\xfeh\x07\x86.", "a label that is a list"),
        (b"\x80\x04" + doubled(24) + ARRAY % b"h\x18" + b"]\x86.", "an array of no shape"),
        (b"\x80\x04" + doubled(24) + ARRAY % b"K\1h\x18\x86" + b"]\x86.", "an array of no shape"),
        (b"\x80\x04" + doubled(24) + b"](h\x18h\x18e]\x88a\x86.", "bytes expected, tuple found"),
        (b"\x80\x02c" + b"a" * 10**6 + b"\nb\n.", "wants to call a{80}: refused"),
        (b"\x80\x02](C\1aC\1be](X" + struct.pack("<I", 10**6) + b"a" * 10**6 + b"e\x86.", "a label of 1000000 letters"),
    ],
    ids=["name", "half a name", "labels", "shape", "side", "pictures", "long name", "long label"],
)
def test_what_is_named_again_and_again_is_not_spread_out(tmp_path, content: bytes, message: str) -> None:
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(data.BrokenBin, match=message) as caught:
        data.read_bin(tmp_path / "a.bin")
    assert len(str(caught.value)) < 500 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("memoized", "named"),
    [
        (b"\x96" + struct.pack("<Q", 3) + b"abc\x94", b"h\0"),  # a bytearray
        (b"c_codecs\nencode\n\x94\x8c\3abc\x94\x8c\6latin1\x94\x86\x94", b"h\0h\3R"),
        (b"c_codecs\nencode\n\x94\x8c\3abc\x94\x8c\6latin1\x94", b"h\0h\1h\2\x86R"),
    ],
    ids=["bytearray", "encode", "encode, arguments anew"],
)
def test_one_picture_named_many_times_is_there_once(tmp_path, memoized: bytes, named: bytes) -> None:
    content = b"\x80\x05" + memoized + b"](" + named * 2000 + b"e](" + b"\x88" * 1000 + b"e\x86."
    (tmp_path / "a.bin").write_bytes(content)
    pictures, same = data.read_bin(tmp_path / "a.bin")
    assert (len(pictures), set(pictures), len(same)) == (2000, {b"abc"}, 1000)
    assert len({id(picture) for picture in pictures}) == 1


def test_arguments_are_not_copied_for_each_call(tmp_path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\x80\x04cnumpy\ndtype\n](K\1eR]\x86.")
    with pytest.raises(data.BrokenBin, match="tuple expected, list found"):
        data.read_bin(tmp_path / "a.bin")
