"""Lists of pairs to verify: LFW's pairs.txt and its development files, YouTube Faces' splits.

A picture that a list names and the disk does not have is an error that names it. Code that skips such pairs reports
an accuracy on some other test, and shifts the folds besides.
"""

import os
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import torch
from torch import Tensor

from .crops import photographs
from .dataset import EncodedDataset, Faces, OnBroken
from .folders import FolderDataset
from .formats import Format, recognise, register
from .formats import open as open_source
from .images import read_file
from .report import CheckReport
from .text import read_text, whole_number
from .walk import find_pictures, pictures_in, to_be_read, walk


class BrokenPairs(ValueError):
    """A list of pairs that does not follow its own format; the message gives the line.

    Example:
        >>> from pathlib import Path
        >>> from cosface_edu.data import lfw_pairs
        >>> Path("lfw").mkdir()
        >>> _ = Path("pairs.txt").write_text("1\\nAnna_A\\tone\\t2\\n")
        >>> lfw_pairs("pairs.txt", "lfw")
        Traceback (most recent call last):
            ...
        cosface_edu.data.pairs.BrokenPairs: pairs.txt: its first line announces 1 × 2 × 1 = 2 pairs, 1 lines ...
    """


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of faces, or of sets of faces.

    A number that is of no picture or set, or too few of them, is a ValueError.

    Attributes:
        images: every picture needed, each once: what to embed.
        first: (P,) int64: which picture, or which set, comes first in each pair.
        second: (P,) int64: which comes second.
        same: (P,) bool: whether the two show the same person.
        fold: (P,) int64, from 0: the run of the cross-validation that the pair is tested in.
        member_of: (N,) int64: the set (a video) that each picture belongs to; None where every picture stands for
            itself.

    Example:
        >>> import torch
        >>> from cosface_edu.data import Pairs
        >>> from cosface_edu.faces import FaceWorldDataset
        >>> faces = FaceWorldDataset(identities=2, per_identity=2, size=(56, 48))
        >>> first, second = torch.tensor([0, 0]), torch.tensor([1, 2])
        >>> same = faces.labels[first] == faces.labels[second]
        >>> len(Pairs(faces, first, second, same, fold=torch.zeros(2, dtype=torch.int64)).same), same
        (2, tensor([ True, False]))
    """

    images: Faces
    first: Tensor
    second: Tensor
    same: Tensor
    fold: Tensor
    member_of: Tensor | None = None

    def __post_init__(self) -> None:
        for name in ("first", "second", "same", "fold"):
            _check_each(name, getattr(self, name), len(self.same), "pair")
        count, of = len(self.images), "pictures"
        if self.member_of is not None:
            _check_each("member_of", self.member_of, count, "picture")
            check_rows("member_of", self.member_of, count, "sets at most")
            count, of = int(self.member_of.max()) + 1 if count else 0, "sets"
        for name in ("first", "second"):
            object.__setattr__(self, name, check_rows(name, getattr(self, name), count, of))

    def __len__(self) -> int:
        return len(self.same)


def check_rows(name: str, rows: Tensor, count: int, of: str) -> Tensor:
    """Row numbers as int64, if whole and 0 ≤ each < count: torch takes −1 for the last row, and bytes for a mask.

    Args:
        name: the argument's.
        rows: of any shape.
        count: how many rows there are.
        of: what they are rows of, in the plural.

    Returns:
        The same shape, int64.

    Raises:
        ValueError: otherwise.
    """
    if rows.dtype == torch.bool or rows.is_floating_point() or rows.is_complex():
        raise ValueError(f"{name} must be whole numbers that say which of the {of} are meant, got {rows.dtype}")
    rows = rows.long()
    outside = rows[(rows < 0) | (rows >= count)]
    if len(outside):
        raise ValueError(f"{name} must lie between 0 and {count - 1}, as there are {count} {of}; got {int(outside[0])}")
    return rows


def _check_each(name: str, values: Any, count: int, each: str) -> None:
    if not isinstance(values, Tensor) or values.shape != (count,):
        got = tuple(values.shape) if hasattr(values, "shape") else type(values).__name__
        array = "" if isinstance(values, Tensor) else f", such as torch.as_tensor({name})"
        raise ValueError(f"{name} must be a tensor of shape ({count},), one value for each {each}, got {got}{array}")


class Pictures(EncodedDataset):
    """Pictures by their paths, in the order given; the label is the picture's number."""

    def __init__(self, paths: list[Path], size: tuple[int, int]) -> None:
        super().__init__(size, "fail")  # a test set with one picture replaced is another test set
        self.paths = paths
        self.labels = torch.arange(len(paths))

    def __len__(self) -> int:
        return len(self.paths)

    def path(self, index: int) -> Path:
        """Where picture `index` lies."""
        return self.paths[index]

    def encoded(self, index: int) -> tuple[bytes, int, str]:
        path = self.path(index)
        return read_file(path), index, str(path)


