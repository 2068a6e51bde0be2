"""SphereFace-20's forward pass in bfloat16 against float32 on this processor.

    pytest benchmarks/bench_networks.py

Neither is better everywhere: processors with bfloat16 units gain, others lose. `embed` measures and takes the faster.
"""

import time

import numpy as np
import torch

from cosface_edu.data import normalise
from cosface_edu.evaluation import embed, fastest_precision
from cosface_edu.networks import sphereface


def test_sphereface_20_in_bfloat16_against_float32(benchmark):
    """Interleaved rounds of 4 images, 112×96; `times_faster` is float32 / bfloat16, `chosen` what `embed` takes."""
    network = sphereface(20).eval()
    images = torch.rand(4, 3, 112, 96)
    reference = []

    def in_float32():
        start = time.perf_counter()
        embed(network, images, "none", precision="float32")
        reference.append(time.perf_counter() - start)

    benchmark.pedantic(
        lambda: embed(network, images, "none", precision="bfloat16"),
        setup=in_float32,
        rounds=3,
        warmup_rounds=1,
    )
    float32, bfloat16 = np.median(reference), benchmark.stats.stats.median
    benchmark.extra_info["times_faster"] = float32 / bfloat16
    benchmark.extra_info["float32_images_per_second"] = 4 / float32
    benchmark.extra_info["bfloat16_images_per_second"] = 4 / bfloat16
    benchmark.extra_info["chosen"] = fastest_precision(network, normalise(images))
