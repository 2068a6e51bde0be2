"""What the first quarter of an hour did not measure: drawing, sending, reading, and heads and networks compiled.

Best first, a row each, written down as it is found; a row whose seconds do not fit is left for other minutes. Seconds
are guesses from what an H100 did, with compilation. Three minutes are enough for batches, drawing, sending, .rec files
and compiled drawing; compiled heads and networks take about seven more.
"""

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
import torch

from cosface_edu import losses
from cosface_edu.data import RecordDataset, write_records
from cosface_edu.data.images import BEFORE_ROWS
from cosface_edu.devices import cores
from cosface_edu.faces import FaceWorld, many
from cosface_edu.training import Config
from cosface_edu.training.batches import Part
from cosface_edu.training.feed import feed

from . import Job, checks, heads, networks, origin, wait
from .sweep import Row, earlier

SIZE = (112, 96)


def questions(job: Job) -> Iterator[tuple[str, float, Callable[[Job], Row]]]:
    """Name, seconds that it may take, and what answers it."""
    yield "batches", 5, lambda job: checks.batches(job.device)
    yield "drawing", 20, partial(drawing, compiled=False)
    yield "feed", 60, networks.fed
    yield "records", 45, records
    if job.device.type != "cuda":  # the compiler takes minutes on a processor
        return
    yield "drawing, compiled", 75, partial(drawing, compiled=True)
    for classes in (1_000_000, 100_000):
        for tf32 in (False, True):
            for what in compiled_heads(classes):
                yield f"{what}, compiled, C = {classes}, TF32 {tf32}", 15, partial(head, what, classes, tf32)
    for network, seconds in (("iresnet50", 75), ("iresnet100", 130)):
        yield f"{network}, compiled", seconds, lambda job, n=network: networks.speed(job, n, 256, True)  # type: ignore[misc]


def run(job: Job) -> dict[str, Any]:
    """As long as the minutes allow; the next minutes go on, and ask again what failed."""
    rows = [row for row in earlier(job, "rates") if "error" not in row]
    left_out, this = False, origin("rates", job.device)
    for what, seconds, answer in questions(job):
        if any(row["what"] == what for row in rows):
            continue
        if not job.tiny and job.left() < seconds:
            left_out = True
            continue
        began = time.perf_counter()
        try:
            found = answer(job)
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}"[:300]}
        rows.append({"what": what, **found, "seconds": time.perf_counter() - began, **this})
        job.say(f"{rows[-1]}")
        job.keep({"rows": rows})
    return {"rows": rows, "whole": not left_out and not any("error" in row for row in rows)}


def drawing(job: Job, compiled: bool) -> Row:
    """Pictures a second by `FaceWorld.bytes` and in large blocks, and how far they are from a processor's."""
    sample, few, all_of_them = (8, 16, 32) if job.tiny else (256, 4096, many.NUMBERS)
    world, who = FaceWorld(seed=0, device=job.device), torch.arange(all_of_them) // 4
    which = torch.arange(all_of_them) % 4
    began = time.perf_counter()
    there = many.drawn(world, who[:sample], which[:sample], SIZE, compiled).cpu()
    found: Row = {"first_seconds": time.perf_counter() - began}  # with compilation
    here = FaceWorld(seed=0).bytes(who[:sample], which[:sample], SIZE)
    found["largest_difference_in_bytes"] = int((here.int() - there.int()).abs().max())
    found["share_of_bytes_that_differ"] = float((here != there).float().mean())
    if not compiled:
        found["before_per_s"] = few / _seconds(job, lambda: world.bytes(who[:few], which[:few], SIZE))
    found["per_s"] = all_of_them / _seconds(job, lambda: many.drawn(world, who, which, SIZE, compiled))
    return found


def _seconds(job: Job, work: Callable[[], object]) -> float:
    wait(job.device)
    began = time.perf_counter()
    work()
    wait(job.device)
    return time.perf_counter() - began


def records(job: Job) -> Row:
    """Pictures a second from a .rec to the device, with as many workers as cores, beside the decoder alone on them."""
    people, each = (4, 4) if job.tiny else (512, 40)
    workers, steps, batch = (1, 4, 8) if job.tiny else (cores(), 400, 512)
    who, which = torch.arange(people).repeat_interleave(each), torch.arange(each).repeat(people)
    pixels = many.drawn(FaceWorld(seed=0, device=job.device), who, which, SIZE).permute(0, 2, 3, 1).cpu().numpy()
    files = [simplejpeg.encode_jpeg(picture.copy(), quality=95) for picture in pixels]
    with tempfile.TemporaryDirectory() as folder:
        write_records(Path(folder) / "train.rec", list(zip(files, who.tolist(), strict=True)), SIZE)
        config = Config(size=SIZE, batch=batch, steps=steps, workers=workers, milestones=(), loss_options={})
        batches = feed(Part(RecordDataset(folder), torch.arange(people)), config, job.device)
        for _ in range(steps // 4):  # the workers start, and what they had made by then is taken
            next(batches)
        through = (steps - steps // 4) * batch / _seconds(job, lambda: [None for _ in batches])
    rounds = 1 if job.tiny else 8
    with ProcessPoolExecutor(workers, get_context("fork"), _given, (files,)) as pool:  # nothing is sent to them
        shares = [(k, workers) for k in range(workers)]
        list(pool.map(_decode, shares))
        alone = rounds * len(files) / _seconds(job, lambda: list(pool.map(_decode, shares * rounds)))
    bytes_each = sum(map(len, files)) / len(files)
    return {
        "workers": workers, "bytes_a_picture": bytes_each, "decoder_per_s": alone, "per_s": through,
        "share": through / alone,
    }  # fmt: skip


_files: list[bytes] = []


def _given(files: list[bytes]) -> None:
    _files[:] = files


def _decode(share: tuple[int, int]) -> None:
    first, step = share
    # memory of the library's own begins where it happens to, and the rate with it: this is the faster of the two
    rows = np.empty(BEFORE_ROWS + math.prod(SIZE) * 3, np.uint8)[BEFORE_ROWS:]
    for file in _files[first::step]:
        simplejpeg.decode_jpeg(file, buffer=rows)


def compiled_heads(classes: int) -> dict[str, Callable[[], torch.nn.Module]]:
    """What is compiled, ours and others'."""
    found: dict[str, Callable[[], torch.nn.Module]] = {
        "cosface": lambda: losses.CosFace(heads.D, classes),
        "plain form": lambda: heads.Plain(classes),
    }
    try:
        from pytorch_metric_learning.losses import CosFaceLoss

        found["pytorch-metric-learning"] = lambda: CosFaceLoss(classes, heads.D)
    except ImportError:
        pass
    return found | {"arcface": lambda: losses.create("arcface", in_features=heads.D, num_classes=classes)}


def head(what: str, classes: int, tf32: bool, job: Job) -> Row:
    """A compiled head's time and memory beside the bare product's in the same minute."""
    torch.backends.cuda.matmul.allow_tf32 = tf32
    try:
        bare = heads.measured(job, lambda: heads.Bare(classes), classes, heads.B)
        row = heads.measured(job, lambda: heads.compiled(compiled_heads(classes)[what]()), classes, heads.B)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False
    shares = {"times_the_product": row["ms"] / bare["ms"]} if "ms" in row and "ms" in bare else {}
    return {"C": classes, "tf32": tf32, "product_ms": bare.get("ms"), **row, **shares}
