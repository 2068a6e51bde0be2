"""Many processes, one run: class centres split over them, a share of the centres a step, one gradient norm.

The network is the same on every process and its gradients are averaged by DDP. The class centres are not copied:
process r holds rows r·⌈C/W⌉ … of the (C, D) matrix, so that neither the matrix nor the (B, C) logits have to fit on
one GPU. A step then goes: gather the embeddings of all processes, score them against its own centres, put the margin
on the targets that are among them, and take the softmax over all shards.

PyTorch's `loss_parallel` computes that last cross entropy over logits sharded by class, and fits once three things
are arranged, which is what this module does:

- The margin belongs to the target logit alone and comes before the softmax. It needs no communication, because a
  target lives in exactly one shard: the head applies it there. A sample whose target lives elsewhere is pointed at a
  spare column, which is then closed with -inf.
- `loss_parallel` wants shards of equal width; C is rarely a multiple of W. The same spare columns pad all shards to
  the widest.
- DDP averages the network's gradients over W processes, while the loss here is already the mean over the whole
  batch: the gradients that leave the embeddings are multiplied by W.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from cosface_edu import losses
from cosface_edu.losses.partial import sample_classes, sample_size, sampled_loss

from .batches import mix

# Imports inside functions below: DTensor and FSDP take seconds to load, and one process needs neither.


def start(device: str) -> tuple[int, int, torch.device]:
    """Join the other processes if torchrun started this one.

    Args:
        device: 'cpu' or 'cuda'.

    Returns:
        (rank, number of processes, this process's device).
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return 0, 1, torch.device(device)
    own = torch.device(device)
    if own.type == "cuda":
        own = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(own)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if own.type == "cuda" else "gloo")
    return dist.get_rank(), world, own


def agree(values: tuple[float, float] | None, device: torch.device) -> tuple[float, float]:
    """The first process's two numbers on all processes; the others give None."""
    if dist.is_initialized():
        shared = torch.tensor(values or (0.0, 0.0), dtype=torch.float64, device=device)
        dist.broadcast(shared, src=0)
        values = (float(shared[0]), float(shared[1]))
    assert values is not None
    return float(values[0]), float(values[1])


def alike(own: dict[str, Any]) -> None:
    """Refuse processes that are not about to do the same: on several machines each reads files of its own.

    Args:
        own: what this process has found, by what it is called.

    Raises:
        ValueError: on all processes, with the first difference and which process has it.
    """
    if not dist.is_initialized():
        return
    everybody: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(everybody, own)
    for rank, theirs in enumerate(everybody):
        for name, value in theirs.items():
            if value != everybody[0][name]:
                raise ValueError(
                    f"process {rank} has another {name} than process 0 ({value}, not {everybody[0][name]}): the data "
                    "must be the same on all machines, and the run's folder one that all of them see"
                )


def anywhere(found: bool, device: torch.device) -> bool:
    """Whether something was found by this process or by any other."""
    if not dist.is_initialized():
        return found
    shared = torch.tensor(float(found), device=device)
    dist.all_reduce(shared, dist.ReduceOp.MAX)
    return bool(shared)


def gradient_scaler(device: torch.device, enabled: bool, world: int) -> torch.amp.GradScaler:
    """The loss scaler of fp16, which must skip a step on all processes if a gradient overflows on one.

    The network's gradients are the same everywhere, those of a shard of the centres are not: the sharded scaler
    shares the finding.
    """
    if world == 1:
        return torch.amp.GradScaler(device.type, enabled=enabled)
    from torch.distributed.fsdp.sharded_grad_scaler import ShardedGradScaler

    return ShardedGradScaler(device.type, enabled=enabled)


