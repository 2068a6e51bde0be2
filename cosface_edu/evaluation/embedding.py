"""From images to embeddings, and from embeddings to cosine scores."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.utils.data import DataLoader, default_collate
from tqdm import tqdm

from cosface_edu import named
from cosface_edu.data import normalise, to_float
from cosface_edu.data.dataset import leave_ctrl_c
from cosface_edu.data.pairs import check_rows
from cosface_edu.networks import Ensemble, evaluating
from cosface_edu.networks.numbers import dtype_of

from .arrays import as_tensor

Embedder = Callable[[Tensor], Tensor]
Flip = Literal["concat", "sum", "none"]
Precision = Literal["auto", "float32", "bfloat16"]

# Below this many images the measurement that `auto` makes costs more than it saves.
MEASURE_FROM = 512
# bfloat16 must be clearly faster, or noise would decide; and must not move the features.
CLEARLY_FASTER = 1.2
SAME_DIRECTION = 0.999
HOPELESS = 4.0  # times slower on one image
_measured: WeakKeyDictionary[nn.Module, dict[tuple[torch.Size, torch.device], Literal["float32", "bfloat16"]]] = (
    WeakKeyDictionary()
)


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

    A network in training mode evaluates and goes back, every submodule to its own mode; threads that share one call
    its `.eval()` first. Images come to it in the numbers of its own weights, such as float16 after `.half()`.

    Args:
        network: a network, or any callable from (B, 3, H, W) to (B, D).
        images: (N, 3, H, W) RGB, floats in [0, 1] or bytes, or a data set of such images, alone or as (image, label).
        flip: what to do with the mirror image's features: concatenate, add, or not compute them.
        preprocess: applied to each batch first; None for a callable that takes images in [0, 1].
        batch: images at a time.
        workers: processes that read a data set.
        precision: that `torch.autocast` casts a network's arithmetic to, float32 for none; see `choose_precision` for
            `auto`.
        progress: whether to show a bar.

    Returns:
        (N, D), or (N, 2D) for concatenated features; float32 on the CPU, not normalised. A row's length is that of the
        picture's own feature with flip 'none' alone, else that of both features together or of their sum.

    Raises:
        ValueError: if the images are none, of another shape, or floats far outside [0, 1]; if the features are not
            (B, D) or not finite.

    Example:
        >>> import torch
        >>> from cosface_edu.evaluation import embed
        >>> network = lambda images: images.mean(3).flatten(1)  # no more than the rows' mean colours
        >>> embed(network, torch.rand(5, 3, 112, 96)).shape  # features of the image and of the mirrored one
        torch.Size([5, 672])
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1, got {batch}")
    if flip not in ("concat", "sum", "none"):
        raise ValueError(f"flip is concat, sum or none, not {flip!r}")
    _check_source(images)
    if len(images) == 0:
        raise ValueError("no images to embed")
    if precision == "auto":
        precision = choose_precision(network, images, preprocess)
    dtype = getattr(torch, precision)
    device = device_of(network)
    own = None if isinstance(network, Ensemble) else dtype_of(network)  # an ensemble sees to each of its networks
    features = []
    with evaluating(network):
        batches = _batches(images, batch, workers, preprocess)
        for x in tqdm(batches, total=-(-len(images) // batch), disable=not progress, unit="batch"):
            x = x.float() if x.is_floating_point() else x  # not every device has doubles; bytes travel as bytes
            x = _in_range(x.to(device), preprocess)  # (B, 3, H, W)
            x = preprocess(x) if preprocess else x
            x = x.to(own) if own is not None else x
            # the network alone: a data set that draws or changes its pictures as they are asked for does so as ever
            half = torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
            with torch.inference_mode(), half:
                features.append(_finite(_both(network, x, flip)).float().cpu())
    return torch.cat(features)


def choose_precision(
    network: Embedder, images: Any, preprocess: Callable[[Tensor], Tensor] | None = normalise
) -> Literal["float32", "bfloat16"]:
    """What `embed` casts to under `auto`: the faster one here, where there are images enough to make it worthwhile.

    Args:
        network: a network; nothing is cast for any other callable, nor for a network with weights in other numbers than
            float32, which computes in those.
        images: as for `embed`.
        preprocess: as for `embed`.

    Returns:
        The numbers that `torch.autocast` computes in: 'bfloat16', or 'float32' for no autocast.

    Example:
        >>> import torch
        >>> from cosface_edu.evaluation import choose_precision
        >>> network = lambda images: images.mean(3).flatten(1)  # no more than the rows' mean colours
        >>> choose_precision(network, torch.rand(5, 3, 112, 96))  # no network of torch's
        'float32'
    """
    _check_source(images)
    if not isinstance(network, nn.Module) or len(images) < MEASURE_FROM:
        return "float32"
    if any(weight.is_floating_point() and weight.dtype != torch.float32 for weight in network.parameters()):
        return "float32"
    x = _in_range(next(_batches(images, 8, 0, preprocess)), preprocess).to(device_of(network))
    key = (x.shape, x.device)
    known = _measured.setdefault(network, {})  # a training run validates many times: measure once
    if key not in known:
        with evaluating(network):
            known[key] = fastest_precision(network, preprocess(x) if preprocess else x)
    return known[key]


def device_of(network: Embedder) -> torch.device:
    """Where a network's weights are; other callables are taken to compute on the CPU."""
    parameters = network.parameters() if isinstance(network, nn.Module) else iter(())
    return next((parameter.device for parameter in parameters), torch.device("cpu"))