def pictures(
    source: str | os.PathLike[str], size: tuple[int, int], **settings: Any
) -> tuple[Faces, list[str], list[str]]:
    """Every picture of a source, whoever it shows: files of a folder at any depth, those of a .rec or .bin in order.

    Args:
        source: as for `open`.
        size: (height, width) of the images handed out.
        settings: as for `open`.

    Returns:
        The pictures, their names (paths relative to the folder, or numbers), and what was left out, a line each.

    Raises:
        FileNotFoundError: nothing there, or no pictures in it.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu.data import pictures
        >>> for name in ("anna", "bela"):
        ...     Path("people", name).mkdir(parents=True)
        ...     for number in (1, 2):
        ...         Image.new("RGB", (96, 112), "grey").save(f"people/{name}/{number}.png")
        >>> images, names, left_out = pictures("people", size=(112, 96))
        >>> len(images), sorted(names)[0], left_out
        (4, 'anna/1.png', [])
    """
    if recognise(source).tree:
        found = walk(source)
        if not found.pictures:
            raise FileNotFoundError("; ".join([f"{source}: no pictures in it, at any depth", *found.left_out]))
        return Pictures([Path(source) / name for name in found.pictures], size), found.pictures, found.left_out
    opened = open_source(source, size, **settings)
    faces = opened.images if isinstance(opened, Pairs) else opened
    return faces, [str(number) for number in range(len(faces))], []


def lfw_pairs(
    pairs_file: str | os.PathLike[str], images: str | os.PathLike[str], size: tuple[int, int] = (112, 96)
) -> Pairs:
    """LFW's pairs.txt (ten folds), or pairsDevTrain.txt and pairsDevTest.txt (one).

    Args:
        pairs_file: first line `folds<TAB>n` or `n`; then for each fold n matched pairs `name i j` and n mismatched
            ones `name i name j`.
        images: the folder with name/name_0001.jpg; any picture format, suffixes in any case.
        size: (height, width) of the images handed out, see `fit`.

    Returns:
        Pairs over the pictures that the list names.

    Raises:
        FileNotFoundError: pictures that the list names are missing; the message names them.
        BrokenPairs: a malformed or missing line, or a picture paired with itself.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu.data import lfw_pairs
        >>> for name in ("Anna_A", "Bela_B"):
        ...     Path("lfw", name).mkdir(parents=True)
        ...     for number in (1, 2):
        ...         Image.new("RGB", (96, 112), "grey").save(f"lfw/{name}/{name}_000{number}.jpg")
        >>> _ = Path("pairs.txt").write_text("1\\nAnna_A\\t1\\t2\\nAnna_A\\t1\\tBela_B\\t2\\n")
        >>> pairs = lfw_pairs("pairs.txt", "lfw")
        >>> pairs.same, pairs.fold
        (tensor([ True, False]), tensor([0, 0]))
    """
    lines = _lines(pairs_file)
    if not lines:
        raise BrokenPairs(f"{pairs_file}: empty")
    fields = lines[0][1].split()
    head = [value for field in fields if (value := whole_number(field))]
    if len(fields) not in (1, 2) or len(head) != len(fields):
        raise BrokenPairs(
            f"{pairs_file}, line {lines[0][0]}: wanted 'folds n' or 'n', got {lines[0][1][:60]!r}; of a list in "
            "another form build data.Pairs yourself, or open the set's .bin file if there is one"
        )
    folds, count = (1, head[0]) if len(head) == 1 else head
    if len(lines) - 1 != 2 * folds * count:
        raise BrokenPairs(
            f"{pairs_file}: its first line announces {folds} × 2 × {count} = {2 * folds * count} pairs, "
            f"{len(lines) - 1} lines follow: it is cut short or has been edited"
        )
    root = Path(images)
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder; it should hold name/name_0001.jpg")
    number: dict[tuple[str, int], int] = {}
    pairs, same = [], []
    for place, (line, text) in enumerate(lines[1:]):
        matched = place // count % 2 == 0
        fields = text.split("\t") if "\t" in text else text.split()
        if matched and len(fields) == 3:
            fields.insert(2, fields[0])
        people, own = fields[::2], [value for field in fields[1::2] if (value := whole_number(field)) is not None]
        if len(fields) != 4 or len(own) != 2 or matched != (people[0] == people[1]):
            wanted = "matched pair 'name i j'" if matched else "mismatched pair 'name1 i name2 j'"
            raise BrokenPairs(f"{pairs_file}, line {line}: wanted a {wanted}, got {text[:80]!r}")
        if matched and own[0] == own[1]:
            raise BrokenPairs(f"{pairs_file}, line {line}: a picture paired with itself tests nothing: {text[:80]!r}")
        pairs.append([number.setdefault(picture, len(number)) for picture in zip(people, own, strict=True)])
        same.append(matched)
    first, second = torch.tensor(pairs).unbind(1)
    fold = torch.arange(len(same)) // (2 * count)
    return Pairs(Pictures(_find(root, list(number), pairs_file), size), first, second, torch.tensor(same), fold)


