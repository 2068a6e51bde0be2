"""Align a whole folder, once: the work behind `cosface-edu align SRC DST`."""

import csv
import multiprocessing
import os
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple
from unicodedata import normalize

import torch
from torch import Tensor
from tqdm import tqdm

from cosface_edu.checks import check_count
from cosface_edu.data.crops import MARKER
from cosface_edu.data.images import BrokenImage, decode_reduced, encode_jpeg, read_file, to_bytes, to_float
from cosface_edu.data.walk import walk
from cosface_edu.devices import cores
from cosface_edu.files import write_atomically

from .detector import FACTOR, SHARE, Search, Which, detect
from .record import (
    ALIGNED,
    BROKEN,
    CENTRE_CROP,
    LANDMARKS,
    NO_FACE,
    AlignReport,
    AlreadyAligned,
    claim,
    crop_name,
    finished,
    make_row,
    other_names,
    refuse_links_outside,
)
from .similarity import Borders, estimate_similarity, template, warp

# The height of a centre crop, as a share of the picture's shorter side: what a template crop covers of an LFW picture.
CENTRE_SHARE = 0.53
# Aligning aligned crops moves their pixels by about 3 on average, at a height of 112; aligning LFW's pictures by 26.
NEAR_TEMPLATE = 8.0
# How many pictures to look at for that.
SAMPLE = 16
# To this shorter side a photograph is decoded where the smallest face looked for is a share of it: twice what a crop
# of that face needs. Of twelve megapixels one in seven is left.
SIDE = round(2 * 112 / SHARE)
# A process takes some seconds to start, while this one works on: so many pictures there must be for each.
WORTH_A_PROCESS = 300
# Decoded pixels that are held at once, three bytes each.
PIXELS = 32 * 1024 * 1024


class FaceNotFound(RuntimeError):
    """No face in a picture, and the caller chose to fail on that.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu.align import align_folder
        >>> Path("photographs/wall").mkdir(parents=True)
        >>> Image.new("RGB", (160, 160), "grey").save("photographs/wall/1.png")
        >>> align_folder("photographs", "crops", missing="fail", progress=False)
        Traceback (most recent call last):
            ...
        cosface_edu.align.folder.FaceNotFound: photographs/wall/1.png: no face found; remove the picture, or ...
    """


class OutOfMemory(RuntimeError):
    """The pictures of a batch do not fit into memory; the message says what helps.

    Example:
        >>> from cosface_edu.align import OutOfMemory
        >>> issubclass(OutOfMemory, RuntimeError)
        True
    """


class Photograph(NamedTuple):
    """A decoded picture.

    Attributes:
        name: relative to the source.
        pixels: (3, H, W) uint8.
        whole: (height, width) in the file, upright.
    """

    name: str
    pixels: Tensor
    whole: tuple[int, int]


class Outcome(NamedTuple):
    """What became of a picture.

    Attributes:
        row: for landmarks.csv.
        crop: (3, h, w) uint8, or none.
        reason: why it is broken.
    """

    row: list[str]
    crop: Tensor | None = None
    reason: str = ""


@dataclass(frozen=True)
class Job:
    """What a process needs to know.

    Attributes:
        src: where the pictures are.
        dst: where the crops go.
        size: (height, width) of the crops.
        centre_crop: whether a picture without a face is cut about its centre.
        batch_size: most pictures at once.
        device: where detection and warping run.
        search: what to look for.
        threads: that read and write.
        renamed: names of crops that are not their pictures'.
    """

    src: Path
    dst: Path
    size: tuple[int, int]
    centre_crop: bool
    batch_size: int
    device: torch.device
    search: Search
    threads: int
    renamed: dict[str, str]

    def run(self, names: list[str]) -> list[Outcome]:
        """Align some pictures and write their crops; the outcomes come back without them."""
        outcomes: dict[str, Outcome] = {}
        with ThreadPoolExecutor(self.threads) as pool:
            read = _ahead(pool, self._read, names, 2 * self.threads)
            for batch in self._batches(read, outcomes):
                try:
                    outcomes |= zip([photo.name for photo in batch], self._align(batch), strict=True)
                except (MemoryError, RuntimeError) as error:
                    raise _told_if_memory(error, batch) from error
                done = [photo.name for photo in batch]
                list(pool.map(_write, [self.dst / self._crop(n) for n in done], [outcomes[n].crop for n in done]))
                outcomes |= {name: outcomes[name]._replace(crop=None) for name in done}
        return [outcomes[name] for name in names]

    def _crop(self, name: str) -> str:
        return self.renamed.get(name, crop_name(name))

    def _read(self, name: str) -> Photograph | Outcome:
        # with a smallest face in pixels, every pixel may be needed to see it
        side = SIDE if self.search.min_face is None else 0
        try:
            return Photograph(name, *decode_reduced(read_file(self.src / name), side, str(self.src / name)))
        except BrokenImage as error:
            return Outcome(make_row(name, BROKEN), reason=str(error))

    def _batches(
        self, read: Iterable[Photograph | Outcome], outcomes: dict[str, Outcome]
    ) -> Iterator[list[Photograph]]:
        """Pictures, so many at a time as are allowed and fit; what is broken goes to the outcomes at once."""
        batch: list[Photograph] = []
        pixels = 0
        for photo in read:
            if isinstance(photo, Outcome):
                outcomes[photo.row[0]] = photo
                continue
            own = photo.pixels.shape[1] * photo.pixels.shape[2]
            if batch and (len(batch) == self.batch_size or pixels + own > PIXELS):
                yield batch
                batch, pixels = [], 0
            batch.append(photo)
            pixels += own
        if batch:
            yield batch

    def _align(self, batch: list[Photograph]) -> list[Outcome]:
        """What becomes of each picture of a batch."""
        points = template(self.size)
        pictures = [photo.pixels.to(self.device) for photo in batch]
        found = detect(pictures, self.search)
        matrices = [
            estimate_similarity(faces[0].landmarks, points) if faces else _centre_matrix(photo.pixels, self.size)
            for photo, faces in zip(batch, found, strict=True)
        ]  # each (2, 3)
        wanted = [k for k, faces in enumerate(found) if faces or self.centre_crop]
        crops = self._crops([pictures[k] for k in wanted], [matrices[k] for k in wanted])
        by_place = dict(zip(wanted, crops, strict=True))
        without = CENTRE_CROP if self.centre_crop else NO_FACE
        return [
            Outcome(
                make_row(photo.name, ALIGNED if faces else without, _in_file(faces, photo), self._crop(photo.name)),
                by_place.get(k),
            )
            for k, (photo, faces) in enumerate(zip(batch, found, strict=True))
        ]

    def _crops(self, pictures: list[Tensor], matrices: list[Tensor]) -> list[Tensor]:
        """Pictures (3, H, W) uint8 and transforms (2, 3) to crops (3, h, w) uint8; those of one size in one go."""
        by_shape = defaultdict(list)
        for place, picture in enumerate(pictures):
            by_shape[picture.shape].append(place)
        crops: dict[int, Tensor] = {}
        for places in by_shape.values():
            rows = torch.stack([pictures[k].permute(1, 2, 0) for k in places])  # (B, H, W, 3), as decoded
            images = to_float(rows.permute(0, 3, 1, 2))  # (B, 3, H, W), channels_last
            turned = torch.stack([matrices[k] for k in places]).to(self.device)
            crops |= zip(places, to_bytes(warp(images, turned, self.size, self.search.borders)).cpu(), strict=True)
        return [crops[k] for k in range(len(pictures))]