def _both(network: Embedder, x: Tensor, flip: Flip) -> Tensor:
    straight = shaped(network(x), len(x))
    if flip == "none":
        return straight
    mirrored = shaped(network(x.flip(-1)), len(x))
    return torch.cat([straight, mirrored], dim=1) if flip == "concat" else straight + mirrored  # (B, 2D) or (B, D)


def _check_source(images: Any) -> None:
    """Images that can be counted and taken by number: a tensor, a data set or a list."""
    if isinstance(images, DataLoader):
        raise ValueError("images must be a tensor or a data set, got a DataLoader: give its data set, loader.dataset")
    if not hasattr(images, "__len__"):
        raise ValueError(f"images must be a tensor (N, 3, H, W) or a data set, got {type(images).__name__}")


def _batches(images: Any, batch: int, workers: int, preprocess: Callable[[Tensor], Tensor] | None) -> Iterator[Tensor]:
    if isinstance(images, Tensor):
        batches: Iterable[Tensor] = images.split(batch)
    else:
        batches = DataLoader(
            images, batch_size=batch, num_workers=workers, collate_fn=_stacked, worker_init_fn=leave_ctrl_c
        )
    for x in batches:
        # another preprocessing than ours may want other channels
        if x.ndim != 4 or (x.shape[1] != 3 and (x.shape[3] == 3 or preprocess is normalise)):
            shape = tuple(images.shape) if isinstance(images, Tensor | np.ndarray) else tuple(x.shape)
            raise ValueError(f"images must be (N, 3, H, W), got {shape}{_remedy(shape, images)}")
        yield x


def _stacked(items: list[Any]) -> Tensor:
    """Images of a data set, alone or as (image, label), as one tensor."""
    pictures = [item[0] if isinstance(item, tuple | list) else item for item in items]
    for picture in pictures:
        if not isinstance(picture, Tensor | np.ndarray):
            of_pil = "torchvision.transforms.functional.pil_to_tensor(picture.convert('RGB')) makes one of a picture"
            remedy = of_pil if hasattr(picture, "convert") else "an item is one, or (image, label)"
            raise ValueError(f"images must be tensors (3, H, W), got {type(picture).__name__}: {remedy}")
        if picture.shape != pictures[0].shape:
            raise ValueError(
                f"images must be of one size, got {tuple(pictures[0].shape)} and {tuple(picture.shape)}: "
                "data.fit(image, size) brings each to the network's"
            )
    return default_collate([as_tensor(picture) for picture in pictures])


