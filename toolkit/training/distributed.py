"""A training by several processes, on one machine or many; torchrun starts them.

::

    torchrun --nproc-per-node 2 -m toolkit train photos/ --recipe edge --out runs/first

Each process learns from its share of every batch. Gradients are added up, each weighted by its
share, before the weights move: so all processes hold the same weights, and two of them learn what
one would from the same batch.

This is not `torch.nn.parallel.DistributedDataParallel`. That averages over processes, which is
wrong where a batch does not divide evenly, and it counts the calls of `forward`: a discriminator
that judges twice in a step, and is frozen the third time, is what it stumbles over. Adding up
after `backward` has neither trap, and gradient accumulation comes for free.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist

__all__ = ["ALONE", "Team", "join", "leads"]

T = TypeVar("T")

PATIENCE = timedelta(hours=6)
"""How long a process waits for the others: the first one reads and measures photographs."""

BUCKET = 8_000_000
"""Values that are added up at a time: 32 MB in float32, which both backends carry at full speed."""


def leads() -> bool:
    """Whether this process is the one that tells and writes."""
    return os.environ.get("RANK", "0") == "0"


@dataclass(frozen=True)
class Team:
    """The processes of a training; alone, everything here costs nothing."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process measures and writes."""
        return self.rank == 0

    def part(self, count: int) -> slice:
        """Which of `count` photographs this process takes; one at least, which then counts 0."""
        if count < self.size:
            at = min(self.rank, count - 1)
            return slice(at, at + 1)
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def share(self, count: int) -> float:
        """What the mean over this process's photographs counts in the mean over all `count`."""
        if count < self.size:
            return 1 / count if self.rank < count else 0.0
        return len(range(count)[self.part(count)]) / count

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.size == 1:
            return
        for bucket in _buckets(tensors):
            flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
            dist.all_reduce(flat)
            at = 0
            for tensor in bucket:
                tensor.copy_(flat[at : at + tensor.numel()].view_as(tensor))
                at += tensor.numel()

    def any(self, *flags: bool) -> list[bool]:
        """Which of the flags is set in any process."""
        if self.size == 1:
            return [*flags]
        found = torch.tensor(flags, dtype=torch.int32)
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return [bool(flag) for flag in found]

    def told(self, value: T) -> T:
        """What the leading process has for `value`."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box)
        return box[0]

    def gathered(self, tensor: Tensor) -> list[Tensor]:
        """A tensor on the CPU, of one shape everywhere, from each process in order."""
        if self.size == 1:
            return [tensor]
        found = [torch.empty_like(tensor) for _ in range(self.size)]
        dist.all_gather(found, tensor)
        return found

    @contextmanager
    def lead_first(self) -> Iterator[None]:
        """The leading process runs the block; the others do so after it."""
        if not self.leads:
            dist.barrier()
        yield
        if self.leads and self.size > 1:
            dist.barrier()

    def synchronised(self, module: nn.Module, device: torch.device) -> nn.Module:
        """A module whose BatchNorm sees the whole batch, where PyTorch can: on cuda."""
        if self.size == 1 or device.type != "cuda":
            return module
        convert: Callable[[nn.Module], nn.Module] = nn.SyncBatchNorm.convert_sync_batchnorm
        return convert(module)


ALONE = Team()


@contextmanager
def join(device: torch.device) -> Iterator[Team]:
    """The team that torchrun made, for the time of a training; else `ALONE`."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    # Flags and random states travel on the CPU also where the weights are on GPUs.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield Team(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    for tensor in tensors:
        if bucket and sum(t.numel() for t in bucket) + tensor.numel() > BUCKET:
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket
