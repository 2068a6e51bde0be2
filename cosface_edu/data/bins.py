"""lfw.bin and its kin (cfp_fp.bin, agedb_30.bin, calfw.bin, cplfw.bin): pairs of pictures in one pickle.

A pickle is a program, and running a stranger's program is how one gets robbed. Such a file needs to hold no more than
a list of byte strings and a list of booleans, so this reader walks over the opcodes with `pickletools.genops`, which
only parses, and builds strings, numbers, lists and tuples itself. A name that the pickle wants to call is never
looked up: the few that stand for bytes or booleans (how Python 3 writes bytes in protocol 2, arrays and booleans of
numpy) are interpreted here, any other is refused.

A pickle may also name one object many times, in a byte or two each, and tuples of tuples so named double with each
level: what is not of the kind that is wanted is neither printed, compared nor spread out, and nothing is copied anew
for each name.
"""

import os
import pickletools
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from cosface_edu.files import in_its_place

from .dataset import EncodedDataset
from .formats import Format, register
from .pairs import Pairs, describe
from .report import CheckReport
from .truth import deal, sorted_by_kind, truths
from .walk import to_be_read


class BrokenBin(ValueError):
    """Not a pickle of (pictures, same), or one that would run code.

    Example:
        >>> from pathlib import Path
        >>> from cosface_edu.data import read_bin
        >>> _ = Path("test.bin").write_bytes(b"no pickle")
        >>> read_bin("test.bin")
        Traceback (most recent call last):
            ...
        cosface_edu.data.bins.BrokenBin: test.bin (9 bytes): cut short, or no pickle of (pictures, same): at ...
    """


class _Name(NamedTuple):
    """A name that the pickle refers to. It stays a name."""

    module: str
    name: str


class _Call:
    """What calling a known name would give: only what was passed is kept."""

    def __init__(self, name: str, arguments: tuple[Any, ...]) -> None:
        self.name, self.arguments, self.state = name, arguments, None


