"""A network with the way in which its features are made: what every protocol needs."""

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Subset
from tqdm import tqdm

from cosface_edu.data import normalise
from cosface_edu.data.crops import warn_of_photographs

from .embedding import Embedder, Flip, Precision, choose_precision, device_of, embed

STREAMED = 8192  # images embedded at a time where their features are not all kept


class Measured:
    """A network, and how images become features and features a report.

    Args:
        network: a network, or any callable from (B, 3, H, W) to (B, D).
        flip: what to do with mirror images, see `embed`.
        preprocess: None for a callable that takes images in [0, 1], see `embed`.
        batch: images at a time.
        workers: processes that read images.
        precision: see `embed`; `auto` is decided on the first images.
        progress: whether to show a bar.

    Example:
        >>> from cosface_edu.evaluation import Measured
        >>> network = lambda images: images.mean(3).flatten(1)  # no more than the rows' mean colours
        >>> measured = Measured(network, flip="none")
        >>> measured.flip
        'none'
    """

    def __init__(
        self,
        network: Embedder,
        *,
        flip: Flip = "concat",
        preprocess: Any = normalise,
        batch: int = 64,
        workers: int = 0,
        precision: Precision = "auto",
        progress: bool = False,
    ) -> None:
        self.network, self.flip, self.preprocess, self.precision = network, flip, preprocess, precision
        self.progress, self.options = progress, {"batch": batch, "workers": workers}
        self.images, self.seconds, self.dimension = 0, 0.0, 0

    def features(self, images: Any, progress: bool | None = None) -> Tensor:
        """(N, D) of a data set. Warns where its pictures look like photographs and not like crops."""
        warn_of_photographs(images)
        if self.precision == "auto":
            self.precision = choose_precision(self.network, images, self.preprocess)
        began = time.perf_counter()
        found = embed(
            self.network,
            images,
            self.flip,
            preprocess=self.preprocess,
            precision=self.precision,
            progress=self.progress if progress is None else progress,
            **self.options,
        )
        self.seconds += time.perf_counter() - began
        self.images, self.dimension = self.images + len(found), found.shape[1]
        return found

    def stream(self, images: Any) -> Iterator[Tensor]:
        """The same in blocks, only one of them in memory: for a million distractors."""
        parts = torch.arange(len(images)).split(STREAMED)
        for part in tqdm(parts, disable=not self.progress, unit="block"):
            yield self.features(Subset(images, part.tolist()), progress=False)

    def described(self) -> dict[str, Any]:
        """What was measured and how, for a report."""
        recipe, function = getattr(self.network, "recipe", {}), getattr(self.network, "__name__", None)
        return {
            "name": recipe.get("name") or function or type(self.network).__name__,
            "dimension": self.dimension,
            "flip": self.flip,
            "precision": self.precision,
            "device": str(device_of(self.network)) if isinstance(self.network, torch.nn.Module) else "unknown",
            "images_per_second": self.images / self.seconds,
        }
