"""Warping a batch by one `grid_sample` against scikit-image's warp, image by image; fitting transforms likewise.

Run with `pytest benchmarks/bench_align.py`. The two are interleaved in one run and compared by ratio: an absolute time
would say more about the machine than about the code.
"""

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.transform import SimilarityTransform
from skimage.transform import warp as skimage_warp

from cosface_edu import align, data
from cosface_edu.data.images import encode_jpeg
from cosface_edu.faces import FaceWorld

BATCH = 64
# As many photographs as LFW's development set has. CASIA-WebFace has 300 times as many: starting weighs less there.
FOLDER = 1549


def interleaved(*functions: Callable[[], object], rounds: int = 7) -> list[float]:
    """Median seconds of each function, called in turn so that a busy moment hits all of them."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for function, taken in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


@pytest.fixture
def photographs() -> tuple[torch.Tensor, torch.Tensor]:
    """64 pictures the size of LFW's, and five points in each."""
    generator = torch.Generator().manual_seed(0)
    points = (align.TEMPLATE_112x96 - 48) / 0.84 + 125
    return (
        # height, width, colour in memory, which is how pictures are decoded, and what suits both sides
        torch.rand(BATCH, 250, 250, 3, generator=generator).permute(0, 3, 1, 2),
        points + 4 * torch.randn(BATCH, 5, 2, generator=generator),
    )


def test_warp(benchmark, photographs) -> None:
    images, points = photographs
    matrices = align.estimate_similarity(points, align.TEMPLATE_112x96)
    rows = [image.permute(1, 2, 0).numpy() for image in images]  # float32, in which scikit-image is fastest
    inverses = [SimilarityTransform(matrix=np.vstack([m.numpy(), [0, 0, 1]])).inverse for m in matrices]

    def batched() -> torch.Tensor:
        return align.warp(images, matrices, (112, 96))

    def one_by_one() -> list[np.ndarray]:
        return [skimage_warp(r, i, output_shape=(112, 96), order=1) for r, i in zip(rows, inverses, strict=True)]

    ours, theirs = interleaved(batched, one_by_one)
    benchmark.extra_info["times scikit-image's speed (wanted: 5)"] = round(theirs / ours, 1)
    benchmark(batched)


def test_estimate(benchmark, photographs) -> None:
    _, points = photographs
    template = align.TEMPLATE_112x96

    def batched() -> torch.Tensor:
        return align.estimate_similarity(points, template)

    def one_by_one() -> list[SimilarityTransform]:
        return [SimilarityTransform.from_estimate(p, template.numpy()) for p in points.numpy()]

    ours, theirs = interleaved(batched, one_by_one)
    benchmark.extra_info["times scikit-image's speed"] = round(theirs / ours, 1)
    benchmark(batched)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """LFW's photographs where COSFACE_DATA has them, FaceWorld's scenes of the same size elsewhere."""
    lfw = data.root() / "lfw-dev" / "lfw"
    (tmp_path / "photographs").mkdir()
    if lfw.is_dir():
        for path in sorted(lfw.rglob("*.jpg"))[:FOLDER]:
            shutil.copy(path, tmp_path / "photographs")
    else:
        scenes, _ = FaceWorld(seed=0).scenes(range(BATCH), size=(250, 250))
        for number in range(FOLDER):
            jpeg = encode_jpeg(data.to_bytes(scenes[number % BATCH]))
            (tmp_path / "photographs" / f"{number:03d}.jpg").write_bytes(jpeg)
    return tmp_path


def facenet_pytorch(source: Path) -> None:
    """The package's own way until its cascade: one process, SphereFace's settings, batches of 16 of one size."""
    from facenet_pytorch import MTCNN

    mtcnn = MTCNN(keep_all=True, select_largest=False, min_face_size=20, factor=0.85, thresholds=[0.6, 0.7, 0.9])
    files = sorted(source.iterdir())
    for start in range(0, len(files), 16):
        images = data.to_float(torch.stack([data.read_image(path) for path in files[start : start + 16]]))
        _, _, found = mtcnn.detect(images.permute(0, 2, 3, 1) * 255, landmarks=True)
        points = torch.stack(
            [torch.from_numpy(p[0].astype("float32")) if p is not None else align.TEMPLATE_112x96 for p in found]
        )
        for crop in align.warp(images, align.estimate_similarity(points, align.TEMPLATE_112x96), (112, 96)):
            encode_jpeg(data.to_bytes(crop))


def test_a_whole_folder(benchmark, folder) -> None:
    count = 0

    def ours() -> None:
        """The command, from its start to its end; the reference below has started already."""
        nonlocal count
        count += 1
        command = ["align", str(folder / "photographs"), str(folder / f"crops {count}")]
        subprocess.run([sys.executable, "-m", "cosface_edu", *command], check=True, capture_output=True)

    def theirs() -> None:
        facenet_pytorch(folder / "photographs")

    new, old = interleaved(ours, theirs, rounds=3)
    benchmark.extra_info["pictures a second, processes started and all"] = round(FOLDER / new, 1)
    benchmark.extra_info["times facenet-pytorch with SphereFace's settings (wanted: 3.5)"] = round(old / new, 2)
    benchmark.pedantic(ours, rounds=1)
