"""When the loss stops being a number: where it happened, what is left, and what to look at first."""

from pathlib import Path

import torch
from torch import Tensor, nn

from cosface_edu import geometry, losses

from .config import Config


class TrainingDiverged(RuntimeError):
    """The loss is not a finite number; no weight was changed by this step.

    Attributes:
        step: the step that failed, counted from 0.
        checkpoint: the last good checkpoint, or None.
        cause: the likely cause.
    """

    def __init__(self, step: int, loss: float, checkpoint: Path | None, cause: str) -> None:
        self.step, self.checkpoint, self.cause = step, checkpoint, cause
        kept = f"the last good checkpoint is {checkpoint}" if checkpoint else "no checkpoint had been written"
        super().__init__(f"the loss is {loss} at step {step}; {kept}. Likely cause: {cause}")


def diverged(
    config: Config,
    step: int,
    loss: float,
    last: Path | None,
    images: Tensor,
    features: Tensor,
    network: nn.Module,
    head: losses.Head,
) -> TrainingDiverged:
    """The error to raise, with what the last micro-batch shows.

    Args:
        config: of the run.
        step: that failed.
        loss: its value.
        last: where the last checkpoint lies if there is one.
        images: (b, 3, H, W) normalised input.
        features: (b, D) what the network made of it.
        network: the network.
        head: with the class centres.
    """
    cause = likely_cause(config, step, images, features, network, head)
    return TrainingDiverged(step, loss, last if last is not None and last.exists() else None, cause)


def likely_cause(
    config: Config, step: int, images: Tensor, features: Tensor, network: nn.Module, head: losses.Head
) -> str:
    """The first of the usual suspects that the evidence points to, with the remedy.

    Args:
        config: of the run.
        step: that failed.
        images: (b, 3, H, W) normalised input of the last micro-batch.
        features: (b, D) what the network made of it.
        network: the network.
        head: with the class centres.
    """
    rate = config.learning_rate(step)
    if not torch.isfinite(images).all():
        return "the images themselves hold NaN or infinite values: look at the data set, not at the training"
    for name, parameter in [*network.named_parameters(), *head.named_parameters()]:
        if not torch.isfinite(parameter).all():
            return (
                f"the weights {name} are no longer finite, so an earlier step was too long: lower lr ({rate:g}), "
                "warm it up (lr_warm_up) or clip the gradient (clip)"
            )
    if not torch.isfinite(features).all():
        if config.precision == "fp16":
            return "the embeddings leave the range of fp16 (65,504): train with precision bf16 or fp32"
        return f"the network's activations overflow: lower lr ({rate:g}), or warm it up (lr_warm_up)"
    s, m = getattr(head, "s", None), getattr(head, "m", None)
    if s is not None and m is not None and isinstance(m, float | int):
        opening = geometry.start_loss(head.num_classes, s, m)
        return (
            f"the loss overflows though weights and embeddings are finite: s={s:g} and m={m:g} start it near "
            f"{opening:.1f}; lower s, or let the margin grow (margin_warm_up)"
        )
    return f"the logits overflow though weights and embeddings are finite: lower lr ({rate:g}) or clip the gradient"