def align_folder(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    size: tuple[int, int] = (112, 96),
    missing: Literal["skip", "centre-crop", "fail"] = "skip",
    batch_size: int = 16,
    device: str | torch.device = "cpu",
    progress: bool = True,
    *,
    min_face: float | None = None,
    factor: float = FACTOR,
    face: Which = "centre",
    borders: Borders = "mirror",
    workers: int | None = 0,
) -> AlignReport:
    """Align every picture under `src` into the same tree under `dst`, as JPEG.

    `dst/landmarks.csv` gets a row for each picture, which a second run resumes from; `dst/alignment.json` says how the
    crops were made and marks them as aligned.

    Args:
        src: a folder of pictures, nested as you like, of any sizes.
        dst: where the crops go: made if it is not there, else without pictures or an earlier run's.
        size: (height, width), (112, 96) or (112, 112).
        missing: for a picture in which no face is found: write nothing ('skip'), cut it about the centre
            ('centre-crop'), or stop with an error that names it ('fail'; what is done stays done). A picture that
            cannot be read or decoded is reported, and an error under 'fail'.
        batch_size: pictures in one pass of the detector; fewer where they are large.
        device: where detection and warping run.
        progress: show a progress bar.
        min_face: as in `Search`. SphereFace's settings are 20 and a factor of .85.
        factor: as in `Search`.
        face: which of several faces is cut, as in `Search`; landmarks.csv says how many there were.
        borders: of the picture, in detection and in the crop, as in `Search`.
        workers: processes that do the work, this one among them; 0 or 1 for this one alone, None for one a core where
            there are pictures enough to make up for starting them. The others start afresh, so a script that asks
            for them needs `if __name__ == "__main__":`.

    Returns:
        What became of each picture, earlier runs included.

    Raises:
        FileNotFoundError: no such folder, or no pictures in it.
        AlreadyAligned: these are aligned crops.
        FaceNotFound, BrokenImage: with `missing='fail'`.
        OutOfMemory: a batch does not fit.
        ValueError: `dst` was begun with other settings, lies in `src` or holds it; or it holds pictures and is not
            marked, or a link in it leads out of it, so that crops might replace what no alignment made.
        NotADirectoryError: `src` is no folder.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu.align import align_folder
        >>> Path("photographs/wall").mkdir(parents=True)
        >>> Image.new("RGB", (160, 160), "grey").save("photographs/wall/1.png")
        >>> report = align_folder("photographs", "crops", progress=False)
        >>> report.aligned, report.missing
        (0, ['wall/1.png'])
    """
    src, dst, device = Path(src), Path(dst), torch.device(device)
    search = Search(min_face, factor, borders, face)
    if missing not in ("skip", "centre-crop", "fail"):
        raise ValueError(f"missing={missing!r}: choose 'skip', 'centre-crop' or 'fail'")
    batch_size = check_count("batch_size", batch_size, 1)
    workers = workers if workers is None else check_count("workers", workers, 0)
    size = (int(size[0]), int(size[1]))
    if dst.exists() and not dst.is_dir():
        raise NotADirectoryError(f"{dst} is a file: crops need a folder")
    if dst.resolve().is_relative_to(src.resolve()):
        raise ValueError(f"{dst} lies in {src}: crops would be taken for pictures to align; choose another folder")
    if src.resolve().is_relative_to(dst.resolve()):
        raise ValueError(
            f"{src} lies in {dst}, which would be marked as holding crops, and nothing in it could be aligned again: "
            "choose a folder beside it"
        )
    points = template(size)
    files, left_out = _pictures(src)
    if not (dst / MARKER).exists():  # otherwise an earlier run has looked
        _refuse_aligned(src, files, device)
    renamed = other_names(files)
    refuse_links_outside(dst, (renamed.get(name, crop_name(name)) for name in files))
    claim(dst, size, points, search)
    final = {ALIGNED, NO_FACE} if missing == "skip" else {ALIGNED, CENTRE_CROP}
    done = finished(dst, files, final, renamed)
    report = AlignReport(renamed=renamed, left_out=left_out)
    crops = {row[-1] for row in done.values()}
    for row in done.values():
        report.count(row)
    report.resumed = report.total
    report.newer = [name for name, row in done.items() if row[-1] and _changed(src / name) > _changed(dst / row[-1])]
    todo = [name for name in files if name not in done]
    chunks = [todo[start : start + 4 * batch_size] for start in range(0, len(todo), 4 * batch_size)]
    if workers is None:
        workers = min(cores(), len(todo) // WORTH_A_PROCESS) if device.type == "cpu" else 0
    workers = min(workers, len(chunks))
    threads = 1 if workers > 1 else max(2, torch.get_num_threads())
    job = Job(src, dst, size, missing == "centre-crop", batch_size, device, search, threads, renamed)

    start = time.monotonic()
    with (
        # names are written as the file system has them, whatever their encoding
        open(dst / LANDMARKS, "a", newline="", encoding="utf-8", errors="surrogateescape") as log,
        tqdm(total=len(files), initial=len(done), unit="picture", disable=not progress) as bar,
    ):
        writer = csv.writer(log)
        for outcomes in _results(job, chunks, workers):
            # rows follow the crops: a run killed in between repeats a few pictures and loses none
            writer.writerows(outcome.row for outcome in outcomes)
            log.flush()
            crops |= {outcome.row[-1] for outcome in outcomes}
            for outcome in outcomes:
                report.count(outcome.row)
                if outcome.reason:
                    report.reasons[outcome.row[0]] = outcome.reason
            bar.update(len(outcomes))
            if missing == "fail":
                _fail(src, report)
    report.seconds = time.monotonic() - start
    report.left_over = _left_over(dst, crops)
    return report


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns


def _left_over(dst: Path, crops: set[str]) -> list[str]:
    """Pictures in the target that are none of these; a Mac may write the accents of a name in another way."""
    own = {normalize("NFC", name) for name in crops}
    return [name for name in walk(dst).pictures if normalize("NFC", name) not in own]


def _results(job: Job, chunks: list[list[str]], workers: int) -> Iterator[list[Outcome]]:
    """The outcomes of each chunk, in order, by this process and, beside it, by others."""
    if workers < 2:
        yield from map(job.run, chunks)
        return
    others = workers - 1
    left, waiting, handed = deque(chunks), deque[Future[list[Outcome]]](), set[Future[list[Outcome]]]()
    with ExitStack() as stack:
        stack.callback(torch.set_num_threads, torch.get_num_threads())
        torch.set_num_threads(1)
        pool = ProcessPoolExecutor(others, multiprocessing.get_context("spawn"), torch.set_num_threads, (1,))
        stack.callback(pool.shutdown, cancel_futures=True)
        try:
            while left or waiting:
                handed = {future for future in handed if not future.done()}
                while left and len(handed) < 2 * others:
                    waiting.append(pool.submit(job.run, left.popleft()))
                    handed.add(waiting[-1])
                if left:  # while the others start, and as long as there is more than they have in hand
                    own = Future[list[Outcome]]()
                    own.set_result(job.run(left.popleft()))
                    waiting.append(own)
                while waiting and (waiting[0].done() or not left):
                    yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise OutOfMemory(
                "one of the processes ended before its work was done: killed, most likely for want of memory (take "
                "fewer --workers or a smaller --batch), or unable to start, as those of a script without "
                "`if __name__ == '__main__':` are; what is done stays done"
            ) from error


def _ahead(pool: Executor, work: Callable[[Any], Any], items: Iterable[Any], count: int) -> Iterator[Any]:
    """`pool.map` that is never more than `count` items ahead of whoever takes the results."""
    waiting: deque[Future[Any]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > count:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _told_if_memory(error: Exception, batch: list[Photograph]) -> Exception:
    """What to do about an error for want of memory; other errors as they are."""
    if not isinstance(error, MemoryError) and "memory" not in str(error).lower():
        return error
    largest = max(batch, key=lambda photo: photo.whole[0] * photo.whole[1])
    height, width = largest.whole
    return OutOfMemory(
        f"not enough memory for {len(batch)} pictures at once, the largest {largest.name} with {width}×{height} "
        "pixels: take a smaller --batch, a larger --min-face or fewer --workers; what is done stays done"
    )


def _in_file(faces: list[Any], photo: Photograph) -> list[Any]:
    """Faces with their points in pixels of the file, where it was decoded at a lower resolution."""
    height, width = photo.pixels.shape[1:]
    ratio = torch.tensor([photo.whole[1] / width, photo.whole[0] / height])
    return [face._replace(landmarks=face.landmarks * ratio) for face in faces]


def _centre_matrix(picture: Tensor, size: tuple[int, int]) -> Tensor:
    """The (2, 3) transform that cuts the middle of an image, scaled as a typical aligned face would be."""
    height, width = picture.shape[1:]
    scale = size[0] / (CENTRE_SHARE * min(height, width))
    shift_x = (size[1] - 1) / 2 - scale * (width - 1) / 2
    shift_y = (size[0] - 1) / 2 - scale * (height - 1) / 2
    return torch.tensor([[scale, 0.0, shift_x], [0.0, scale, shift_y]])


def _write(path: Path, crop: Tensor | None) -> None:
    if crop is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, encode_jpeg(crop))


def _fail(src: Path, report: AlignReport) -> None:
    if report.broken:
        raise BrokenImage(report.reasons[report.broken[0]])
    if report.missing:
        raise FaceNotFound(
            f"{src / report.missing[0]}: no face found; remove the picture, or choose to skip or to centre-crop such"
        )


def _pictures(src: Path) -> tuple[list[str], list[str]]:
    """Names of all pictures under `src`, relative to it, sorted; and what is left out, a line each."""
    found = walk(src)
    inside = {parent for name in found.pictures for parent in PurePosixPath(name).parents} | {PurePosixPath()}
    folders = [*(src / folder for folder in sorted(inside)), *src.resolve().parents]
    if marked := next((folder for folder in folders if (folder / MARKER).exists()), None):
        raise AlreadyAligned(
            f"{marked} holds aligned crops, says its {MARKER}: align the original pictures, outside it"
        )
    if not found.pictures:
        also = "".join(f"; {line}" for line in found.left_out)
        raise FileNotFoundError(f"{src}: no pictures in it, at any depth{also}")
    return found.pictures, found.left_out


def _refuse_aligned(src: Path, files: list[str], device: torch.device) -> None:
    """Look at some pictures: aligning an aligned crop once more would hardly move the face."""
    sample = files[:: max(1, len(files) // SAMPLE)][:SAMPLE]
    moves = []
    for name in sample:
        try:
            picture, (height, width) = decode_reduced(read_file(src / name), SIDE, name)
        except BrokenImage:
            continue
        shape = next((s for s in ((112, 96), (112, 112)) if abs(width / height - s[1] / s[0]) < 0.01), None)
        if shape is None:
            return  # neither template has these proportions
        try:
            faces = detect([picture.to(device)])[0]
        except (MemoryError, RuntimeError) as error:
            raise _told_if_memory(error, [Photograph(name, picture, (height, width))]) from error
        if faces:
            points = template(shape)  # (5, 2)
            again = estimate_similarity(faces[0].landmarks * (112 / picture.shape[1]), points)  # (2, 3)
            moves.append(float((points @ again[:, :2].T + again[:, 2] - points).norm(dim=-1).mean()))
    if moves and statistics.median(moves) < NEAR_TEMPLATE:
        raise AlreadyAligned(
            f"{src} holds aligned crops: in {len(moves)} of {len(sample)} pictures looked at, aligning would move the "
            f"face by {statistics.median(moves):.1f} pixels only (median): align the original pictures instead"
        )
