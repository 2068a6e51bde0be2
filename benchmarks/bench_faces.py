"""How fast faces are drawn, against a reference in the same run: decoding JPEG crops of the same size from memory.

A procedural world is worth having if training on it costs about what training on files costs.
    pytest benchmarks/bench_faces.py
"""

import time

import pytest
import torch

from cosface_edu.data.images import decode, encode_jpeg, to_bytes, to_float
from cosface_edu.faces import FaceWorld

PEOPLE, EACH, SIZE = 32, 4, (112, 96)


@pytest.fixture(scope="module")
def world() -> FaceWorld:
    return FaceWorld(seed=0)


def test_drawing_against_decoding(benchmark, world):
    """Interleaved rounds; the ratio drawn / decoded and the images a second are in the extra information."""
    files = [encode_jpeg(image) for image in to_bytes(world.sample_many(range(PEOPLE), EACH, SIZE)[0])]
    reference = []

    def decode_all() -> None:
        start = time.perf_counter()
        torch.stack([to_float(decode(file)) for file in files])
        reference.append(time.perf_counter() - start)

    benchmark.pedantic(
        lambda: world.sample_many(range(PEOPLE), EACH, SIZE), setup=decode_all, rounds=9, warmup_rounds=1
    )
    drawn, decoded = benchmark.stats.stats.median, sorted(reference)[len(reference) // 2]
    benchmark.extra_info["ratio"] = drawn / decoded
    benchmark.extra_info["images_per_second"] = PEOPLE * EACH / drawn


def test_one_call_against_one_call_each(benchmark, world):
    """What a batched call saves over drawing the same faces one by one."""
    reference = []

    def one_by_one() -> None:
        start = time.perf_counter()
        for person in range(PEOPLE):
            world.sample(person, 1, (56, 48))
        reference.append(time.perf_counter() - start)

    benchmark.pedantic(
        lambda: world.sample_many(range(PEOPLE), 1, (56, 48)), setup=one_by_one, rounds=9, warmup_rounds=1
    )
    benchmark.extra_info["ratio"] = benchmark.stats.stats.median / sorted(reference)[len(reference) // 2]
