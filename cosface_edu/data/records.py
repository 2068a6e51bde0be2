"""InsightFace's .rec/.idx pairs, read and written without mxnet.

A .rec file is MXNet's RecordIO: records one after the other, each
`uint32 magic · uint32 (cflag << 29 | length) · data · padding to 4 bytes`. The magic number must not occur inside a
record at a multiple of 4, or a reader that lost its place would take it for a beginning: the writer cuts the data
there, leaves the four bytes out, and marks the parts by cflag (0 whole, 1 first, 2 middle, 3 last); the reader puts
them back. The data of an image record is a header `<IfQQ` (flag, label, id, id2), `flag` further float labels if
flag > 0, then the picture's file. The .idx file is text, `key<TAB>offset` a line.

InsightFace adds records that are not pictures: record 0 has the labels (first identity key, end key), pictures have
the keys 1 … first − 1, and each identity record from `first` on has (first picture, end picture). Files made by
im2rec have neither.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from cosface_edu.files import atomically, lies_in_place_of, write_atomically

from .dataset import EncodedDataset, OnBroken
from .formats import Format, register
from .report import CheckReport
from .text import LARGEST, read_text, whole_number

MAGIC = 0xCED7230A
_MAGIC_BYTES = struct.pack("<I", MAGIC)
_PREFIX = struct.Struct("<II")
_HEADER = struct.Struct("<IfQQ")
_LENGTH = (1 << 29) - 1
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)


class BrokenRecord(ValueError):
    """A .rec or .idx file that does not hold what it should; the message says which, where and what.

    Example:
        >>> from pathlib import Path
        >>> from cosface_edu.data import RecordDataset
        >>> _ = Path("train.rec").write_bytes(b"no records here")
        >>> _ = Path("train.idx").write_text("0\\t0\\n")
        >>> RecordDataset("train.rec")
        Traceback (most recent call last):
            ...
        cosface_edu.data.records.BrokenRecord: train.rec: record 0 at offset 0: magic number 0x72206f6e ...
    """


class Record(NamedTuple):
    """One record of a .rec file.

    Attributes:
        labels: one label or several.
        data: what follows the header: a picture's file, or nothing.
    """

    labels: tuple[float, ...]
    data: bytes | memoryview


class RecordFile:
    """Random access to the records of a .rec file through its .idx file, by memory map.

    The map is opened on first use and left out of pickles, so that workers of a DataLoader, forked or spawned, read
    from it side by side: there is no file position to share.

    Attributes:
        keys: (N,) int64, ascending.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read the index; no record is touched yet.

        Args:
            path: the .rec file; the .idx file lies next to it.

        Raises:
            FileNotFoundError: one of the two files is missing.
            BrokenRecord: the index is malformed, or points past the end of the .rec file.
        """
        self.path = Path(path)
        index = self.path.with_suffix(".idx")
        for file in (self.path, index):
            if not file.is_file():
                raise FileNotFoundError(f"{file}: no such file; records come as a .rec and an .idx of the same name")
            if (other := lies_in_place_of(file)) is not None:
                raise BrokenRecord(f"{file}: {other}")
        self.keys, self._offsets = _read_index(index)
        size = self.path.stat().st_size
        past = np.flatnonzero((self._offsets < 0) | (self._offsets > size - _PREFIX.size))
        if len(past):
            raise BrokenRecord(
                f"{index}: {len(past)} of {len(self.keys)} entries (the first: key {self.keys[past[0]]}, offset "
                f"{self._offsets[past[0]]}) lie outside {self.path.name}, which has {size} bytes: it is cut short, or "
                "the two do not belong together"
            )
        self._view: memoryview | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_view": None}

    def read(self, position: int) -> Record:
        """The record at this position of `keys`.

        Raises:
            BrokenRecord: wrong magic number, cut short, or too small for its header.
        """
        data = self._payload(position)
        if len(data) < _HEADER.size:
            raise self._broken(position, f"{len(data)} bytes are too few for an image header of {_HEADER.size}")
        flag, label, _, _ = _HEADER.unpack_from(data)
        if flag == 0:
            return Record((label,), data[_HEADER.size :])
        end = _HEADER.size + 4 * flag
        if len(data) < end:
            raise self._broken(position, f"its header announces {flag} labels, which {len(data)} bytes cannot hold")
        return Record(struct.unpack_from(f"<{flag}f", data, _HEADER.size), data[end:])

    def _payload(self, position: int) -> memoryview | bytes:
        """The record's data, put together again if it was cut at magic numbers."""
        if self._view is None:
            with open(self.path, "rb") as file:
                self._view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        view, offset = self._view, self._offsets.item(position)
        parts: list[bytes] = []
        while True:
            start = offset + _PREFIX.size
            if start > len(view):
                raise self._broken(position, "the file ends inside it")
            magic, lrec = _PREFIX.unpack_from(view, offset)
            cflag, length = lrec >> 29, lrec & _LENGTH
            if magic != MAGIC:
                raise self._broken(position, f"magic number {magic:#010x} instead of {MAGIC:#010x}")
            if start + length > len(view):
                raise self._broken(position, f"it announces {length} bytes, the file has {len(view) - start} left")
            if cflag not in ((_MIDDLE, _LAST) if parts else (_WHOLE, _FIRST)):
                raise self._broken(position, f"part flag {cflag} is out of order")
            data = view[start : start + length]
            if cflag == _WHOLE:
                return data
            parts.append(bytes(data))
            if cflag == _LAST:
                return _MAGIC_BYTES.join(parts)
            offset = start + length + -length % 4

    def whole_number(self, position: int, label: float) -> int:
        """A label of the record at `position` as the count or class it stands for; labels are stored as floats."""
        if not (0 <= label < LARGEST and label.is_integer()):
            raise self._broken(position, f"label {label} is no identity number")
        return int(label)

    def _broken(self, position: int, what: str) -> BrokenRecord:
        where = f"record {self.keys[position]} at offset {self._offsets[position]}"
        return BrokenRecord(f"{self.path}: {where}: {what}")