def ytf_pairs(
    splits_file: str | os.PathLike[str], videos: str | os.PathLike[str], size: tuple[int, int] = (112, 96)
) -> Pairs:
    """YouTube Faces' splits: pairs of videos, each video a folder of frames.

    Args:
        splits_file: a line for each pair, fields separated by commas: number of the split, first video, second video
            (`name/number`), possibly other fields, and last 1 for the same person or 0. A first line that does not
            begin with a number is a heading.
        videos: the folder with name/number/frame.jpg.
        size: (height, width) of the images handed out, see `fit`.

    Returns:
        Pairs of sets; `images` are the frames of all videos that the list names.

    Raises:
        FileNotFoundError: videos that the list names are missing or have no frames; the message names them.
        BrokenPairs: a malformed line, a video paired with itself, or a split whose pairs are of one kind beside others
            that are not.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu.data import ytf_pairs
        >>> for name in ("anna/0", "bela/0"):
        ...     Path("videos", name).mkdir(parents=True)
        ...     for number in (1, 2):
        ...         Image.new("RGB", (96, 112), "grey").save(f"videos/{name}/{number}.jpg")
        >>> _ = Path("splits.txt").write_text("1, anna/0, bela/0, 0\\n")
        >>> pairs = ytf_pairs("splits.txt", "videos")
        >>> len(pairs.images), pairs.member_of, pairs.same
        (4, tensor([0, 0, 1, 1]), tensor([False]))
    """
    number: dict[str, int] = {}
    rows = []
    for place, (line, text) in enumerate(_lines(splits_file)):
        fields = [field.strip() for field in text.split(",")]
        if place == 0 and not fields[0].isdecimal():
            continue
        split = whole_number(fields[0])
        names = [field for field in fields[1:-1] if _is_video(field)]
        if split is None or len(names) != 2 or fields[-1] not in ("0", "1"):
            raise BrokenPairs(
                f"{splits_file}, line {line}: wanted 'split, name/number, name/number, …, 1 or 0', got {text[:80]!r}"
            )
        if names[0] == names[1]:
            raise BrokenPairs(f"{splits_file}, line {line}: a video paired with itself tests nothing: {text[:80]!r}")
        rows.append([split, *(number.setdefault(name, len(number)) for name in names), int(fields[-1])])
    if not rows:
        raise BrokenPairs(f"{splits_file}: no pairs in it")
    root = Path(videos)
    frames = [pictures_in(root / name) if os.path.isdir(root / name) else [] for name in number]
    _complain(
        [f"{root / name}" for name, found in zip(number, frames, strict=True) if not found], splits_file, "videos"
    )
    splits, first, second, same = torch.tensor(rows).unbind(1)
    for own in splits.unique().tolist() if 0 < int(same.sum()) < len(same) else []:
        kinds = same[splits == own].unique().tolist()
        if len(kinds) == 1:
            raise BrokenPairs(
                f"{splits_file}: split {own} has pairs of {'the same person' if kinds[0] else 'two people'} only: its "
                "threshold, chosen on other splits, would meet another mixture; give every split pairs of both kinds"
            )
    paths = [root / name / frame for name, found in zip(number, frames, strict=True) for frame in found]
    member_of = torch.repeat_interleave(torch.arange(len(frames)), torch.tensor([len(found) for found in frames]))
    fold = torch.unique(splits, return_inverse=True)[1]
    return Pairs(Pictures(paths, size), first, second, same.bool(), fold, member_of)


