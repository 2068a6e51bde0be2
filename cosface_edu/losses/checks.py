"""A bad batch is answered with the argument's name, its value and what is allowed.

The values of a batch are not read on a GPU, where that would mean waiting for it in every step.
"""

import sys
import warnings

import torch
from torch import Tensor


def check_features(features: Tensor, in_features: int | None = None) -> None:
    """Embeddings must be a finite floating-point matrix (B, D) with B ≥ 1.

    Raises:
        ValueError: otherwise.
    """
    width = "D" if in_features is None else in_features
    if not isinstance(features, Tensor) or not features.is_floating_point():
        kind = features.dtype if isinstance(features, Tensor) else type(features).__name__
        remedy = ": if the network gives more than them, take network(x)[0]" if isinstance(features, tuple) else ""
        raise ValueError(f"features must be a floating-point tensor (B, {width}), got {kind}{remedy}")
    if features.dim() != 2 or len(features) == 0 or (in_features is not None and features.shape[1] != in_features):
        raise ValueError(f"features must have shape (B, {width}) with B ≥ 1, got {tuple(features.shape)}")
    if features.is_cuda:  # to look at values is to wait for the GPU, in every step; NaN shows in the loss
        return
    finite = torch.isfinite(features)
    if not finite.all():
        bad = (~finite).any(dim=1)
        row = int(bad.nonzero()[0])
        value = features[row][~finite[row]][0].item()
        raise ValueError(
            f"features must be finite, got {value} in sample {row} and bad values in {int(bad.sum())} of"
            f" {len(features)} samples: look for a learning rate that is too high or a division by zero before the head"
        )


def alike_in_length(features: Tensor) -> bool:
    """Whether several embeddings (B, D) all have length 1, which a network's own never have; not asked on a GPU."""
    if features.is_cuda:
        return False
    lengths = torch.linalg.vector_norm(features.detach().float(), dim=1)  # (B,)
    return len(lengths) > 1 and bool((lengths - 1).abs().max() < 1e-3)


def check_labels(labels: Tensor, batch: int, num_classes: int | None = None) -> None:
    """Labels must be int64 of shape (B,), each at least 0 and below the number of classes.

    Raises:
        ValueError: otherwise.
    """
    if not isinstance(labels, Tensor):
        kind = type(labels).__name__
        raise ValueError(f"labels must be an int64 tensor (B,), got {kind}: convert with torch.as_tensor(labels)")
    if labels.dim() == 2 and labels.shape[1] > 1:  # one-hot, or of mixed pictures
        raise ValueError(
            f"labels must be an int64 tensor (B,), one class for each sample, got {labels.dtype} of shape "
            f"{tuple(labels.shape)}: take labels.argmax(1) of one-hot rows; of pictures mixed from classes a and b the "
            "loss is lam * head(x, a) + (1 - lam) * head(x, b)"
        )
    if labels.shape != (batch,):
        raise ValueError(f"labels must have shape ({batch},), one for each sample, got {tuple(labels.shape)}")
    if labels.dtype != torch.int64:
        raise ValueError(f"labels must be an int64 tensor (B,), got {labels.dtype}: convert with labels.long()")
    if labels.is_cuda:  # see above; a label out of range stops in CUDA's own assertion
        return
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (num_classes is not None and high >= num_classes):
        upper = "" if num_classes is None else f" and {num_classes - 1}"
        bad = low if low < 0 else high
        raise ValueError(f"labels must lie between 0{upper}, got {bad}")


def warn_caller(message: str) -> None:
    """Warn at the line that called the loss, through however many of PyTorch's and of this room's own functions."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith((f"{__package__}.", "torch.")):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)


def transformed() -> bool:
    """Whether `torch.func` is at work, whose stand-ins for tensors have no values to read."""
    return not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active()


def watched() -> bool:
    """Whether tensors are stand-ins, the compiler's or those of `torch.func`."""
    return torch.compiler.is_compiling() or transformed()
