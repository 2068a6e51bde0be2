"""Reading .rec files against bare JPEG decoding, and three JPEG decoders against each other.

Run with `pytest benchmarks/bench_data.py`. Everything is interleaved in one run and compared by ratio.
"""

import io
import os
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
import torch
from PIL import Image
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg

from cosface_edu import data
from cosface_edu.data.images import BEFORE_ROWS, encode_jpeg
from cosface_edu.faces import FaceWorld
from cosface_edu.training import Config
from cosface_edu.training.ahead import Plain, _staged, ahead
from cosface_edu.training.batches import Part, Steps
from cosface_edu.training.feed import _read

COUNT = 512


def interleaved(*functions: Callable[[int], object], rounds: int = 9) -> list[float]:
    """Seconds that each function takes for all pictures: of every picture the median over the rounds.

    Picture by picture, and each time in another order: what runs second finds the picture's bytes in the cache, and a
    busy moment would otherwise hit whichever function had its turn.
    """
    times = np.empty((len(functions), rounds, COUNT))
    for turn in range(rounds):
        for index in torch.randperm(COUNT, generator=torch.Generator().manual_seed(turn)).tolist():
            for which in np.roll(range(len(functions)), turn + index):
                start = time.perf_counter()
                functions[which](index)
                times[which, turn, index] = time.perf_counter() - start
    return np.median(times, axis=1).sum(axis=1).tolist()


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """512 crops of 112×112 with the grain of photographs, about as many bytes each as InsightFace's."""
    faces, _ = FaceWorld(seed=0).sample_many(range(16), n=2, size=(112, 112))
    generator = torch.Generator().manual_seed(0)
    grain = 0.02 * torch.randn(COUNT, 3, 112, 112, generator=generator)
    return [encode_jpeg(data.to_bytes(faces[i % len(faces)] + grain[i]), quality=80) for i in range(COUNT)]


def test_records(benchmark, pictures: list[bytes], tmp_path: Path) -> None:
    torch.set_num_threads(1)
    data.write_records(tmp_path / "train.rec", [(picture, i // 4) for i, picture in enumerate(pictures)], (112, 112))
    records = data.RecordDataset(tmp_path, size=(112, 112))
    read, bare, library, loaded = interleaved(
        records.read,
        lambda index: data.decode(pictures[index]),
        lambda index: simplejpeg.decode_jpeg(pictures[index]),
        records.__getitem__,
    )
    info = benchmark.extra_info
    info["bytes a picture"] = statistics.mean(map(len, pictures))
    info["share of the speed of bare decoding (wanted: 0.9)"] = round(bare / read, 3)
    info["share of the speed of the library's decoder, no checks"] = round(library / read, 3)
    info["the same, with the float image made too"] = round(library / loaded, 3)
    benchmark(records.read, 17)


class Nowhere(Plain):
    """Takes batches and copies them to no device: what is left is the reading."""

    def send(self, staged: list[torch.Tensor]) -> tuple[list[torch.Tensor], None]:
        return staged, None


def test_a_worker_and_the_process_that_it_reads_for(benchmark, pictures: list[bytes], tmp_path: Path) -> None:
    """Processor time, user's and system's, of everything between a .rec and the device, by that of decoding alone."""
    torch.set_num_threads(os.cpu_count() or 1)
    size, steps = (112, 112), 60
    data.write_records(tmp_path / "train.rec", [(picture, i // 4) for i, picture in enumerate(pictures)], size)
    part = Part(data.RecordDataset(tmp_path, size=size), torch.arange(COUNT // 4))
    config = Config(size=size, batch=COUNT, steps=steps, workers=1, milestones=(), loss_options={})

    def seconds(who: int) -> float:
        used = resource.getrusage(who)
        return used.ru_utime + used.ru_stime

    def through() -> tuple[float, float]:
        began = seconds(resource.RUSAGE_CHILDREN), seconds(resource.RUSAGE_SELF)
        batches, _ = _read(part, Steps(len(part), config, 0, 0, 1, 1), 1, torch.Generator())
        for _ in ahead(batches, Nowhere(torch.device("cpu"))):
            pass
        del batches  # the worker's time counts when it has ended
        return seconds(resource.RUSAGE_CHILDREN) - began[0], seconds(resource.RUSAGE_SELF) - began[1]

    def alone() -> float:
        rows = np.empty(BEFORE_ROWS + 3 * size[0] * size[1], np.uint8)[BEFORE_ROWS:]  # where it is fastest
        began = seconds(resource.RUSAGE_SELF)
        for picture in pictures:
            simplejpeg.decode_jpeg(picture, buffer=rows)
        return (seconds(resource.RUSAGE_SELF) - began) * steps

    rounds = [(*through(), alone()) for _ in range(5)]
    info = benchmark.extra_info
    for place, name in enumerate(("the worker", "the process that trains")):
        info[f"{name}, times the decoder alone"] = round(statistics.median(r[place] / r[2] for r in rounds), 3)
    benchmark(part.bytes, list(range(64)))


def test_staging(benchmark) -> None:
    """Processor time of gathering a batch in the host's memory, with pauses as between a GPU's steps."""
    torch.set_num_threads(os.cpu_count() or 1)
    pixels = torch.randint(0, 256, (8192, 3, 112, 96), dtype=torch.uint8)
    order = [torch.randperm(len(pixels))[:COUNT] for _ in range(100)]
    buffer = torch.empty(COUNT, *pixels.shape[1:], dtype=torch.uint8)

    def seconds(stage: Callable[[Tensor], object]) -> float:
        began = time.process_time()
        for rows in order:
            stage(rows)
            time.sleep(0.012)
        return time.process_time() - began

    def ours(rows: Tensor) -> object:
        return _staged([(pixels, rows)], [buffer], Plain(torch.device("cpu")))

    def team(rows: Tensor) -> object:
        return torch.index_select(pixels, 0, rows, out=buffer)

    rounds = [(seconds(ours), seconds(team)) for _ in range(5)]
    benchmark.extra_info["torch.index_select, a thread for each core, times ours"] = round(
        statistics.median(theirs / own for own, theirs in rounds), 2
    )
    benchmark(ours, order[0])


def test_decoders(benchmark, pictures: list[bytes]) -> None:
    torch.set_num_threads(1)
    tensors = [torch.frombuffer(bytearray(picture), dtype=torch.uint8) for picture in pictures]
    ours, torchvision, pillow = interleaved(
        lambda index: data.decode(pictures[index]),
        lambda index: decode_jpeg(tensors[index], mode=ImageReadMode.RGB),
        lambda index: np.asarray(Image.open(io.BytesIO(pictures[index])).convert("RGB")),
    )
    benchmark.extra_info["times torchvision's speed"] = round(torchvision / ours, 2)
    benchmark.extra_info["times Pillow's speed"] = round(pillow / ours, 2)
    benchmark(data.decode, pictures[17])
