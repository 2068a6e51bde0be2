"""From images to embeddings, and from embeddings to cosine scores."""

import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from cosface_edu.data import normalise

Embedder = Callable[[Tensor], Tensor]
Flip = Literal["concat", "sum", "none"]
Precision = Literal["auto", "float32", "bfloat16"]

# Below this many images the measurement that `auto` makes costs more than it saves.
MEASURE_FROM = 512
# bfloat16 must be clearly faster, or noise would decide; and must not move the features.
CLEARLY_FASTER = 1.2
SAME_DIRECTION = 0.999


def embed(
    network: Embedder,
    images: Any,
    flip: Flip = "concat",
    *,
    preprocess: Callable[[Tensor], Tensor] | None = normalise,
    batch: int = 64,
    workers: int = 0,
    precision: Precision = "auto",
    progress: bool = False,
) -> Tensor:
    """Embed images.

    CosFace (Section 4.1) represents a face by the features of its image and of the mirrored image, concatenated.

    Args:
        network: A network, or any callable from (B, 3, H, W) to (B, D).
        images: (N, 3, H, W) float RGB in [0, 1], or a data set of such images, alone or as (image, label).
        flip: What to do with the mirror image's features: concatenate, add, or not compute them.
        preprocess: Applied to each batch first; None for a callable that takes images in [0, 1].
        batch: Images at a time.
        workers: Processes that read a data set.
        precision: Of a network's arithmetic; `auto` measures (see `fastest_precision`) where it pays.
        progress: Whether to show a bar.

    Returns:
        (N, D), or (N, 2D) for concatenated features; float32 on the CPU, not normalised.

    Raises:
        ValueError: If the features are not (B, D) or not finite.
    """
    if flip not in ("concat", "sum", "none"):
        raise ValueError(f"flip is concat, sum or none, not {flip!r}")
    if len(images) == 0:
        raise ValueError("no images to embed")
    module = network if isinstance(network, nn.Module) else None
    device = next((p.device for p in module.parameters()), torch.device("cpu")) if module else torch.device("cpu")
    training = module is not None and module.training
    if module is not None:
        module.eval()
    try:
        features = []
        with torch.inference_mode():
            dtype = getattr(torch, precision) if precision != "auto" else torch.float32
            batches = _batches(images, batch, workers)
            for number, x in enumerate(
                tqdm(batches, total=-(-len(images) // batch), disable=not progress, unit="batch")
            ):
                x = x.to(device)
                x = preprocess(x) if preprocess else x  # (B, 3, H, W)
                if number == 0 and precision == "auto" and module is not None and len(images) >= MEASURE_FROM:
                    dtype = fastest_precision(module, x)
                with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                    y = _both(network, x, flip)
                features.append(_checked(y, len(x)).float().cpu())
    finally:
        if module is not None:
            module.train(training)
    return torch.cat(features)


def _both(network: Embedder, x: Tensor, flip: Flip) -> Tensor:
    if flip == "none":
        return network(x)
    straight, mirrored = network(x), network(x.flip(-1))
    return torch.cat([straight, mirrored], dim=1) if flip == "concat" else straight + mirrored  # (B, 2D) or (B, D)


def _batches(images: Any, batch: int, workers: int) -> Iterator[Tensor]:
    if isinstance(images, Tensor):
        yield from images.split(batch)
        return
    for item in DataLoader(images, batch_size=batch, num_workers=workers):
        yield item if isinstance(item, Tensor) else item[0]


def _checked(features: Any, rows: int) -> Tensor:
    if not isinstance(features, Tensor) or features.ndim != 2 or len(features) != rows:
        got = tuple(features.shape) if hasattr(features, "shape") else type(features).__name__
        raise ValueError(f"an embedder turns (B, 3, H, W) into a (B, D) tensor; for {rows} images it gave {got}")
    if not torch.isfinite(features).all():
        raise ValueError("the network gave features that are not finite; were its weights trained to NaN?")
    return features


def fastest_precision(network: nn.Module, x: Tensor) -> torch.dtype:
    """Time a network's forward pass in float32 and in bfloat16 here and now, and name the better.

    Processors with bfloat16 units run several times faster in it, others emulate it and run slower: nothing but a
    measurement tells. bfloat16 must also leave the features' directions where they are.

    Args:
        network: In evaluation mode.
        x: (B, 3, H, W) preprocessed images; the first eight are used.
    """
    x = x[:8]
    seconds, features = {}, {}
    for dtype in (torch.float32, torch.bfloat16):
        with torch.inference_mode(), torch.autocast(x.device.type, dtype, enabled=dtype != torch.float32):
            features[dtype] = network(x).float()  # also the warm-up
            timings = []
            for _ in range(3):
                _wait(x.device)
                start = time.perf_counter()
                network(x)
                _wait(x.device)
                timings.append(time.perf_counter() - start)
        seconds[dtype] = min(timings)
    agreement = F.cosine_similarity(features[torch.float32], features[torch.bfloat16]).min()
    better = seconds[torch.float32] > CLEARLY_FASTER * seconds[torch.bfloat16] and agreement > SAME_DIRECTION
    return torch.bfloat16 if better else torch.float32


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def cosine_scores(features: Tensor, pairs: Tensor) -> Tensor:
    """Cosine similarity of pairs of embeddings.

    Args:
        features: (N, D).
        pairs: (n, 2) rows of the features.

    Returns:
        (n,) in [-1, 1].
    """
    unit = F.normalize(features, dim=1)
    pairs = torch.as_tensor(pairs)
    return (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(1)  # (n, D) -> (n,)


def load_embedder(spec: str) -> Embedder:
    """Find other people's embedder: any callable from (B, 3, H, W) float RGB in [0, 1] to (B, D).

    Args:
        spec: 'module:function'; the module may lie in the current folder.

    Raises:
        ValueError: If there is no such module or function, or it cannot be called.
    """
    module_name, _, function = spec.partition(":")
    if not module_name or not function:
        raise ValueError(f"an embedder is named module:function, got {spec!r}")
    here = os.getcwd()
    if here not in sys.path:  # a console script does not look there by itself
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(f"{spec}: {error}; looked in {here} and among the installed packages") from error
    embedder = getattr(module, function, None)
    if not callable(embedder):
        raise ValueError(f"{spec}: {module_name} has no function {function}")
    return embedder
