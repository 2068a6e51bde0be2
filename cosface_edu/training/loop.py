"""Training, from top to bottom: one function, one loop.

The same lines run on a laptop's processor, on one GPU and under torchrun on many. Shapes: b images a process and
micro-batch, B = `config.batch` images a step, D numbers an embedding, C classes.
"""

import math
import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.tensorboard import SummaryWriter

from cosface_edu import losses
from cosface_edu.data import Faces
from cosface_edu.networks import load_weights, parameter_groups

from . import checkpoint, distributed
from .batches import Part, hold_out, mix, open_faces
from .config import Config
from .diagnose import diverged
from .feed import feed, resident
from .validation import HeldOut


@dataclass
class Run:
    """What a run leaves in memory.

    Attributes:
        network: trained, in evaluation mode.
        head: with this process's class centres.
        history: of every logged step: step, loss, accuracy (without the margin), lr.
        validation: of every validation: step, accuracy and its standard error on held-out people.
        seconds: time spent in the loop, before it was resumed too.
    """

    network: nn.Module
    head: losses.Head
    history: list[dict[str, float]] = field(default_factory=list)
    validation: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0


def train(
    config: Config,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    faces: Faces | None = None,
    say: Callable[[str], None] = print,
) -> Run:
    """Train a network with a large-margin loss.

    Args:
        config: everything that decides the run.
        out: folder for checkpoints (`last.pt`, `best.pt`) and TensorBoard; None keeps the run in memory.
        resume: continue from `out/last.pt` if it is there. The weights then become bit for bit those of an unbroken
            run (on a CPU with the same number of threads, and on GPUs as far as their kernels are deterministic).
        faces: data set to use instead of opening `config.data`.
        say: takes a line of progress.

    Raises:
        FileExistsError: `out` holds a run already and `resume` is not set.
        ValueError: the configuration does not fit the data, the processes, or the run that is resumed.
        TrainingDiverged: the loss is not a finite number.
        CheckpointError: the last checkpoint could not be written.
    """
    # --- where: processes and devices
    rank, world, device = distributed.start(config.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    parts = accumulation(config, world)
    if rank > 0:
        say = _silent
    last = Path(out) / "last.pt" if out is not None else None
    if last is not None and last.exists() and not resume:
        raise FileExistsError(f"{last}: there is a run in this folder; continue it with --resume or choose another")

    # --- what: faces to train on, and people set aside to validate on
    faces = faces if faces is not None else open_faces(config, device)
    people, others = hold_out(faces.labels, config.held_out)  # (C,), (held_out,)
    training = Part(faces, people)
    readers = 0 if resident(training) else config.workers  # what lies in a GPU's memory cannot go to other processes
    held_out = HeldOut(faces, others, config.held_out_pairs) if config.held_out else None

    # --- the network, the class centres, and what changes them
    torch.manual_seed(config.seed)  # the same start weights on every process
    network = checkpoint.build_network(config)
    head = create_head(config, training.num_classes)
    if config.init:
        load_weights(network, checkpoint.load(config.init)["network"], config.init)
    layout = torch.channels_last if config.channels_last else torch.contiguous_format
    network = network.to(device=device).to(memory_format=layout)  # type: ignore[call-overload]
    centres = distributed.Centres(head, config.centre_rate, config.seed, rank, world).to(device)
    head = centres.head
    schedules = head_schedules(config, head)
    decay = config.weight_decay
    groups = parameter_groups(network, lr=1.0, weight_decay=decay)  # rates as multiples of the schedule's
    groups.append({"params": list(head.parameters()), "lr": 1.0, "weight_decay": decay})
    multiples = [group["lr"] for group in groups]
    # fused, it can be told on the GPU itself to leave the weights alone, see `bad` below
    fused = device.type == "cuda" and config.precision != "fp16"
    optimiser = torch.optim.SGD(groups, lr=1.0, momentum=config.momentum, fused=fused)
    scaler = distributed.gradient_scaler(device, enabled=config.precision == "fp16", world=world)

    # --- continue where a run stopped
    run, start, best, earlier = Run(network, head), 0, 0.0, 0.0
    if last is not None and resume and last.exists():
        state = checkpoint.load(last)
        if differences := config.differences(Config.from_dict(state["config"])):
            raise ValueError(f"{last} is a different run: {'; '.join(differences)}")
        start, best = state["step"], state["best"]
        earlier = state.get("seconds", 0.0)  # checkpoints of an earlier version do not say
        load_weights(network, state["network"], str(last))
        centres.load(state["head"])
        optimiser.load_state_dict(centres.own_optimiser(state["optimiser"]))
        scaler.load_state_dict(state["scaler"])
        for schedule, saved in zip(schedules, state["schedules"], strict=True):
            schedule.load_state_dict(saved)
        say(f"resumed {last} at step {start}")

    # --- faster or wider versions of the same network; `network` itself keeps the weights
    model: nn.Module = torch.compile(network) if config.compile else network  # type: ignore[assignment]
    if world > 1:
        model = DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(config.precision)
    autocast = torch.autocast(device.type, dtype=half, enabled=half is not None)
    log = SummaryWriter(str(out), purge_step=start) if out is not None and rank == 0 else None
    say(
        f"{len(training):,} images of {training.num_classes:,} people, {config.network} and {config.loss} on {device}"
        f" × {world}, {parts} micro-batch(es) of {config.batch // world // parts} a step"
    )

    # --- the loop
    model.train()
    began = since = time.perf_counter()
    logged = start
    batches = feed(training, config, device, start, rank, world, parts)
    # A number on a GPU is known to the processor only after waiting for it: the first step whose loss is not finite is
    # noted there, and asked for where one waits anyhow. From that step on the weights stay as they are.
    waits = device.type == "cpu" or not fused  # fp16's scaler waits in every step
    bad = torch.full((), -1, device=device)
    for step in range(start, config.steps):
        rate = config.learning_rate(step)
        for group, multiple in zip(optimiser.param_groups, multiples, strict=True):
            group["lr"] = rate * multiple
        torch.manual_seed(mix(config.seed, 3, step, rank))  # dropout too is a function of the step
        total = torch.zeros((), device=device)
        for part in range(parts):
            images, labels = next(batches)  # (b, 3, H, W) normalised, (b,)
            # gradients are averaged over the processes once a step, with the last micro-batch
            waiting = part < parts - 1 and isinstance(model, DistributedDataParallel)
            with model.no_sync() if waiting else nullcontext(), centres.parallel():  # type: ignore[operator]
                with autocast:
                    features = model(images)  # (b, D)
                if waits and not torch.isfinite(features).all():
                    raise diverged(config, step, math.nan, last, images, features, network, head)
                loss = centres(features.float(), labels, step * parts + part) / parts  # mean over world·b samples
                scaler.scale(loss).backward()
            total += loss.detach()
        done = step + 1
        bad = torch.where((bad < 0) & ~torch.isfinite(total), step, bad)  # the same on every process: all of them stop
        optimiser.found_inf = (bad >= 0).float() if fused else None  # type: ignore[attr-defined]
        looked = done == config.steps or any(
            done % every == 0 for every in (config.log_every, config.validate_every, config.save_every)
        )
        if (waits or looked) and (failed := int(bad)) >= 0:
            if failed < step:  # its batch follows from the seed and the step
                images, labels = next(feed(training, config, device, failed, rank, world, parts))
                torch.manual_seed(mix(config.seed, 3, failed, rank))
                with torch.no_grad(), autocast:
                    features = network(images)
            loss_then = math.nan if failed < step else float(total)
            raise diverged(config, failed, loss_then, last, images, features, network, head)
        if config.clip is not None:
            scaler.unscale_(optimiser)
            centres.clip_(network, config.clip)
        scaler.step(optimiser)
        scaler.update()
        optimiser.zero_grad(set_to_none=True)
        for schedule in schedules:
            schedule.step()

        # --- after the step: log, validate, save
        if done % config.log_every == 0 or done == config.steps:
            accuracy = float(centres.accuracy(features.detach().float(), labels))
            now = time.perf_counter()
            speed = config.batch * (done - logged) / (now - since)
            since, logged = now, done
            run.history.append({"step": done, "loss": float(total), "accuracy": accuracy, "lr": rate, "speed": speed})
            say(f"step {done:,}: loss {total:.4f}, accuracy {accuracy:.3f}, lr {rate:.4g}, {speed:,.0f} images/s")
            if log:
                for name, value in (("loss", float(total)), ("accuracy", accuracy), ("lr", rate), ("speed", speed)):
                    log.add_scalar(f"train/{name}", value, done)
        improved = False
        if held_out and (done % config.validate_every == 0 or done == config.steps):
            found = held_out.verify(network, workers=readers) if rank == 0 else None
            # one process's verdict for all: whether to save must not depend on the last digit
            accuracy, error = distributed.agree((found.accuracy, found.standard_error) if found else None, device)
            improved, best = accuracy > best, max(best, accuracy)
            run.validation.append({"step": done, "accuracy": accuracy, "standard_error": error})
            say(f"step {done:,}: {accuracy:.4f} ± {error:.4f} on pairs of {len(others)} held-out people")
            if log:
                log.add_scalar("validation/accuracy", accuracy, done)
        if last is not None and (improved or done % config.save_every == 0 or done == config.steps):
            state = {
                "step": done,
                "config": config.to_dict(),
                "best": best,
                "seconds": earlier + time.perf_counter() - began,
                "network": network.state_dict(),
                "head": centres.state(),
                "optimiser": centres.whole_optimiser(optimiser.state_dict()),
                "scaler": scaler.state_dict(),
                "schedules": [schedule.state_dict() for schedule in schedules],
            }
            if rank == 0:
                last.parent.mkdir(parents=True, exist_ok=True)
                try:
                    if improved:
                        checkpoint.save(last.with_name("best.pt"), state)
                    checkpoint.save(last, state)
                except checkpoint.CheckpointError as error:
                    if done == config.steps:
                        raise
                    say(f"step {done:,}: {error}; training goes on")  # hours of work are worth more than one save
    if log:
        log.close()
    run.seconds = earlier + time.perf_counter() - began
    network.eval()
    return run


def accumulation(config: Config, world: int) -> int:
    """Micro-batches a step: as few equal ones as hold no more than `micro_batch` images on one process.

    Raises:
        ValueError: if the batch cannot be shared out evenly.
    """
    if config.batch % world:
        raise ValueError(f"batch={config.batch} cannot be shared evenly by {world} processes")
    share = config.batch // world
    fewest = -(-share // (config.micro_batch or share))
    return next(parts for parts in range(fewest, share + 1) if share % parts == 0)


def create_head(config: Config, num_classes: int) -> losses.Head:
    """The head that a configuration names; A-Softmax comes with SphereFace's annealing, as it was trained."""
    annealing = {"annealing": losses.LambdaAnnealing()} if config.loss == "asoftmax" else {}
    options = {**annealing, **config.loss_options}
    head = losses.create(config.loss, in_features=config.embedding, num_classes=num_classes, **options)
    if not isinstance(head, losses.Head):
        raise ValueError(f"the loss {config.loss} needs more than embeddings and labels: this loop cannot train it")
    return head


def head_schedules(config: Config, head: losses.Head) -> list[Any]:
    """What changes the loss while it trains: a growing margin, A-Softmax's λ."""
    schedules: list[Any] = []
    if config.margin_warm_up:
        if not hasattr(head, "m"):
            raise ValueError(f"margin_warm_up is set, but the loss {config.loss} has no margin m")
        none = 1.0 if isinstance(head, losses.ASoftmax) else 0.0  # a factor on the angle, or an addend
        schedules.append(losses.MarginWarmUp(head, config.margin_warm_up, none))
    if isinstance(head, losses.ASoftmax) and head.annealing is not None:
        schedules.append(head.annealing)
    return schedules


def _silent(line: str) -> None:
    """Only the first process speaks."""