def _remedy(shape: tuple[int, ...], images: Any) -> str:
    """What makes (N, 3, H, W) of images of another shape."""
    whole = isinstance(images, Tensor | np.ndarray)
    if len(shape) == 3:
        return ": one image is images[None]" if whole and 3 in (shape[0], shape[2]) else ""
    if len(shape) != 4:
        return ""
    if shape[3] == 3 or (shape[3] in (1, 4) and shape[1] > 4):
        way = "transpose" if isinstance(images, np.ndarray) else "permute"
        return f": use images.{way}(0, 3, 1, 2)" if whole else ": put the channels of each image first"
    if shape[1] == 1:
        return f": repeat the channel of grey images, {'images[:, [0, 0, 0]]' if whole else 'image[[0, 0, 0]]'}"
    if shape[1] == 4:
        return f": leave out the channel beside red, green and blue, {'images[:, :3]' if whole else 'image[:3]'}"
    return ""


def _in_range(images: Tensor, preprocess: Callable[[Tensor], Tensor] | None) -> Tensor:
    """Images in [0, 1]: bytes are divided, and floats that nobody can have meant so are refused, not compared."""
    if images.dtype == torch.uint8:
        return to_float(images)
    if not images.is_floating_point():
        raise ValueError(f"images must be floats in [0, 1], or bytes (uint8); got {images.dtype}")
    if preprocess is normalise:  # another one may want other values
        low, high = images.min().item(), images.max().item()
        if high > 1.5 or low < -0.5:  # what resizing overshoots is no fault
            remedy = (
                "divide by 255" if high > 1.5 and low >= -0.5 else "if they are normalised already, preprocess=None"
            )
            raise ValueError(f"images must lie in [0, 1], and these lie between {low:.4g} and {high:.4g}: {remedy}")
    return images.float()


def _finite(features: Tensor) -> Tensor:
    if not torch.isfinite(features).all():
        raise ValueError("the network gave features that are not finite; were its weights trained to NaN?")
    return features


def shaped(features: Any, rows: int) -> Tensor:
    """What a network gave, if it is a feature for each image; values are not read.

    Args:
        features: what it gave.
        rows: how many images it was given.

    Returns:
        (rows, D), the same tensor.

    Raises:
        ValueError: if it is anything else, such as a tuple.
    """
    if not isinstance(features, Tensor) or features.ndim != 2 or len(features) != rows:
        got = tuple(features.shape) if hasattr(features, "shape") else type(features).__name__
        remedy = ": wrap it in an nn.Module whose forward gives the features alone, network(x)[0]"
        raise ValueError(
            f"an embedder turns (B, 3, H, W) into a (B, D) tensor; for {rows} images it gave {got}"
            f"{remedy if isinstance(features, tuple | list) else ''}"
        )
    return features


def fastest_precision(network: nn.Module, x: Tensor) -> Literal["float32", "bfloat16"]:
    """Time a network's forward pass in float32 and in bfloat16 here and now, and name the better.

    Processors with bfloat16 units run several times faster in it, others emulate it and run slower: nothing but a
    measurement tells. bfloat16 must also leave the features' directions where they are.

    Args:
        network: in evaluation mode.
        x: (B, 3, H, W) preprocessed images.

    Returns:
        'float32' or 'bfloat16'.

    Example:
        >>> import torch
        >>> from cosface_edu import networks
        >>> from cosface_edu.evaluation import fastest_precision
        >>> network = networks.small(size=(56, 48)).eval()
        >>> fastest_precision(network, torch.rand(2, 3, 56, 48)) in ("float32", "bfloat16")
        True
    """
    once = _timed(network, x[:1], torch.float32, runs=1)[0]
    try:
        once_cast = _timed(network, x[:1], torch.bfloat16, runs=1)[0]
    except RuntimeError:  # a quantised network's layers, or some of somebody's own, take float32 alone
        return "float32"
    if once_cast > HOPELESS * once:  # emulated: a longer look would cost more than it tells
        return "float32"
    seconds, features = {}, {}
    for dtype in (torch.float32, torch.bfloat16):
        seconds[dtype], features[dtype] = _timed(network, x, dtype, runs=4)
    agreement = F.cosine_similarity(features[torch.float32], features[torch.bfloat16]).min()
    better = seconds[torch.float32] > CLEARLY_FASTER * seconds[torch.bfloat16] and agreement > SAME_DIRECTION
    return "bfloat16" if better else "float32"