class Centres(nn.Module):
    """A head whose class centres may be split over processes and sampled (Partial FC, An et al., CVPR 2022).

    With sampling, a step scores all centres that are a target of the batch and random others up to the share
    `rate` (`losses.partial`). The centres left out get no gradient of the loss, while momentum and weight decay go on
    for them.

    Args:
        head: a full head with all C centres; it is cut down to this process's rows.
        rate: share of the centres in a step, in (0, 1].
        seed: of the sampling; a step's sample depends on (seed, step, rank) alone.
        rank: this process.
        world: how many processes.

    Raises:
        ValueError: if the head says that it cannot be computed on a part of the centres.
    """

    def __init__(self, head: losses.Head, rate: float = 1.0, seed: int = 0, rank: int = 0, world: int = 1) -> None:
        super().__init__()
        self.rate, self.seed, self.rank, self.world = rate, seed, rank, world
        alone = not head.splits or len(list(head.parameters())) > 1  # only the centres are shared out
        if (world > 1 and alone) or (rate < 1 and not head.samples):
            raise ValueError(
                f"{type(head).__name__} cannot be split over processes or sampled as asked ({world} processes,"
                f" centre_rate={rate:g}): it looks beyond a sample's own target or keeps more than a centre for each"
                " class, or has not declared that it does not (`splits`, `samples`). Train it with one process and"
                " centre_rate=1"
            )
        self.num_classes = head.num_classes
        self.rows = -(-self.num_classes // world)  # ⌈C/W⌉; the last shards may hold fewer, or none
        self.first = min(rank * self.rows, self.num_classes)
        self.count = min(self.rows, self.num_classes - self.first)
        if world > 1:
            head.weight = nn.Parameter(head.weight.detach()[self.first : self.first + self.count].clone())
        self.head = head
        self.mesh: Any = None

    def parallel(self) -> AbstractContextManager[Any]:
        """The context that a step's forward and backward run in."""
        if self.world == 1:
            return nullcontext()
        from torch.distributed.tensor.parallel import loss_parallel

        return loss_parallel()

    def forward(self, features: Tensor, labels: Tensor, step: int) -> Tensor:
        """Loss of the whole batch, the same number on every process.

        Args:
            features: this process's embeddings (b, D).
            labels: this process's labels (b,), of all C classes.
            step: which step, for the sampling.

        Returns:
            Scalar: the mean over the W·b samples of all processes.
        """
        if self.world == 1 and self.rate == 1:
            return self.head(features, labels)
        if self.world == 1:
            return sampled_loss(self.head, features, labels, self.rate, self._lot(step, labels.device))
        features, labels = self._gather(features), self._gather_plain(labels)  # (B, D), (B,) with B = W·b
        self.head.check(features, labels)
        mine = (labels >= self.first) & (labels < self.first + self.count)  # (B,)
        chosen, column = self._choose(torch.where(mine, labels - self.first, -1), step)  # (n,) rows, (B,) or -1
        width = self._chosen(self.rows, len(labels)) + 1  # of every shard: the most rows anywhere, and a spare column
        spare = self.head.weight.new_zeros(width - len(chosen), features.shape[1])
        centres = torch.cat([self.head.weight[chosen], spare])  # (width, D)
        column = torch.where(mine, column, len(chosen))  # (B,) elsewhere: the spare column
        scores = self.head.scores(features, centres, labels, column)  # (B, width), with the margin
        closed = torch.arange(width, device=scores.device) >= len(chosen)
        scores = scores.masked_fill(closed, -torch.inf)
        from torch.distributed.tensor import DTensor, Shard

        owner = torch.div(labels, self.rows, rounding_mode="floor")  # (B,) the shard that the target lives in
        target = owner * width + torch.where(mine, column, 0)  # (B,) only the owner looks at the column
        sharded = DTensor.from_local(scores, self._mesh(scores.device), [Shard(1)], run_check=False)  # (B, W·width)
        loss = F.cross_entropy(sharded, target).to_local()  # type: ignore[attr-defined]
        extra = self.head.extra(features, labels)
        if extra is None:
            return loss
        own = extra / self.world  # every process computes the term of the whole batch, and gradients are summed
        return loss + own + (extra - own).detach()

    @torch.no_grad()
    def accuracy(self, features: Tensor, labels: Tensor) -> Tensor:
        """Share of samples whose own centre scores highest, without the margin, among all C centres."""
        features, labels = self._gather_plain(features), self._gather_plain(labels)  # (B, D), (B,)
        scores = self.head.logits(features)  # (B, count)
        mine = (labels >= self.first) & (labels < self.first + self.count)
        closed = scores.new_full((len(scores), 1), -torch.inf)
        column = torch.where(mine, labels - self.first, self.count)
        target = torch.cat([scores, closed], 1).gather(1, column[:, None])[:, 0]  # (B,) -inf where it lives elsewhere
        best = torch.cat([scores, closed], 1).amax(1)  # (B,)
        if self.world > 1:
            dist.all_reduce(target, dist.ReduceOp.MAX)
            dist.all_reduce(best, dist.ReduceOp.MAX)
        return (target >= best).float().mean()

    def state(self) -> dict[str, Any]:
        """The head's state dict with all C centres: what a checkpoint holds, whatever the number of processes."""
        return {
            name: self._whole(value) if name == "weight" else value for name, value in self.head.state_dict().items()
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take this process's part of what `state` wrote."""
        self.head.load_state_dict({n: self._own(value) if n == "weight" else value for n, value in state.items()})

    def whole_optimiser(self, state: dict[str, Any]) -> dict[str, Any]:
        """An optimiser's state dict with the momentum of all C centres; they are its last parameter."""
        return self._map_momentum(state, self._whole)

    def own_optimiser(self, state: dict[str, Any]) -> dict[str, Any]:
        """This process's part of what `whole_optimiser` returned."""
        return self._map_momentum(state, self._own)

    def _map_momentum(self, state: dict[str, Any], change: Callable[[Tensor], Tensor]) -> dict[str, Any]:
        index = state["param_groups"][-1]["params"][-1]
        momentum = state["state"].get(index, {}).get("momentum_buffer")
        if self.world == 1 or momentum is None:
            return state
        return {**state, "state": {**state["state"], index: {"momentum_buffer": change(momentum)}}}

    @torch.no_grad()
    def _whole(self, rows: Tensor) -> Tensor:
        """All C rows from every process's own."""
        if self.world == 1:
            return rows
        padded = rows.new_zeros(self.rows, rows.shape[1])
        padded[: self.count] = rows
        parts = [torch.empty_like(padded) for _ in range(self.world)]
        dist.all_gather(parts, padded)
        return torch.cat(parts)[: self.num_classes]

    def _own(self, whole: Tensor) -> Tensor:
        """This process's rows of all C; several a class belong to heads that are not split."""
        if self.world == 1:
            return whole
        return whole[self.first : self.first + self.count].clone()  # a view would keep all C alive

    def clip_(self, network: nn.Module, largest: float) -> Tensor:
        """Scale all gradients, the network's and every shard's, so that their norm together is at most `largest`."""
        of_network = [p.grad for p in network.parameters() if p.grad is not None]
        of_centres = [p.grad for p in self.parameters() if p.grad is not None]
        squared = torch.nn.utils.get_total_norm(of_centres).square()
        if self.world > 1:
            dist.all_reduce(squared)
        norm = (torch.nn.utils.get_total_norm(of_network).square() + squared).sqrt()
        torch.nn.utils.clip_grads_with_norm_([*network.parameters(), *self.parameters()], largest, norm)
        return norm

    def _choose(self, labels: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Rows of this shard that take part in a step (n,), and the labels' places among them (B,), -1 for none."""
        if self.rate == 1:
            return torch.arange(self.count, device=labels.device), labels
        return sample_classes(labels, self.count, self.rate, self._lot(step, labels.device))

    def _chosen(self, rows: int, batch: int) -> int:
        """How many of a shard's rows `_choose` chooses: known without asking the other processes."""
        return rows if self.rate == 1 else sample_size(rows, self.rate, batch)

    def _lot(self, step: int, device: torch.device) -> torch.Generator:
        """The source of a step's sample."""
        return torch.Generator(device).manual_seed(mix(self.seed, 4, step, self.rank))

    def _mesh(self, device: torch.device) -> Any:
        if self.mesh is None:
            from torch.distributed.device_mesh import init_device_mesh

            self.mesh = init_device_mesh(device.type, (self.world,))
        return self.mesh

    def _gather(self, features: Tensor) -> Tensor:
        """(b, D) of each process to (W·b, D) on all; backward hands every process the sum of all its gradients."""
        if self.world == 1:
            return features
        from torch.distributed.tensor import DTensor, Partial, Replicate, Shard

        if features.requires_grad:
            features.register_hook(lambda gradient: gradient * self.world)  # DDP will divide by W
        part = DTensor.from_local(features, self._mesh(features.device), [Shard(0)], run_check=False)
        return part.redistribute(placements=[Replicate()]).to_local(grad_placements=[Partial()])

    def _gather_plain(self, values: Tensor) -> Tensor:
        if self.world == 1:
            return values
        parts = [torch.empty_like(values) for _ in range(self.world)]
        dist.all_gather(parts, values.contiguous())
        return torch.cat(parts)


def finish() -> None:
    """Leave the other processes, if there are any."""
    if dist.is_initialized():
        dist.destroy_process_group()
