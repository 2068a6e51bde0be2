"""Align a whole folder, once: the work behind `cosface-edu align SRC DST`."""

from __future__ import annotations

import csv
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from tqdm import tqdm

from cosface_edu.data.images import (
    IMAGE_SUFFIXES,
    BrokenImage,
    encode_jpeg,
    read_image,
    to_bytes,
    to_float,
)
from cosface_edu.files import write_atomically

from .detector import detect
from .record import (
    ALIGNED,
    BROKEN,
    CENTRE_CROP,
    LANDMARKS,
    MARKER,
    NO_FACE,
    AlignReport,
    AlreadyAligned,
    claim,
    crop_name,
    finished,
    make_row,
)
from .similarity import estimate_similarity, template, warp

# The height of a centre crop, as a share of the picture's shorter side: what a template crop covers of an LFW picture.
CENTRE_SHARE = 0.53
# Aligning aligned crops moves their pixels by about 3 on average, at a height of 112; aligning LFW's pictures by 26.
NEAR_TEMPLATE = 8.0
# How many pictures to look at for that.
SAMPLE = 16

# A row for landmarks.csv, and the crop (3, h, w) uint8 or none.
Outcome = tuple[list[str], Tensor | None]


class FaceNotFound(RuntimeError):
    """No face in a picture, and the caller chose to fail on that."""


def align_folder(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    size: tuple[int, int] = (112, 96),
    missing: Literal["skip", "centre-crop", "fail"] = "skip",
    batch_size: int = 16,
    device: str | torch.device = "cpu",
    progress: bool = True,
) -> AlignReport:
    """Align every picture under `src` into the same tree under `dst`, as JPEG.

    The face nearest the centre counts. `dst/landmarks.csv` gets a row for each picture, which a second run resumes
    from; `dst/alignment.json` says how the crops were made and marks them as aligned.

    Args:
        src: a folder of pictures, nested as you like. Pictures of one size are detected in one batch.
        dst: where the crops go; made if it is not there.
        size: (height, width), (112, 96) or (112, 112).
        missing: for a picture in which no face is found: write nothing ('skip'), cut it about the centre
            ('centre-crop'), or stop with an error that names it ('fail'; what is done stays done). A picture that
            cannot be decoded is reported, and an error under 'fail'.
        batch_size: pictures in one pass of the detector.
        device: where detection and warping run.
        progress: show a progress bar.

    Returns:
        What became of each picture, earlier runs included.

    Raises:
        FileNotFoundError: no such folder, or no pictures in it.
        AlreadyAligned: these are aligned crops.
        FaceNotFound, BrokenImage: with `missing='fail'`.
        ValueError: `dst` was begun with other settings or lies in `src`, or two pictures would share a name.
    """
    src, dst, device = Path(src), Path(dst), torch.device(device)
    if missing not in ("skip", "centre-crop", "fail"):
        raise ValueError(f"missing={missing!r}: choose 'skip', 'centre-crop' or 'fail'")
    if dst.resolve().is_relative_to(src.resolve()):
        raise ValueError(f"{dst} lies in {src}: crops would be taken for pictures to align; choose another folder")
    points = template(size).to(device)
    files = _pictures(src)
    if not (dst / MARKER).exists():  # otherwise an earlier run has looked
        _refuse_aligned(src, files, device)
    claim(dst, size, points)
    final = {ALIGNED, NO_FACE} if missing == "skip" else {ALIGNED, CENTRE_CROP}
    done = finished(dst, files, final)
    report = AlignReport()
    for row in done.values():
        report.count(row)
    report.resumed = report.total
    todo = [name for name in files if name not in done]

    start = time.monotonic()
    with (
        ThreadPoolExecutor() as pool,
        open(dst / LANDMARKS, "a", newline="", encoding="utf-8") as log,
        tqdm(total=len(files), initial=len(done), unit="picture", disable=not progress) as bar,
    ):
        writer = csv.writer(log)
        for start_at in range(0, len(todo), 4 * batch_size):
            chunk = todo[start_at : start_at + 4 * batch_size]
            outcome: dict[str, Outcome] = {name: (make_row(name, BROKEN), None) for name in chunk}
            pictures = _whole(chunk, pool.map(_read, [src / name for name in chunk]))
            for names in _batches(pictures, batch_size):
                rows = torch.stack([pictures[name].permute(1, 2, 0) for name in names])  # (B, H, W, 3), as decoded
                images = to_float(rows.to(device).permute(0, 3, 1, 2))  # (B, 3, H, W), channels_last
                outcome |= zip(names, _align_batch(names, images, points, size, missing == "centre-crop"), strict=True)
            list(pool.map(_write, [dst / crop_name(name) for name in chunk], [outcome[name][1] for name in chunk]))
            # rows follow the crops: a run killed in between repeats a few pictures and loses none
            writer.writerows(outcome[name][0] for name in chunk)
            log.flush()
            for name in chunk:
                report.count(outcome[name][0])
            bar.update(len(chunk))
            if missing == "fail":
                _fail(src, report)
    report.seconds = time.monotonic() - start
    return report


