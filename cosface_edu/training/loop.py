"""Training, from top to bottom: one function, one loop.

The same lines run on a laptop's processor, on one GPU and under torchrun on many. Shapes: b images a process and
micro-batch, B = `config.batch` images a step, D numbers an embedding, C classes.
"""

import math
import os
import zlib
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from cosface_edu import losses
from cosface_edu.data import Faces, photographs
from cosface_edu.data.dataset import first_image_fits, people_of
from cosface_edu.devices import device_named
from cosface_edu.evaluation.embedding import shaped
from cosface_edu.files import folder_to_write
from cosface_edu.networks import load_weights, parameter_groups

from . import checkpoint, distributed
from .batches import Part, hold_out, mix, open_faces
from .config import Config
from .diagnose import Watch, diverged, finite, idle
from .feed import feed, resident
from .journal import Journal, tell
from .state import Run, State
from .stopping import Stopping
from .validation import HeldOut


def train(
    config: Config,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    faces: Faces | None = None,
    say: Callable[[str], None] = tell,
) -> Run:
    """Train a network with a large-margin loss.

    Args:
        config: everything that decides the run.
        out: folder for checkpoints (`last.pt`, `best.pt`) and TensorBoard; None keeps the run in memory.
        resume: continue from `out/last.pt` if it is there. The weights then become bit for bit those of an unbroken
            run (on a CPU with the same number of threads, and on GPUs as far as their kernels are deterministic).
        faces: data set to use instead of opening `config.data`; a torchvision one serves if its images are tensors.
        say: takes a line of progress; by default it is printed.

    Raises:
        FileExistsError: `out` holds a run already and `resume` is not set.
        TypeError: `faces` has no labels, or its images are no float tensors.
        ValueError: the configuration does not fit the data, the processes, or the run that is resumed; or, of several
            processes, weights of the network take no part.
        TrainingDiverged: the loss is not a finite number.
        CheckpointError: the last checkpoint could not be written.
        SystemExit, KeyboardInterrupt: SIGTERM or Ctrl-C asked the run to stop; where `out` is given, the step that it
            was at is done and saved first. (On a GPU, and of several processes: the next one logged or validated.)
    """
    # --- where: processes and devices
    chosen = device_named(config.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    rank, world, device = distributed.start(str(chosen))
    parts = accumulation(config, world)
    say = say if rank == 0 else _silent
    last = Path(out) / "last.pt" if out is not None else None
    if last is not None and last.exists() and not resume:
        raise FileExistsError(f"{last}: there is a run in this folder; continue it with --resume or choose another")
    if out is not None:
        folder_to_write(out)

    # --- what: faces to train on, and people set aside to validate on
    if faces is None:
        faces = open_faces(config, device)
    else:
        first_image_fits(faces, config.size)
    for line in getattr(faces, "left_out", ()):
        say(f"left out: {line}")
    if (doubt := photographs(faces)) is not None:
        say(f"warning: {doubt}")
    people, others = hold_out(people_of(faces), config.held_out)  # (C,), (held_out,)
    training = Part(faces, people)
    readers = 0 if resident(training) else config.workers  # what lies in a GPU's memory cannot go to other processes
    held_out = HeldOut(faces, others, config.held_out_pairs, readers) if config.held_out else None

    # --- the network, the class centres and what changes them: new, or as they were where a run stopped
    stopped = last if last is not None and last.exists() else None
    state = begin(config if stopped is None else config.replace(init=None), training.num_classes, device, rank, world)
    state.images = len(training)
    if stopped is not None:
        before = state.restore(stopped, config)
        say(f"resumed {stopped} at step {state.step}")
        if before != world:
            say(f"{world} process(es), not {before}: the same batches, but other dropout and sampled centres")
    whose = zlib.crc32(training.labels.cpu().numpy().tobytes())
    distributed.alike({"first step": state.step, "number of images": len(training), "order of people": whose})
    network, centres, optimiser, scaler = state.network, state.centres, state.optimiser, state.scaler

    # --- faster or wider versions of the same network; `network` itself keeps the weights
    model: nn.Module = torch.compile(network) if config.compile else network  # type: ignore[assignment]
    if world > 1 and any(weight.requires_grad for weight in network.parameters()):
        model = DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(config.precision)
    autocast = torch.autocast(device.type, dtype=half, enabled=half is not None)
    say(
        f"{len(training):,} images of {training.num_classes:,} people, {config.network} and {config.loss} on {device}"
        f" × {world}, {parts} micro-batch(es) of {config.batch // world // parts} a step"
    )
    for seen in narrowed(config, network, centres.head, world, parts):
        say(f"{seen} {config.batch // world // parts} images at a time: not the gradient of {config.batch} at once")

    # --- the loop
    model.train()
    watch = Watch(config, optimiser, device)
    with (
        Journal(config, state, out, held_out, rank, device, say) as journal,
        Stopping(journal, whole=world * parts == 1) as stopping,
        # closed, whoever keeps an error's traceback does not keep the processes that read
        closing(stopping.reading(feed(training, config, device, state.step, rank, world, parts))) as batches,
    ):
        begun = state.step
        for step in range(begun, config.steps):
            rate = config.learning_rate(step)
            for group, multiple in zip(optimiser.param_groups, state.multiples, strict=True):
                group["lr"] = rate * multiple
            torch.manual_seed(mix(config.seed, 3, step, rank))  # dropout too is a function of the step
            total = torch.zeros((), device=device)
            for part in range(parts):
                images, labels = next(batches)  # (b, 3, H, W) normalised, (b,)
                # gradients are averaged over the processes once a step, with the last micro-batch
                waiting = part < parts - 1 and isinstance(model, DistributedDataParallel)
                with model.no_sync() if waiting else nullcontext(), centres.parallel():  # type: ignore[operator]
                    with autocast:
                        features = shaped(model(images), len(images))  # (b, D)
                    if watch.waits and not torch.isfinite(features).all():
                        raise diverged(config, step, math.nan, last, images, features, network, centres.head)
                    loss = centres(features.float(), labels, step * parts + part) / parts  # mean over world·b samples
                    scaler.scale(loss).backward()
                total += loss.detach()
            if step == begun and (line := idle(network)) is not None:
                if isinstance(model, DistributedDataParallel):  # it waits for each gradient
                    raise ValueError(f"{line}; with several processes leave them out, or freeze them")
                say(f"warning: {line}")
            failed = watch.failed(step, total)
            if failed is not None:
                if failed < step:  # its batch follows from the seed and the step
                    images, labels = next(feed(training, config, device, failed, rank, world, parts))
                    torch.manual_seed(mix(config.seed, 3, failed, rank))
                    with torch.no_grad(), autocast:
                        features = network(images)
                loss_then = math.nan if failed < step else float(total)
                raise diverged(config, failed, loss_then, last, images, features, network, centres.head)
            if config.clip is not None:
                scaler.unscale_(optimiser)
                centres.clip_(network, config.clip)
            scaler.step(optimiser)
            scaler.update()
            optimiser.zero_grad(set_to_none=True)
            for schedule in state.schedules:
                schedule.step()

            # --- after the step: log, validate, save
            state.step = step + 1
            logged, last_one = config.due(config.log_every, state.step), state.step == config.steps
            if logged:
                journal.log(float(total), float(centres.accuracy(features.detach().float(), labels)), rate)
            asks = logged or (world == 1 and watch.waits)  # elsewhere nobody has looked at this step's loss
            stops = asks and not last_one and stopping.asked(device)
            saves = stops or config.due(config.save_every, state.step)
            looks = saves or config.due(config.validate_every, state.step)
            if looks and distributed.anywhere(not finite(network, centres), device):  # a good loss, a bad gradient
                raise diverged(config, step, float(total), last, images, features, network, centres.head)
            improved = False
            if config.due(config.validate_every, state.step):
                improved = journal.validate(stopping.asked_here)
                stops = stops or (not last_one and stopping.asked(device))  # it takes its time: asked meanwhile?
            if improved or saves or stops:
                journal.save(improved, ends=stops or last_one)
            if stops:
                raise stopping.end()
    return journal.done()


def begin(config: Config, num_classes: int, device: torch.device, rank: int, world: int) -> State:
    """The network, the class centres and what changes them, before the first step.

    Args:
        config: of the run.
        num_classes: C.
        device: that this process trains on.
        rank: this process.
        world: how many processes.
    """
    torch.manual_seed(config.seed)  # the same start weights on every process
    network = checkpoint.build_network(config)
    head = create_head(config, num_classes)
    if config.init:
        start, _ = checkpoint.open_network(config.init, own=[config.network])
        try:
            load_weights(network, start.state_dict(), config.init)
        except ValueError as error:
            recipe: Any = start.recipe
            raise ValueError(f"{error}; it holds {recipe['name']} with {recipe['options']}") from error
    layout = torch.channels_last if config.channels_last else torch.contiguous_format
    network = network.to(device=device).to(memory_format=layout)  # type: ignore[call-overload]
    centres = distributed.Centres(head, config.centre_rate, config.seed, rank, world).to(device)
    decay = config.weight_decay
    groups = parameter_groups(network, lr=1.0, weight_decay=decay)  # rates as multiples of the schedule's
    groups.append({"params": list(centres.head.parameters()), "lr": 1.0, "weight_decay": decay})
    # fused, it can be told on the GPU itself to leave the weights alone, see `diagnose.Watch`
    fused = device.type == "cuda" and config.precision != "fp16"
    return State(
        network=network,
        centres=centres,
        optimiser=torch.optim.SGD(groups, lr=1.0, momentum=config.momentum, fused=fused),
        multiples=[group["lr"] for group in groups],
        scaler=distributed.gradient_scaler(device, enabled=config.precision == "fp16", world=world),
        schedules=head_schedules(config, centres.head),
    )


def accumulation(config: Config, world: int) -> int:
    """Micro-batches a step: as few equal ones as hold no more than `micro_batch` images on one process.

    Raises:
        ValueError: if the batch cannot be shared out evenly, or in single images alone.
    """
    if config.batch % world:
        raise ValueError(f"batch={config.batch} cannot be shared evenly by {world} processes")
    share = config.batch // world
    fewest = -(-share // (config.micro_batch or share))
    parts = next(parts for parts in range(fewest, share + 1) if share % parts == 0)
    if parts == share and (config.micro_batch or 1) > 1 and share > 1:
        raise ValueError(
            f"micro_batch={config.micro_batch}: {share} images a process have no equal parts of 2 to "
            f"{config.micro_batch} images; choose batch so that micro_batch divides it"
        )
    return parts


def narrowed(config: Config, network: nn.Module, head: losses.Head, world: int, parts: int) -> list[str]:
    """What looks at the images of a batch together, and so finds another gradient where the batch is shared out.

    Args:
        config: of the run.
        network: that may normalise by the batch; DDP leaves each process its own statistics.
        head: that may; processes gather their embeddings, micro-batches cannot.
        world: how many processes.
        parts: micro-batches a step.
    """
    found = []
    batch_norm = nn.modules.batchnorm._BatchNorm
    if world * parts > 1 and any(isinstance(module, batch_norm) for module in network.modules()):
        found.append("batch normalisation sees")
    if parts > 1 and (type(head).observe is not losses.Head.observe or type(head).extra is not losses.Head.extra):
        found.append(f"the statistics of the loss {config.loss} are those of")
    if parts > 1 and config.centre_rate < 1:
        found.append("class centres are sampled for")
    return found


def create_head(config: Config, num_classes: int) -> losses.Head:
    """The head that a configuration names.

    One with a λ comes with SphereFace's annealing, as that was trained; its own numbers may be given by name,
    `annealing={"base": 100}`, and None stands for λ = 0.
    """
    options = dict(config.loss_options)
    try:
        if losses.card(config.loss).takes("annealing") and (schedule := options.get("annealing", {})) is not None:
            options["annealing"] = losses.LambdaAnnealing(**schedule)
        head = losses.create(config.loss, in_features=config.embedding, num_classes=num_classes, **options)
    except TypeError as error:
        raise ValueError(f"loss_options={config.loss_options} of {config.loss}: {error}") from error
    if not isinstance(head, losses.Head):
        raise ValueError(f"the loss {config.loss} has no class centres: this loop trains subclasses of losses.Head")
    return head


def head_schedules(config: Config, head: losses.Head) -> list[Any]:
    """What changes the loss while it trains: a growing margin, and what the head itself brings."""
    growing = []
    if config.margin_warm_up:
        if not hasattr(head, "m"):
            raise ValueError(f"margin_warm_up is set, but the loss {config.loss} has no margin m")
        growing = [losses.MarginWarmUp(head, config.margin_warm_up)]
    return [*growing, *head.schedules()]


def _silent(line: str) -> None:
    """Only the first process speaks."""
