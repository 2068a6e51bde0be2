"""Warping a batch by one `grid_sample` against scikit-image's warp, image by image; fitting transforms likewise.

Run with `pytest benchmarks/bench_align.py`. The two are interleaved in one run and compared by ratio: an absolute time
would say more about the machine than about the code.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from skimage.transform import SimilarityTransform
from skimage.transform import warp as skimage_warp

from cosface_edu import align

BATCH = 64


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