def _timed(network: nn.Module, x: Tensor, dtype: torch.dtype, runs: int) -> tuple[float, Tensor]:
    """Seconds of the fastest of several forward passes, and the features."""
    timings = []
    with torch.inference_mode(), torch.autocast(x.device.type, dtype, enabled=dtype != torch.float32):
        for _ in range(runs):
            _wait(x.device)
            start = time.perf_counter()
            features = network(x)
            _wait(x.device)
            timings.append(time.perf_counter() - start)
    return min(timings), shaped(features, len(x)).float()


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def cosine_scores(features: ArrayLike | Tensor, pairs: ArrayLike | Tensor) -> Tensor:
    """Cosine similarity of pairs of embeddings.

    Args:
        features: (N, D); half precision is computed with in float32.
        pairs: (n, 2) rows of the features.

    Returns:
        (n,) in [-1, 1].

    Raises:
        ValueError: if a pair is not two numbers of rows.

    Example:
        >>> import torch
        >>> from cosface_edu.evaluation import cosine_scores
        >>> features = torch.tensor([[3.0, 4.0], [6.0, 8.0], [4.0, -3.0]])
        >>> cosine_scores(features, torch.tensor([[0, 1], [0, 2]])).round(decimals=4)
        tensor([1., 0.])
    """
    given = as_tensor(features)
    unit = F.normalize(given if given.dtype == torch.float64 else given.float(), dim=1)
    rows = as_tensor(pairs if isinstance(pairs, Tensor) else np.asarray(pairs))  # a tuple of tensors too
    if rows.ndim != 2 or rows.shape[1] != 2:
        turned = "np.stack(pairs, axis=1)" if isinstance(pairs, tuple | list) else "pairs.T"
        remedy = f": give {turned}" if rows.ndim == 2 and len(rows) == 2 else ""
        raise ValueError(f"pairs must have shape (n, 2), a row for each pair, got {tuple(rows.shape)}{remedy}")
    first, second = check_rows("pairs", rows.to(unit.device), len(unit), "features").unbind(1)
    return (unit[first] * unit[second]).sum(1)  # (n, D) -> (n,)


def as_one(
    opened: Sequence[tuple[nn.Module, tuple[int, int]]], whole: tuple[int, int] = (112, 96)
) -> tuple[nn.Module, tuple[int, int]]:
    """One network, or several judged together by the mean of their cosines.

    Args:
        opened: networks, each with the (height, width) of its images.
        whole: of the crops that networks of different sizes cut theirs from, at least.

    Returns:
        What to evaluate, and the (height, width) of its images.

    Example:
        >>> from cosface_edu import networks
        >>> from cosface_edu.evaluation import as_one
        >>> one, other = (networks.small(size=(56, 48)).eval() for _ in range(2))
        >>> network, size = as_one([(one, (56, 48)), (other, (56, 48))])
        >>> type(network).__name__, size
        ('Ensemble', (56, 48))
    """
    networks, sizes = [network for network, _ in opened], [size for _, size in opened]
    if len(networks) == 1:
        return networks[0], sizes[0]
    if len(set(sizes)) == 1:
        return Ensemble(networks), sizes[0]
    # each takes what it needs from whole crops, or a picture made small for one would be enlarged for another
    largest = max(whole[0], *(height for height, _ in sizes)), max(whole[1], *(width for _, width in sizes))
    return Ensemble(networks, sizes), largest


def load_embedder(spec: str) -> Embedder:
    """Find other people's embedder: any callable from (B, 3, H, W) float RGB in [0, 1] to (B, D).

    Args:
        spec: 'module:function'; the module may lie in the current folder.

    Returns:
        The function.

    Raises:
        ValueError: if there is no such module or function, or it cannot be called.

    Example:
        >>> from pathlib import Path
        >>> from cosface_edu.evaluation import load_embedder
        >>> _ = Path("my_rows.py").write_text("def embedder(images):\\n    return images.mean(3).flatten(1)\\n")
        >>> load_embedder("my_rows:embedder").__name__
        'embedder'
        >>> load_embedder("my_rows:nothing")
        Traceback (most recent call last):
            ...
        ValueError: my_rows:nothing: my_rows has no function nothing
    """
    module, _, function = spec.partition(":")
    if not module or not function:
        raise ValueError(f"an embedder is named module:function, got {spec!r}")
    embedder = named.find(module, function)
    if not callable(embedder):
        raise ValueError(f"{spec}: {module} has no function {function}")
    return embedder