_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
# name -> modules that it may come from
_KNOWN = {
    "encode": ("_codecs",),
    "_reconstruct": _MULTIARRAY,
    "scalar": _MULTIARRAY,
    "_frombuffer": ("numpy.core.numeric", "numpy._core.numeric"),
    "ndarray": ("numpy",),
    "dtype": ("numpy",),
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_PYTHON_2_BYTES = ("BINSTRING", "SHORT_BINSTRING")  # which genops reads as Latin-1 text
_LITERALS = (
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "BININT", "BININT1", "BININT2", "INT", "LONG1"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"),
)
_MARK = object()
_SHOWN = 80  # letters of a file's text that a message repeats


class _Reader:
    """A stack machine for the few opcodes that data needs; see the module's docstring."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.encoded: dict[str, bytes] = {}  # each text once, however often it is named

    def run(self, data: bytes) -> Any:
        opcode: pickletools.OpcodeInfo
        argument: Any
        for opcode, argument, position in pickletools.genops(data):
            name = opcode.name
            if name == "STOP":
                return self.stack.pop()
            if name in _CONSTANTS:
                self.stack.append(_CONSTANTS[name])
            elif name in _PYTHON_2_BYTES:
                self.stack.append(argument.encode("latin-1"))
            elif name in _LITERALS:
                self.stack.append(bytes(argument) if isinstance(argument, bytearray) else argument)
            elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
                self.memo[argument] = self.stack[-1]
            elif name == "MEMOIZE":
                self.memo[len(self.memo)] = self.stack[-1]
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                self.stack.append(self.memo[argument])
            elif name == "GLOBAL":
                module, attribute = argument.split(" ", 1)
                self.stack.append(self.known(module, attribute, position))
            elif name == "STACK_GLOBAL":
                attribute, module = self.stack.pop(), self.stack.pop()
                self.stack.append(self.known(module, attribute, position))
            else:
                self.build(name, position)
        raise ValueError("it ends too early")

    def known(self, module: Any, name: Any, position: int | None) -> _Name:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise BrokenBin(f"at byte {position} it wants to call something without a name: do not unpickle this file")
        if module not in _KNOWN.get(name, ()):
            whole = f"{module}.{name}"[:_SHOWN]
            raise BrokenBin(f"at byte {position} it wants to call {whole}: refused; do not unpickle this file")
        return _Name(module, name)

    def build(self, name: str, position: int | None) -> None:
        """Opcodes that make something of what is on the stack."""
        stack = self.stack
        if name in ("MARK", "EMPTY_LIST"):
            stack.append(_MARK if name == "MARK" else [])
        elif name == "APPENDS":
            items = self.to_mark()
            self.top(list).extend(items)
        elif name == "APPEND":
            item = stack.pop()
            self.top(list).append(item)
        elif name in ("TUPLE", "LIST"):
            items = self.to_mark()
            stack.append(tuple(items) if name == "TUPLE" else items)
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            stack.append(tuple(reversed([stack.pop() for _ in range(int(name[-1]))])))
        elif name == "REDUCE":
            arguments = self.top(tuple)
            stack.pop()
            stack[-1] = self.called(self.top(_Name).name, arguments)
        elif name == "BUILD":
            state = stack.pop()
            self.top(_Call).state = state
        elif name not in ("PROTO", "FRAME"):
            raise BrokenBin(f"at byte {position}, opcode {name}: it has no place in a list of pictures")

    def called(self, name: str, arguments: tuple[Any, ...]) -> _Call | bytes:
        """What calling a known name gives; bytes at once where Python 3 wrote them as text, in protocols 0 to 2."""
        if name != "encode" or len(arguments) != 2:
            return _Call(name, arguments)
        text, encoding = arguments
        if not isinstance(text, str) or encoding != "latin1":
            return _Call(name, arguments)
        if text not in self.encoded:
            self.encoded[text] = text.encode("latin-1")
        return self.encoded[text]

    def to_mark(self) -> list[Any]:
        """Take everything above the last mark, and the mark."""
        items: list[Any] = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def top(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise TypeError(f"{kind.__name__} expected, {type(self.stack[-1]).__name__} found")
        return self.stack[-1]


def _bytes(value: Any) -> bytes:
    """The byte string that a value stands for."""
    content = value
    if isinstance(value, _Call):
        if value.name == "_reconstruct" and value.state:
            content = value.state[-1]  # (version, shape, dtype, Fortran order, bytes)
        elif value.name in ("_frombuffer", "scalar"):
            content = value.arguments[0 if value.name == "_frombuffer" else 1]
    if not isinstance(content, bytes):
        raise TypeError(f"bytes expected, {getattr(content, 'name', type(content).__name__)} found")
    return content


def _dtype(value: Any) -> np.dtype:
    """The type that numpy writes as a call of `dtype`, with the order of bytes in its state."""
    if not (isinstance(value, _Call) and value.name == "dtype" and isinstance(value.arguments[0], str)):
        raise TypeError("numbers of numpy without their type")
    if not re.fullmatch(r"[biufSO]\d{1,9}", value.arguments[0]):
        raise TypeError(f"numbers of type {value.arguments[0][:_SHOWN]!r}")
    return np.dtype((">" if value.state and value.state[1] == ">" else "<") + value.arguments[0])


def _items(value: Any) -> list[Any]:
    """What a list, a tuple or an array of numpy holds."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, _Call) and value.name == "_reconstruct" and value.state:
        kind, content, shape = _dtype(value.state[2]), value.state[4], value.state[1]
    elif isinstance(value, _Call) and value.name == "_frombuffer":
        (content, kind, shape), kind_of = value.arguments[:3], value.arguments[1]
        kind = _dtype(kind_of)
    else:
        raise TypeError(f"a list expected, {getattr(value, 'name', type(value).__name__)} found")
    if not isinstance(shape, tuple) or len(shape) not in (1, 2) or not all(isinstance(side, int) for side in shape):
        raise TypeError("an array of no shape, or of more dimensions than a list has")
    if shape[1:] not in ((), (1,)):
        raise TypeError(f"an array of shape {str(shape)[:_SHOWN]} where a list is expected")
    if kind.kind == "O":
        if not isinstance(content, list):
            raise TypeError(f"a list expected, {type(content).__name__} found")
        return content
    return np.frombuffer(_bytes(content), kind).tolist()


def _plain(value: Any) -> Any:
    """A label as Python's own value: what numpy wrote is read by its type, for its bytes alone do not say."""
    if isinstance(value, _Call) and value.name == "scalar":
        value = np.frombuffer(_bytes(value), _dtype(value.arguments[0]))[0].item()
    elif isinstance(value, _Call):
        items = _items(value)
        if len(items) != 1:
            raise TypeError(f"a label of {len(items)} numbers")
        value = items[0]
    if not isinstance(value, bool | int | float | str | bytes):
        raise TypeError(f"a label that is a {type(value).__name__}")
    if isinstance(value, str | bytes) and len(value) > _SHOWN:  # numpy would give every label as much room
        raise TypeError(f"a label of {len(value)} letters: {value[:_SHOWN]!r}")
    return value


def read_bin(path: str | os.PathLike[str]) -> tuple[list[bytes], list[bool]]:
    """Read lfw.bin or one of its kin without unpickling it.

    Args:
        path: the file, written by Python 2 or 3.

    Returns:
        2·P pictures' files, two for each pair in turn, and P times whether the two show the same person: true and
        false, 1 and 0 or 1 and −1, of Python or of numpy.

    Raises:
        BrokenBin: cut short, not of this shape, or it refers to code.

    Example:
        >>> import pickle
        >>> from io import BytesIO
        >>> from PIL import Image
        >>> from cosface_edu.data import read_bin
        >>> file = BytesIO()
        >>> Image.new("RGB", (112, 112), "grey").save(file, "JPEG")
        >>> with open("test.bin", "wb") as out:
        ...     pickle.dump(([file.getvalue()] * 4, [True, False]), out)
        >>> pictures, same = read_bin("test.bin")
        >>> len(pictures), same
        (4, [True, False])
    """
    try:
        data = Path(path).read_bytes()
    except MemoryError as error:
        raise BrokenBin(f"{path}: larger than memory") from error
    try:
        pictures, same = _Reader().run(data)
        pictures = [_bytes(picture) for picture in _items(pictures)]
        same = truths([_plain(value) for value in _items(same)]).tolist()
    except BrokenBin as error:
        raise BrokenBin(f"{path}: {error}") from None
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        reason = in_its_place(data[:256]) or f"cut short, or no pickle of (pictures, same): {str(error)[:200]}"
        raise BrokenBin(f"{path} ({len(data)} bytes): {reason}") from error
    if not same or len(pictures) != 2 * len(same):
        raise BrokenBin(f"{path}: {len(pictures)} pictures do not make {len(same)} pairs")
    return pictures, same


class BinPictures(EncodedDataset):
    """The pictures of a .bin file, in its order; the label is the picture's number."""

    def __init__(self, path: Path, pictures: list[bytes], size: tuple[int, int]) -> None:
        super().__init__(size, "fail")
        self.path, self._pictures = path, pictures
        self.labels = torch.arange(len(pictures))

    def __len__(self) -> int:
        return len(self._pictures)

    def encoded(self, index: int) -> tuple[bytes, int, str]:
        return self._pictures[index], index, f"{self.path}: picture {index}"


def bin_pairs(path: str | os.PathLike[str], size: tuple[int, int] = (112, 96), folds: int = 10) -> Pairs:
    """The pairs of lfw.bin, cfp_fp.bin, agedb_30.bin, calfw.bin or cplfw.bin.

    Args:
        path: the file.
        size: (height, width) of the images handed out, see `fit`.
        folds: how many runs of equal length the pairs are cut into; these files say nothing about folds. Where the
            pairs come sorted by kind such runs would hold one kind, and each kind is cut into runs by itself.

    Returns:
        Pairs over the file's pictures.

    Example:
        >>> import pickle
        >>> from io import BytesIO
        >>> from PIL import Image
        >>> from cosface_edu.data import bin_pairs
        >>> file = BytesIO()
        >>> Image.new("RGB", (112, 112), "grey").save(file, "JPEG")
        >>> with open("test.bin", "wb") as out:
        ...     pickle.dump(([file.getvalue()] * 4, [True, False]), out)
        >>> pairs = bin_pairs("test.bin", folds=1)
        >>> pairs.first, pairs.second, pairs.same
        (tensor([0, 2]), tensor([1, 3]), tensor([ True, False]))
    """
    pictures, same = read_bin(path)
    numbers = torch.arange(len(pictures)).view(-1, 2)  # (P, 2)
    kinds = torch.tensor(same)
    fold = deal(kinds, folds)
    return Pairs(BinPictures(Path(path), pictures, size), numbers[:, 0], numbers[:, 1], kinds, fold)


def _check(report: CheckReport, progress: bool) -> None:
    pairs = bin_pairs(report.path)
    report.look_at(pairs.images, progress)  # type: ignore[arg-type]  # BinPictures
    describe(pairs, report.path.name, report)
    if sorted_by_kind(pairs.same, len(pairs.fold.unique())):
        report.facts.append("its pairs come sorted by kind; each kind is dealt to the folds by itself")


register(
    Format(
        "pairs in a .bin file",
        recognise=lambda source: Path(source).suffix.lower() == ".bin" and to_be_read(Path(source)),
        open=lambda source, size, on_broken, settings: bin_pairs(source, size),
        check=_check,
        yields="pairs",
    )
)
