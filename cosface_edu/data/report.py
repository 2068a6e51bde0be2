"""Say what a data set on disk is, and what is wrong with it: the work behind `cosface-edu check DATASET`."""

from __future__ import annotations

import os
import re
import statistics
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from .bins import BinPictures, BrokenBin, bin_pairs
from .dataset import PictureDataset
from .folders import LFW_OVERLAP, LFW_OVERLAP_BY_NAME, FolderDataset
from .images import BrokenImage
from .pairs import BrokenPairs, Pairs, lfw_pairs, ytf_pairs
from .records import BrokenRecord, RecordDataset, rec_file, rec_files
from .truth import sorted_by_kind

CASIA_WEBFACE = (10_575, 494_414)
LFW = (5_749, 13_233)
_SHOWN = 20


@dataclass
class CheckReport:
    """What `check` found.

    Attributes:
        path: what was checked.
        kind: what it is.
        pictures: how many.
        identities: how many people, where the data set says so.
        facts: what there is to know, a line each.
        problems: what is wrong, a line each; each names the file and what to do.
    """

    path: Path
    kind: str
    pictures: int = 0
    identities: int = 0
    facts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        people = f", {self.identities:,} identities" if self.identities else ""
        lines = [f"{self.path}: {self.kind}, {self.pictures:,} pictures{people}"]
        lines += [f"  {fact}" for fact in self.facts]
        lines += [f"  problem: {problem}" for problem in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            lines.append(f"  … and {len(self.problems) - _SHOWN:,} problems more")
        return "\n".join(lines if self.problems else [*lines, "  nothing wrong found"])


def check(path: str | os.PathLike[str], progress: bool = False) -> CheckReport:
    """Look at every picture of a data set.

    Known kinds: a folder of identity folders (CASIA-WebFace); a .rec/.idx pair or a folder with one; a .bin file of
    pairs; a folder with LFW's lists of pairs and its pictures in it or in `lfw/`; YouTube Faces with `splits.txt`.

    Args:
        path: folder or file.
        progress: show a progress bar.

    Returns:
        Facts and problems. A data set that cannot be read at all is a report with that problem, not an exception.

    Raises:
        FileNotFoundError: nothing there.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder; see data/README.md for what goes where")
    kind, look = _kind(path)
    report = CheckReport(path, kind)
    try:
        look(report, progress)
    except (FileNotFoundError, BrokenBin, BrokenRecord, BrokenPairs) as error:
        report.problems.append(str(error))
    return report


def _kind(path: Path) -> tuple[str, Callable[[CheckReport, bool], None]]:
    if path.suffix.lower() == ".bin":
        return "pairs in a .bin file", _check_bin
    if path.suffix.lower() in (".rec", ".idx") or (path.is_dir() and rec_files(path)):
        return "records", _check_records
    if path.is_dir() and (path / "splits.txt").is_file():
        return "YouTube Faces", _check_ytf
    if path.is_dir() and any(path.glob("pairs*.txt")):
        return "LFW", _check_lfw
    return "identity folders", _check_folders


def _check_folders(report: CheckReport, progress: bool) -> None:
    faces = FolderDataset(report.path, exclude=())
    report.identities = faces.num_classes
    _decode_all(faces, report, progress)
    report.facts += [f"left out: {line}" for line in faces.left_out]
    counts = faces.labels.bincount()
    report.facts.append(
        f"pictures of an identity: {int(counts.min())} to {int(counts.max())}, median {int(counts.median())}"
    )
    if single := int((counts == 1).sum()):
        report.facts.append(f"{single:,} identities have one picture: they train, but make no genuine pair")
    named = set(faces.names)
    report.problems += [
        f"{report.path / name}: no picture in it; remove the folder or fetch it again" for name in faces.empty
    ]
    if faces.stray:
        report.problems.append(
            f"{report.path}: {len(faces.stray):,} pictures not directly in an identity folder, e.g. {faces.stray[0]}: "
            "they are left out"
        )
    if all(re.fullmatch(r"\d{7}", name) for name in faces.names):
        _compare(report, "CASIA-WebFace", CASIA_WEBFACE)
        for what, names in (("SphereFace's list", LFW_OVERLAP), ("the longer list, by name", LFW_OVERLAP_BY_NAME)):
            if found := [name for name in names if name in named]:
                report.facts.append(f"also in LFW, by {what}: {', '.join(found)}")


def _check_records(report: CheckReport, progress: bool) -> None:
    for file in [rec_file(report.path)] if report.path.is_file() else rec_files(report.path):
        faces = RecordDataset(file)
        people = len(faces.labels.unique())
        report.identities += people
        if people < faces.num_classes and faces.announces:
            report.facts.append(f"{file.name} announces {faces.num_classes:,} people and has pictures of {people:,}")
        _decode_all(faces, report, progress)
        if not report.problems and int(faces.labels.max()) >= faces.num_classes:
            report.problems.append(
                f"{file}: label {int(faces.labels.max())} in a set of {faces.num_classes} identities: the file "
                "`property` or the header record belongs to another set"
            )


def _check_bin(report: CheckReport, progress: bool) -> None:
    _check_pairs(bin_pairs(report.path), report.path.name, report, progress)


def _check_lfw(report: CheckReport, progress: bool) -> None:
    images = report.path / "lfw" if (report.path / "lfw").is_dir() else report.path
    faces = FolderDataset(images, exclude=())
    report.identities = faces.num_classes
    _decode_all(faces, report, progress)
    report.facts += [f"left out: {line}" for line in faces.left_out]
    _compare(report, "LFW", LFW)
    for file in sorted(report.path.glob("pairs*.txt")):
        try:
            _describe_pairs(lfw_pairs(file, images), file.name, report)
        except (FileNotFoundError, BrokenPairs) as error:
            report.problems.append(str(error))


def _check_ytf(report: CheckReport, progress: bool) -> None:
    folders = (report.path / name for name in ("aligned_images_DB", "frame_images_DB"))
    videos = next((folder for folder in folders if folder.is_dir()), report.path)
    pairs = ytf_pairs(report.path / "splits.txt", videos)
    _check_pairs(pairs, "splits.txt", report, progress)
    assert pairs.member_of is not None
    frames = pairs.member_of.bincount().tolist()
    report.facts.append(f"{len(frames):,} videos, {statistics.mean(frames):.1f} frames each on average")


def _check_pairs(pairs: Pairs, name: str, report: CheckReport, progress: bool) -> None:
    assert isinstance(pairs.images, PictureDataset)  # what this room opens comes from disk
    _decode_all(pairs.images, report, progress)
    _describe_pairs(pairs, name, report)


def _describe_pairs(pairs: Pairs, name: str, report: CheckReport) -> None:
    genuine = int(pairs.same.sum())
    folds = len(pairs.fold.unique())
    report.facts.append(f"{name}: {genuine:,} genuine and {len(pairs) - genuine:,} impostor pairs in {folds} folds")
    if isinstance(pairs.images, BinPictures) and sorted_by_kind(pairs.same, folds):
        report.facts.append(f"{name}: its pairs come sorted by kind; each kind is dealt to the folds by itself")


def _compare(report: CheckReport, name: str, expected: tuple[int, int]) -> None:
    if (report.identities, report.pictures) == expected:
        report.facts.append(f"complete: {name} has {expected[0]:,} identities and {expected[1]:,} pictures")
    else:
        report.facts.append(
            f"not the whole of {name}, which has {expected[0]:,} identities and {expected[1]:,} pictures"
        )


def _decode_all(faces: PictureDataset, report: CheckReport, progress: bool) -> None:
    """Decode every picture; count sizes, name what is broken."""
    sizes: Counter[tuple[int, ...]] = Counter()

    def look(index: int) -> Tensor | str:
        try:
            return faces.read(index)[0]
        except (BrokenImage, BrokenRecord) as error:
            return str(error)

    with ThreadPoolExecutor() as pool, tqdm(total=len(faces), unit="picture", disable=not progress) as bar:
        for start in range(0, len(faces), 1024):  # in pieces: a map over everything would keep everything
            for found in pool.map(look, range(start, min(start + 1024, len(faces)))):
                if isinstance(found, str):
                    report.problems.append(found)
                else:
                    sizes[tuple(found.shape[-2:])] += 1
                bar.update()
    report.pictures += len(faces)
    common = ", ".join(f"{h}×{w} ({count:,})" for (h, w), count in sizes.most_common(5))
    report.facts.append(f"sizes, height × width: {common or 'none'}{', …' if len(sizes) > 5 else ''}")
