"""What an alignment leaves behind besides the crops: landmarks.csv, which the next run resumes from, and a marker."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from torch import Tensor

from cosface_edu.data.crops import MARKER
from cosface_edu.data.walk import walk
from cosface_edu.files import folder_to_write, write_atomically

from .cascade import THRESHOLDS
from .detector import Face, Search

LANDMARKS = "landmarks.csv"
COLUMNS = ["file", "status", "score", *(f"{axis}{i}" for i in range(1, 6) for axis in "xy"), "faces", "crop"]

_BEFORE_THERE_WAS_A_CHOICE = {"face": "centre", "borders": "black"}

_SHOWN = 5  # names in a line of the report

ALIGNED, CENTRE_CROP, NO_FACE, BROKEN = "aligned", "centre-crop", "no face", "broken"
_CUT = (ALIGNED, CENTRE_CROP)  # of such pictures there is a crop


class AlreadyAligned(RuntimeError):
    """The source holds aligned crops: aligning them again would blur them and move the faces.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu.align import align_folder
        >>> Path("photographs/wall").mkdir(parents=True)
        >>> Image.new("RGB", (160, 160), "grey").save("photographs/wall/1.png")
        >>> report = align_folder("photographs", "crops", missing="centre-crop", progress=False)
        >>> align_folder("crops", "again", progress=False)
        Traceback (most recent call last):
            ...
        cosface_edu.align.record.AlreadyAligned: crops holds aligned crops, says its alignment.json: align ...
    """


@dataclass
class AlignReport:
    """What became of each picture.

    Attributes:
        aligned: how many crops were made from five points.
        centre_cropped: names of pictures without a face, cut about the centre instead.
        missing: names of pictures without a face, for which nothing was written.
        broken: names of pictures that could not be read or decoded, for which nothing was written.
        reasons: what is wrong with each of these.
        several: names of pictures with more than one face, of which one was cut.
        renamed: crops' names where they are not the pictures' own, see `other_names`.
        left_out: what else lies in the source and is no picture we read, a line each.
        left_over: pictures in the target that are no crop of a picture in the source, sorted.
        newer: names of pictures that were changed after an earlier run had made their crops, which were kept.
        resumed: how many of all these an earlier run had finished.
        seconds: time taken by this run.

    Example:
        >>> from cosface_edu.align import AlignReport
        >>> report = AlignReport(aligned=2, missing=["anna/3.png"])
        >>> report.aligned, report.missing, report.broken
        (2, ['anna/3.png'], [])
    """

    aligned: int = 0
    centre_cropped: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    several: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    newer: list[str] = field(default_factory=list)
    resumed: int = 0
    seconds: float = 0.0

    @property
    def total(self) -> int:
        return self.aligned + len(self.centre_cropped) + len(self.missing) + len(self.broken)

    @property
    def rate(self) -> float:
        """Pictures a second in this run."""
        return (self.total - self.resumed) / self.seconds if self.seconds else 0.0

    def count(self, row: list[str]) -> None:
        """Add one row of landmarks.csv."""
        name, status = row[:2]
        if status == ALIGNED:
            self.aligned += 1
            if row[COLUMNS.index("faces")] not in ("", "1"):
                self.several.append(name)
        else:
            {CENTRE_CROP: self.centre_cropped, NO_FACE: self.missing, BROKEN: self.broken}[status].append(name)

    def __str__(self) -> str:
        before = f"; {self.resumed:,} were done before" if self.resumed else ""
        lines = [f"{self.aligned:,} of {self.total:,} pictures aligned ({self.rate:.1f} a second){before}"]
        for what, names in (
            ("cut about the centre, no face found", self.centre_cropped),
            ("left out, no face found", self.missing),
            ("left out, cannot be decoded", self.broken),
            ("with several faces, of which one was cut", self.several),
        ):
            if names:
                lines.append(f"{len(names):,} {what}: {_first(names, f' … all in {LANDMARKS}')}")
        if self.renamed:
            crops = [f"{crop} of {name}" for name, crop in self.renamed.items()]
            lines.append(
                f"{len(crops):,} with a suffix in the crop's name, since another has it without: {_first(crops)}"
            )
        if self.left_over:
            lines.append(
                f"{len(self.left_over):,} in the target that are of no picture in the source, such as a removed one: "
                f"{_first(self.left_over)}; whoever reads the folder takes them for the "
                "others: delete them, or align into a new folder"
            )
        if self.newer:
            lines.append(
                f"{len(self.newer):,} changed after their crops were made, which were kept: "
                f"{_first(self.newer)}; delete the crops of those that show something else now, "
                "and align again"
            )
        lines += [f"  {self.reasons[name]}" for name in self.broken[:_SHOWN]]
        return "\n".join(lines + [f"left out: {line}" for line in self.left_out])


def _first(names: Sequence[str], more: str = " …") -> str:
    """The first few, and that there are more."""
    return f"{', '.join(names[:_SHOWN])}{more if len(names) > _SHOWN else ''}"


def crop_name(name: str) -> str:
    """The crop of picture `name`, relative to the target folder, unless another picture's has that name."""
    return str(PurePosixPath(name).with_suffix(".jpg"))


