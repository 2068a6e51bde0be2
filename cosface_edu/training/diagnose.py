"""When the loss stops being a number: where it happened, what is left, and what to look at first."""

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from cosface_edu import geometry, losses

from .config import Config


class TrainingDiverged(RuntimeError):
    """The loss is not a finite number, and no weight was changed by this step; or the weights after it are not.

    Attributes:
        step: the step that failed, counted from 0.
        checkpoint: the last good checkpoint, or None.
        cause: the likely cause.
        loss: what it was.
    """

    def __init__(self, step: int, loss: float, checkpoint: Path | None, cause: str) -> None:
        self.step, self.checkpoint, self.cause = step, checkpoint, cause
        kept = f"the last good checkpoint is {checkpoint}" if checkpoint else "no checkpoint had been written"
        what = f"the loss is {loss} at step {step}"
        if math.isfinite(loss):
            what = f"the weights are no longer finite numbers after step {step}, whose loss was {loss:.4g}"
        on = f". Other settings make another run: in a new folder, init={checkpoint} begins with its network"
        super().__init__(f"{what}; {kept}. Likely cause: {cause}{on if checkpoint else ''}")


class Watch:
    """Notices the first step whose loss is not finite, without waiting for a GPU in every step.

    A number on a GPU is known to the processor only after waiting for it: the step is noted there, and asked for where
    one waits anyhow. From that step on the weights stay as they are.

    Attributes:
        waits: whether every step's loss is looked at at once.

    Args:
        config: of the run.
        optimiser: a fused one is told to leave the weights alone.
        device: of the loss.
    """

    def __init__(self, config: Config, optimiser: torch.optim.Optimizer, device: torch.device) -> None:
        self.config, self.optimiser = config, optimiser
        self.fused = bool(optimiser.defaults["fused"])
        self.waits = device.type == "cpu" or not self.fused  # fp16's scaler waits in every step
        self.first = torch.full((), -1, device=device)

    def failed(self, step: int, loss: Tensor) -> int | None:
        """The first step whose loss was not finite, if there was one and it is time to ask.

        Args:
            step: whose gradient is there, not yet followed.
            loss: its loss, the same on every process: all of them stop.
        """
        self.first = torch.where((self.first < 0) & ~torch.isfinite(loss), step, self.first)
        self.optimiser.found_inf = (self.first >= 0).float() if self.fused else None  # type: ignore[attr-defined]
        every = (self.config.log_every, self.config.validate_every, self.config.save_every)
        if self.waits or any(self.config.due(steps, step + 1) for steps in every):
            first = int(self.first)
            return first if first >= 0 else None
        return None


def finite(*modules: nn.Module) -> bool:
    """Whether all weights and statistics are finite numbers; waits for the device once."""
    kept = [tensor for module in modules for tensor in module.state_dict().values() if tensor.is_floating_point()]
    return bool(torch.stack([torch.isfinite(tensor).all() for tensor in kept]).all())


def idle(network: nn.Module) -> str | None:
    """What to say of weights that are to train and that the features do not depend on.

    Args:
        network: after the first step's gradient.

    Returns:
        A line that names some of them, or None.
    """
    names = [name for name, weight in network.named_parameters() if weight.requires_grad and weight.grad is None]
    if not names:
        return None
    some = f"{', '.join(names[:3])}{', …' if len(names) > 3 else ''}"
    return f"no gradient reaches {len(names)} of the network's weights ({some}): its features do not depend on them"


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
    s, zero = getattr(head, "s", None), torch.zeros((), dtype=torch.float64, device="cpu")
    behind = float(head.rule.others(zero) - head.rule.target(zero))  # the target logit's, at a right angle to all
    if s is not None and behind > 0 and type(head).criterion is losses.Head.criterion:
        return (
            f"the loss overflows though weights and embeddings are finite: s={s:g} and {head.rule} start it near "
            f"{geometry.start_loss(head.num_classes, s, behind):.1f}; lower s, or let the margin grow (margin_warm_up)"
        )
    return f"the logits overflow though weights and embeddings are finite: lower lr ({rate:g}) or clip the gradient"