def rec_file(path: str | os.PathLike[str]) -> Path:
    """The .rec file meant by its own path, by its .idx file's, or by that of the folder it lies in.

    Raises:
        BrokenRecord: a folder with several of them and none called train.rec.
    """
    path = Path(path)
    if not path.is_dir():
        return path.with_suffix(".rec") if path.suffix.lower() == ".idx" else path
    found = rec_files(path)
    if len(found) > 1 and (path / "train.rec") not in found:
        names = ", ".join(file.name for file in found[:5])
        raise BrokenRecord(f"{path}: {len(found)} .rec files in it ({names}); name the one that is meant")
    return found[0] if len(found) == 1 else path / "train.rec"


def rec_files(folder: str | os.PathLike[str]) -> list[Path]:
    """The .rec files directly in a folder, sorted."""
    names = (name for name in os.listdir(folder) if name.lower().endswith(".rec") and not name.startswith("."))
    return [Path(folder) / name for name in sorted(names)]


def _read_index(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Keys, ascending, and offsets of an .idx file."""
    entries: dict[int, int] = {}
    try:
        text = read_text(path)
    except ValueError as error:
        raise BrokenRecord(str(error)) from error
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
        try:
            key, offset = map(int, line.split())
        except ValueError:
            raise BrokenRecord(f"{path}, line {number}: wanted 'key<TAB>offset', got {line[:60]!r}") from None
        if key in entries or not (0 <= key < 2**62 and 0 <= offset < 2**62):
            raise BrokenRecord(f"{path}, line {number}: {line[:60]!r}: a key twice or out of range")
        entries[key] = offset
    if not entries:
        raise BrokenRecord(f"{path}: no entries")
    keys, offsets = np.array(list(entries)), np.array(list(entries.values()))
    order = np.argsort(keys)
    return keys[order], offsets[order]


class RecordDataset(EncodedDataset):
    """The pictures of a .rec file: InsightFace's layout, or im2rec's, where every record is a picture.

    Args:
        path: the .rec file, or a folder with one.
        size: (height, width) of the images handed out, see `fit`.
        on_broken: as for `FolderDataset`.

    Attributes:
        num_classes: from the file `property`, the header record, or the highest label, in this order; people without
            a picture count.
        announces: whether the file `property` or the header record says how many people there are.
        file: the records.

    Example:
        >>> from io import BytesIO
        >>> from PIL import Image
        >>> from cosface_edu.data import RecordDataset, write_records
        >>> file = BytesIO()
        >>> Image.new("RGB", (96, 112), "grey").save(file, "JPEG")
        >>> write_records("train.rec", [(file.getvalue(), label) for label in (0, 0, 1)], size=(112, 96))
        >>> faces = RecordDataset("train.rec")
        >>> len(faces), faces.num_classes, faces.labels
        (3, 2, tensor([0, 0, 1]))
    """

    def __init__(
        self, path: str | os.PathLike[str], size: tuple[int, int] = (112, 96), on_broken: OnBroken = "fail"
    ) -> None:
        """Open the records; pictures are read when asked for.

        Args:
            path: a .rec file, or the folder that holds train.rec or one .rec alone.
            size: (height, width) of the images handed out, see `fit`.
            on_broken: as in `FolderDataset`. A damaged record is an error either way: what follows it is lost too.
        """
        super().__init__(size, on_broken)
        self.file = RecordFile(rec_file(path))
        self._name = str(self.file.path)
        self._positions = np.arange(len(self.file))
        people = 0
        if self.file.keys[0] == 0 and (header := self.file.read(0)) and len(header.data) == 0:
            if len(header.labels) != 2:
                raise BrokenRecord(f"{self.file.path}: record 0 has {len(header.labels)} labels; wanted first, end key")
            first, end = (self.file.whole_number(0, label) for label in header.labels)
            people = end - first
            if people < 0:
                raise BrokenRecord(f"{self.file.path}: record 0: its first key {first} comes after its end key {end}")
            self._positions = np.flatnonzero((self.file.keys > 0) & (self.file.keys < first))
        if len(self._positions) == 0:
            raise BrokenRecord(f"{self.file.path}: no pictures in it")
        announced = self._property() or people
        self.announces = announced > 0
        self.num_classes = announced or int(self.labels.max()) + 1

    def __len__(self) -> int:
        return len(self._positions)

    def encoded(self, index: int) -> tuple[bytes | memoryview, int, str]:
        position = self._positions.item(index)
        record = self.file.read(position)
        label = self.file.whole_number(position, record.labels[0])
        return record.data, label, f"{self._name}, record {self.file.keys.item(position)}"

    def person(self, label: int) -> str:
        return f"person {label}"

    @cached_property
    def labels(self) -> Tensor:  # type: ignore[override]  # an attribute elsewhere; here it costs a pass
        """(N,) int64, from the pictures' headers; the first use goes once through the file."""
        read, whole = self.file.read, self.file.whole_number
        return torch.tensor([whole(position, read(position).labels[0]) for position in self._positions.tolist()])

    def _property(self) -> int:
        """How many identities the file `property` names, 0 without it."""
        path = self.file.path.with_name("property")
        if not path.is_file():
            return 0
        try:
            text = read_text(path)
        except ValueError as error:
            raise BrokenRecord(f"{path}: wanted 'identities,height,width': {error}") from error
        people = whole_number(text.split(",")[0].strip())
        if not people:
            raise BrokenRecord(f"{path}, line 1: wanted 'identities,height,width', got {text[:60]!r}")
        return people


class RecordWriter:
    """Writes a .rec and its .idx, which take their names when the `with` block ends without an error.

    Both are whole before either of an earlier pair is touched: an error or a full disk leaves the earlier ones. A
    process that is killed between the two names leaves a .rec without an .idx, which readers refuse.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        path = Path(path)
        # of other names, such as set.v1, what follows the dot is no suffix to be replaced
        known = path.suffix.lower() in (".rec", ".idx")
        self.path = path.with_suffix(".rec") if known else path.with_name(f"{path.name}.rec")
        self._aside = self.path.with_name(f"{self.path.stem}.idx.earlier")
        self._entries: list[str] = []

    def __enter__(self) -> RecordWriter:
        self._places = ExitStack()
        self._moved = False  # whether an earlier index lies aside, and of this writer
        self._index = self._places.enter_context(atomically(self.path.with_suffix(".idx")))
        self._places.push(self._settle)  # comes between the two names
        self._file = self._places.enter_context(open(self._places.enter_context(atomically(self.path)), "wb"))
        self._places.push(self._complete)  # comes first when the places are left: then the .rec, then the .idx
        return self

    def _complete(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            self._file.flush()
            self._index.write_text("".join(self._entries), encoding="ascii")
            self._earlier = self._of_the_file()
            with suppress(FileNotFoundError):  # an index of another .rec would be worse than none
                self.path.with_suffix(".idx").replace(self._aside)
                self._moved = True

    def _settle(self, error: type[BaseException] | None, *_: object) -> None:
        """Where the earlier index goes: away with its .rec, or back to it if that could not be replaced."""
        if error is None:
            self._aside.unlink(missing_ok=True)  # one that a killed process left, too
        elif self._moved:
            if self._of_the_file() == self._earlier:  # Windows refuses while the file is read
                self._aside.replace(self.path.with_suffix(".idx"))
            else:  # interrupted right after
                self._aside.unlink()

    def _of_the_file(self) -> tuple[int, int, int] | None:
        """What tells the .rec that has the name from another."""
        if not self.path.exists():
            return None
        status = self.path.stat()
        return status.st_ino, status.st_mtime_ns, status.st_size

    def write(self, key: int, labels: Sequence[float], data: bytes) -> None:
        """Append a record with one label or several."""
        flag = 0 if len(labels) == 1 else len(labels)
        header = _HEADER.pack(flag, labels[0] if flag == 0 else 0.0, key, 0)
        self._entries.append(f"{key}\t{self._file.tell()}\n")
        self._write_parts(header + struct.pack(f"<{flag}f", *labels[:flag]) + data)

    def _write_parts(self, data: bytes) -> None:
        cuts = (
            [i for i in range(0, len(data) - 3, 4) if data[i : i + 4] == _MAGIC_BYTES] if _MAGIC_BYTES in data else []
        )
        starts, ends = [0, *(i + 4 for i in cuts)], [*cuts, len(data)]
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            cflag = _WHOLE if not cuts else _FIRST if number == 0 else _LAST if number == len(cuts) else _MIDDLE
            length = end - start
            if length > _LENGTH:
                raise ValueError(f"a record of {length} bytes; at most {_LENGTH}")
            self._file.write(_PREFIX.pack(MAGIC, cflag << 29 | length) + data[start:end] + bytes(-length % 4))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._places.__exit__(kind, error, trace)


def write_records(path: str | os.PathLike[str], pictures: Sequence[tuple[bytes, int]], size: tuple[int, int]) -> None:
    """Export pictures in InsightFace's layout: header, pictures, identities, and the file `property`.

    Args:
        path: the .rec file; '.rec' is added to a name that does not end in it.
        pictures: (a picture's file, label) in the order of their labels, which count from 0 without a gap.
        size: (height, width), for `property`.

    Raises:
        ValueError: labels that do not count from 0 in order.

    Example:
        >>> from io import BytesIO
        >>> from PIL import Image
        >>> from cosface_edu.data import write_records
        >>> file = BytesIO()
        >>> Image.new("RGB", (96, 112), "grey").save(file, "JPEG")
        >>> write_records("train.rec", [(file.getvalue(), label) for label in (0, 0, 1)], size=(112, 96))
        >>> import os
        >>> sorted(os.listdir())
        ['property', 'train.idx', 'train.rec']
    """
    labels = np.array([label for _, label in pictures])
    starts = np.flatnonzero(np.diff(labels, prepend=-1)) + 1  # key of each person's first picture
    if not np.array_equal(labels[starts - 1], np.arange(len(starts))):
        raise ValueError("pictures must come in the order of their labels, and labels count from 0 without a gap")
    end = len(pictures) + 1
    with RecordWriter(path) as writer:
        writer.write(0, (end, end + len(starts)), b"")
        for key, (data, label) in enumerate(pictures, 1):
            writer.write(key, (label,), data)
        for label, (start, stop) in enumerate(pairwise([*starts.tolist(), end])):
            writer.write(end + label, (start, stop), b"")
    write_atomically(Path(path).with_name("property"), f"{len(starts)},{size[0]},{size[1]}".encode())


def _is_records(source: str | os.PathLike[str]) -> bool:
    path = Path(source)
    return bool(rec_files(path)) if path.is_dir() else path.suffix.lower() in (".rec", ".idx")


def _check(report: CheckReport, progress: bool) -> None:
    for file in rec_files(report.path) if report.path.is_dir() else [rec_file(report.path)]:
        faces = RecordDataset(file)
        people = len(faces.labels.unique())
        report.identities += people
        if people < faces.num_classes and faces.announces:
            report.facts.append(f"{file.name} announces {faces.num_classes:,} people and has pictures of {people:,}")
        report.tell_copies(faces, report.look_at(faces, progress))
        if not report.problems and int(faces.labels.max()) >= faces.num_classes:
            report.problems.append(
                f"{file}: label {int(faces.labels.max())} in a set of {faces.num_classes} identities: the file "
                "`property` or the header record belongs to another set"
            )


register(
    Format(
        "records",
        recognise=_is_records,
        open=lambda source, size, on_broken, settings: RecordDataset(source, size, on_broken),
        check=_check,
        yields="people",
    )
)