def _align_batch(
    names: list[str], images: Tensor, points: Tensor, size: tuple[int, int], centre_crop: bool
) -> list[Outcome]:
    """What becomes of each image of a batch (B, 3, H, W)."""
    faces = [found[0] if found else None for found in detect(images)]
    centre = _centre_matrix(images.shape[-2], images.shape[-1], size)
    matrices = torch.stack(
        [centre if face is None else estimate_similarity(face.landmarks, points.cpu()) for face in faces]
    )  # (B, 2, 3)
    crops = to_bytes(warp(images, matrices.to(images.device), size)).cpu()  # (B, 3, h, w)
    without = CENTRE_CROP if centre_crop else NO_FACE
    return [
        (make_row(name, without if face is None else ALIGNED, face), crop if face or centre_crop else None)
        for name, face, crop in zip(names, faces, crops, strict=True)
    ]


def _centre_matrix(height: int, width: int, size: tuple[int, int]) -> Tensor:
    """The (2, 3) transform that cuts the middle of an image, scaled as a typical aligned face would be."""
    scale = size[0] / (CENTRE_SHARE * min(height, width))
    shift_x = (size[1] - 1) / 2 - scale * (width - 1) / 2
    shift_y = (size[0] - 1) / 2 - scale * (height - 1) / 2
    return torch.tensor([[scale, 0.0, shift_x], [0.0, scale, shift_y]])


def _whole(names: list[str], pictures: Iterable[Tensor | None]) -> dict[str, Tensor]:
    return {name: picture for name, picture in zip(names, pictures, strict=True) if picture is not None}


def _batches(pictures: dict[str, Tensor], batch_size: int) -> Iterator[list[str]]:
    """Names of pictures in batches of one size."""
    by_shape = defaultdict(list)
    for name, picture in pictures.items():
        by_shape[picture.shape].append(name)
    for names in by_shape.values():
        for start in range(0, len(names), batch_size):
            yield names[start : start + batch_size]


def _read(path: Path) -> Tensor | None:
    try:
        return read_image(path)
    except BrokenImage:
        return None


def _write(path: Path, crop: Tensor | None) -> None:
    if crop is None:
        path.unlink(missing_ok=True)  # a centre crop of an earlier run that is no longer wanted
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, encode_jpeg(crop))


def _fail(src: Path, report: AlignReport) -> None:
    if report.broken:
        read_image(src / report.broken[0])  # raises, with the reason
    if report.missing:
        raise FaceNotFound(
            f"{src / report.missing[0]}: no face found; remove the picture, or choose to skip or to centre-crop such"
        )


def _pictures(src: Path) -> list[str]:
    """Names of all pictures under `src`, relative to it, sorted."""
    if not src.is_dir():
        raise FileNotFoundError(f"{src}: no such folder")
    marked = next((folder for folder in (src, *src.resolve().parents) if (folder / MARKER).exists()), None)
    files = []
    for folder, _, names in os.walk(src, followlinks=True):
        marked = Path(folder) if MARKER in names else marked
        inside = Path(folder).relative_to(src)
        files += [(inside / name).as_posix() for name in names if name.lower().endswith(IMAGE_SUFFIXES)]
    if marked is not None:
        raise AlreadyAligned(f"{marked} holds aligned crops, says its {MARKER}: align the original pictures instead")
    if not files:
        raise FileNotFoundError(f"{src}: no pictures in it (looked for {', '.join(IMAGE_SUFFIXES)})")
    by_crop: dict[str, str] = {}
    for name in sorted(files):
        other = by_crop.setdefault(crop_name(name), name)
        if other != name:
            raise ValueError(f"{src}: {other} and {name} would both become {crop_name(name)}: rename one of them")
    return sorted(files)


def _refuse_aligned(src: Path, files: list[str], device: torch.device) -> None:
    """Look at some pictures: aligning an aligned crop once more would hardly move the face."""
    sample = files[:: max(1, len(files) // SAMPLE)][:SAMPLE]
    pictures = _whole(sample, (_read(src / name) for name in sample))
    moves = []
    for (name,) in _batches(pictures, 1):
        picture = pictures[name]
        height, width = picture.shape[-2:]
        shape = next((s for s in ((112, 96), (112, 112)) if abs(width / height - s[1] / s[0]) < 0.01), None)
        if shape is None:
            return  # neither template has these proportions
        faces = detect(to_float(picture[None].to(device)))[0]
        if faces:
            points = template(shape)  # (5, 2)
            again = estimate_similarity(faces[0].landmarks * (112 / height), points)  # (2, 3)
            moves.append(float((points @ again[:, :2].T + again[:, 2] - points).norm(dim=-1).mean()))
    if moves and statistics.median(moves) < NEAR_TEMPLATE:
        raise AlreadyAligned(
            f"{src} holds aligned crops: in {len(moves)} of {len(sample)} pictures looked at, aligning would move the "
            f"face by {statistics.median(moves):.1f} pixels only (median): align the original pictures instead"
        )