def _is_video(field: str) -> bool:
    """Whether this is name/number, of a folder in a folder: a list is not to name what lies elsewhere."""
    person, _, number = field.partition("/")
    return number.isdecimal() and person not in ("", ".", "..") and PurePath(person).name == person


def _lines(path: str | os.PathLike[str]) -> list[tuple[int, str]]:
    """Line numbers and lines, without the empty ones."""
    try:
        text = read_text(path)
    except ValueError as error:
        raise BrokenPairs(str(error)) from error
    return [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _find(root: Path, wanted: list[tuple[str, int]], list_file: str | os.PathLike[str]) -> list[Path]:
    """Paths of pictures name/name_0001, whatever their format."""
    stems = [(name, f"{name}_{number:04d}") for name, number in wanted]
    paths = find_pictures(root, stems)
    missing = [f"{root / folder / stem}.jpg" for (folder, stem), path in zip(stems, paths, strict=True) if path is None]
    _complain(missing, list_file, "pictures")
    return [path for path in paths if path is not None]


def _complain(missing: list[str], list_file: str | os.PathLike[str], what: str) -> None:
    if missing:
        raise FileNotFoundError(
            f"{list_file} names {len(missing)} {what} that are not there: {', '.join(missing[:10])}"
            f"{', …' if len(missing) > 10 else ''}. Leaving out their pairs would be another test: fetch or align "
            "them, or cut pictures without a detected face about the centre"
        )


LFW = (5_749, 13_233)


def describe(pairs: Pairs, name: str, report: CheckReport) -> None:
    """Say how many pairs of each kind there are."""
    genuine = int(pairs.same.sum())
    folds = len(pairs.fold.unique())
    report.facts.append(f"{name}: {genuine:,} genuine and {len(pairs) - genuine:,} impostor pairs in {folds} folds")


def _lists(source: str | os.PathLike[str]) -> list[Path]:
    path = Path(source)
    return sorted(file for file in path.glob("pairs*.txt") if to_be_read(file)) if path.is_dir() else []


def _lfw_images(source: str | os.PathLike[str]) -> Path:
    path = Path(source)
    return path / "lfw" if (path / "lfw").is_dir() else path


def _open_lfw(
    source: str | os.PathLike[str], size: tuple[int, int], on_broken: OnBroken, settings: Mapping[str, Any]
) -> Pairs:
    lists = _lists(source)
    if len(lists) > 1:
        raise BrokenPairs(f"{source}: {', '.join(file.name for file in lists)} in it: say which list of pairs is meant")
    return lfw_pairs(lists[0], _lfw_images(source), size)


def _check_lfw(report: CheckReport, progress: bool) -> None:
    images = _lfw_images(report.path)
    faces = FolderDataset(images, exclude=())
    report.identities, report.people = faces.num_classes, faces.names
    report.tell_copies(faces, report.look_at(faces, progress))
    report.facts += [f"left out: {line}" for line in faces.left_out]
    report.facts += [doubt] if (doubt := photographs(faces)) is not None else []
    report.compare("LFW", LFW)
    for file in _lists(report.path):
        try:
            describe(lfw_pairs(file, images), file.name, report)
        except (FileNotFoundError, BrokenPairs) as error:
            report.problems.append(str(error))


def _open_ytf(
    source: str | os.PathLike[str], size: tuple[int, int], on_broken: OnBroken, settings: Mapping[str, Any]
) -> Pairs:
    path = Path(source)
    folders = (path / name for name in ("aligned_images_DB", "frame_images_DB"))
    return ytf_pairs(path / "splits.txt", next((folder for folder in folders if folder.is_dir()), path), size)


def _check_ytf(report: CheckReport, progress: bool) -> None:
    pairs = _open_ytf(report.path, (112, 96), "fail", {})
    report.look_at(pairs.images, progress)  # type: ignore[arg-type]  # files, as lists name them
    describe(pairs, "splits.txt", report)
    assert pairs.member_of is not None
    frames = pairs.member_of.bincount().tolist()
    report.facts.append(f"{len(frames):,} videos, {statistics.mean(frames):.1f} frames each on average")


register(
    Format(
        "LFW",
        recognise=lambda source: bool(_lists(source)),
        open=_open_lfw,
        check=_check_lfw,
        yields="pairs",
        tree=True,
    )
)
register(
    Format(
        "YouTube Faces",
        recognise=lambda source: (Path(source) / "splits.txt").is_file(),
        open=_open_ytf,
        check=_check_ytf,
        yields="pairs",
        tree=True,
    )
)