def other_names(pictures: Sequence[str]) -> dict[str, str]:
    """Names of crops where pictures differ by their suffix alone: beside a.jpg, a.png becomes a.png.jpg.

    Args:
        pictures: all in the source, relative to it.

    Returns:
        For those whose crop is not called `crop_name` its name. A picture keeps its own name before all others.
    """
    taken, others = set[str](), {}  # without regard to case: the crops' file system may have none
    for name in sorted(pictures, key=lambda name: (name != crop_name(name), name)):
        crop = crop_name(name)
        if crop.casefold() in taken:
            crop = f"{name}.jpg"
            while crop.casefold() in taken:
                crop += ".jpg"
            others[name] = crop
        taken.add(crop.casefold())
    return others


def make_row(name: str, status: str, faces: Sequence[Face] = (), crop: str = "") -> list[str]:
    """One row of landmarks.csv; the points are the first face's, in pixels of the source picture, upright.

    Args:
        name: the picture's.
        status: what became of it.
        faces: found in it.
        crop: its crop's name, where there is one.
    """
    crop = crop if status in _CUT else ""
    if not faces:
        return [name, status] + [""] * (len(COLUMNS) - 4) + ["" if status == BROKEN else "0", crop]
    points = (f"{v:.3f}" for v in faces[0].landmarks.flatten().tolist())
    return [name, status, f"{faces[0].score:.4f}", *points, str(len(faces)), crop]


def claim(dst: Path, size: tuple[int, int], points: Tensor, search: Search) -> None:
    """Mark `dst` as holding crops made with these settings, or find that it does.

    Raises:
        ValueError: it holds crops made with other settings, or pictures that nobody marked as crops.
    """
    settings = {
        "made by": "cosface-edu align",
        "size": list(size),
        "template": [[round(v, 4) for v in point] for point in points.tolist()],
        "detector": {
            "name": "MTCNN",
            "min_size": search.min_face or "fits the picture",
            "factor": round(search.factor, 4),
            "thresholds": list(THRESHOLDS),
        },
        "face": search.face,
        "borders": search.borders,
    }
    marker = dst / MARKER
    if marker.is_file():
        try:
            before = _BEFORE_THERE_WAS_A_CHOICE | json.loads(marker.read_text(encoding="utf-8"))
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(
                f"{marker} is damaged ({error}): take another folder, or remove {dst} if it holds nothing but crops"
            ) from error
        if before != settings:
            other = ", ".join(name for name in settings if before.get(name) != settings[name])
            raise ValueError(
                f"{dst} was begun with other settings ({other}), see {marker}: take another folder or remove it"
            )
    else:
        folder_to_write(dst)
        if theirs := [*walk(dst).pictures, *([LANDMARKS] if (dst / LANDMARKS).exists() else [])]:
            raise ValueError(
                f"{dst} has no {MARKER} and yet holds {_first(theirs)}, which crops might replace: choose an empty "
                "folder"
            )
        write_atomically(marker, json.dumps(settings, indent=1).encode())


def refuse_links_outside(dst: Path, crops: Iterable[str]) -> None:
    """Refuse a target from which a link leads to where crops would replace other pictures, the originals among them.

    Args:
        dst: the target.
        crops: names of what is to be written, relative to it.

    Raises:
        ValueError: the folder of one lies elsewhere.
    """
    inside = dst.resolve()
    for folder in sorted({PurePosixPath(crop).parent for crop in crops}):
        if not (real := (dst / folder).resolve()).is_relative_to(inside):
            raise ValueError(
                f"{dst / folder} is a link that leads out of {dst}, to {real}, where crops might replace other "
                "pictures: choose an empty folder"
            )


def finished(dst: Path, files: list[str], final: set[str], renamed: dict[str, str]) -> dict[str, list[str]]:
    """Rows of landmarks.csv that stand, and a folder cut down to them, ready to be continued.

    A row stands if it was written to the end, its picture is still in the source, its status is in `final`, and its
    crop, if that status has one, is there and was written under the name that `renamed` gives it now, or else its
    picture's. A file of that name alone would not do: it may be the crop of a picture that has been removed.

    What is to be done again loses its crop, where some row says that it is one: nothing else is ever deleted.

    Raises:
        ValueError: a damaged landmarks.csv.
    """
    log, wanted, rows, made = dst / LANDMARKS, set(files), {}, set()
    # names are kept as the file system has them, whatever their encoding
    text = log.read_text(encoding="utf-8", errors="surrogateescape") if log.is_file() else ""
    whole = text[: text.rfind("\n") + 1]  # what a kill left unfinished has no line end
    try:
        table = list(csv.reader(io.StringIO(whole, newline="")))
    except csv.Error as error:
        raise ValueError(f"{log} is damaged ({error}): remove it, and its pictures are aligned again") from error
    earlier = other_names(list({row[0] for row in table if row}))
    for row in table:
        if len(row) == len(COLUMNS) - 2:  # of a version that did not count faces
            row.append("")
        if len(row) == len(COLUMNS) - 1:  # of one that did not name crops: they were told apart as they are now
            row.append(earlier.get(row[0], crop_name(row[0])) if row[1] in _CUT else "")
        if len(row) == len(COLUMNS):
            made.add(row[-1])
            if row[0] in wanted:
                rows[row[0]] = row  # the last word counts
    rows = {
        name: row
        for name, row in rows.items()
        if row[1] in final
        and (row[1] not in _CUT or (row[-1] == renamed.get(name, crop_name(name)) and (dst / row[-1]).exists()))
    }
    for name in wanted - rows.keys():
        if (crop := renamed.get(name, crop_name(name))) in made:
            (dst / crop).unlink(missing_ok=True)
    standing = io.StringIO(newline="")
    csv.writer(standing).writerows([COLUMNS, *rows.values()])
    write_atomically(log, standing.getvalue().encode(errors="surrogateescape"))
    return rows
