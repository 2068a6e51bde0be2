"""All that a run consists of while it trains: what a checkpoint holds, and what a continued run starts from."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cosface_edu import losses
from cosface_edu.networks import load_weights

from . import checkpoint
from .config import Config
from .distributed import Centres


@dataclass
class Run:
    """What a run leaves in memory.

    Attributes:
        network: trained, in evaluation mode.
        head: with this process's class centres, in evaluation mode.
        history: of every step logged since the run was begun or resumed: step, loss, accuracy (without the margin), lr,
            speed.
        validation: of every validation since then: step, accuracy and its standard error on held-out people.
        seconds: time spent in the loop, before it was resumed too.
    """

    network: nn.Module
    head: losses.Head
    history: list[dict[str, float]] = field(default_factory=list)
    validation: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class State:
    """A run between two steps.

    Attributes:
        network: being trained.
        centres: with the head.
        optimiser: of both.
        multiples: of the schedule's learning rate, one for each of the optimiser's groups.
        scaler: of gradients, for fp16.
        schedules: of the head: a growing margin, a falling λ.
        step: how many are done.
        best: highest accuracy of the validations.
        seconds: spent in the loop before it was resumed.
        images: that are trained on.
    """

    network: nn.Module
    centres: Centres
    optimiser: torch.optim.Optimizer
    multiples: list[float]
    scaler: torch.amp.GradScaler
    schedules: list[Any]
    step: int = 0
    best: float = 0.0
    seconds: float = 0.0
    images: int = 0

    def restore(self, path: Path, config: Config) -> int:
        """Continue where a checkpoint was written.

        Returns:
            How many processes wrote it.

        Raises:
            CheckpointError: it is no checkpoint of a run, or damaged.
            ValueError: it is of a run with another configuration, or on other data.
        """
        kept = checkpoint.load(path)
        with checkpoint.fields_of(path):
            before, step = Config.from_dict(kept["config"]), int(kept["step"])
            differences = config.differences(before, step)
        if differences:
            way_out = "give the same values, or another folder"
            if config.steps < step:
                way_out = f"{step:,} steps are done already"
            elif config.steps != before.steps:
                way_out = (
                    "a run can go on for longer where the rate of the steps done does not depend on how many there are,"
                    f" as with schedule=steps; from its weights another can start, with init={path.parent} and another"
                    " folder"
                )
            raise ValueError(f"{path} is a different run: {'; '.join(differences)}; {way_out}")
        with checkpoint.fields_of(path):
            weights, best = kept["network"], float(kept["best"])
            # checkpoints of an earlier version do not say the rest
            data = {name: int(kept.get("data", self.data)[name]) for name in self.data}
            seconds, processes = float(kept.get("seconds", 0.0)), int(kept.get("processes", self.centres.world))
        if data != self.data:
            there, here = (f"{own['images']:,} images of {own['people']:,} people" for own in (data, self.data))
            raise ValueError(
                f"{path} is a run on {there}, and here are {here}: it goes on with the same data; from its weights "
                f"another can start, with init={path.parent} and another folder"
            )
        self.step, self.best, self.seconds = step, best, seconds
        load_weights(self.network, weights, str(path))
        with checkpoint.fields_of(path):
            self.centres.load(kept["head"])
            self.optimiser.load_state_dict(self.centres.own_optimiser(kept["optimiser"]))
            self.scaler.load_state_dict(kept["scaler"])
            for schedule, saved in zip(self.schedules, kept["schedules"], strict=True):
                schedule.load_state_dict(saved)
        for group in self.optimiser.param_groups:  # as this device wants it, not as that did on which the run began
            group["fused"] = self.optimiser.defaults["fused"]
        return processes

    @property
    def data(self) -> dict[str, int]:
        """By what a run knows its data again."""
        return {"people": self.centres.num_classes, "images": self.images}

    def to_dict(self, config: Config, seconds: float) -> dict[str, Any]:
        """What a checkpoint holds; every process takes part in gathering the centres.

        Args:
            config: of the run.
            seconds: spent in the loop so far.
        """
        return {
            "step": self.step,
            "config": config.to_dict(),
            "data": self.data,
            "processes": self.centres.world,
            "best": self.best,
            "seconds": seconds,
            "network": self.network.state_dict(),
            "head": self.centres.state(),
            "optimiser": self.centres.whole_optimiser(self.optimiser.state_dict()),
            "scaler": self.scaler.state_dict(),
            "schedules": [schedule.state_dict() for schedule in self.schedules],
        }
