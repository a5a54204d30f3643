"""Actors, CPUs and memory, checked before the start: what is asked for must be there.

Ray waits for ever, and says nothing, where actors ask for more than the nodes have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.errors import UsageError
from toolkit.runtime.photo import MAX_MEGAPIXELS

__all__ = ["BASE_BYTES", "PIXEL_BYTES", "SPARE", "Node", "Plan", "capacity", "make_plan"]

BASE_BYTES = 400_000_000
"""An actor before its first photograph: Python, Ray, the engine and a small model."""

PIXEL_BYTES = 20
"""Memory for each pixel of the photograph in hand, at most: 16-bit levels in, a TIFF out."""

SPARE = 1
"""CPUs that no actor claims: where all are claimed, Ray's own tasks wait for ever."""

_FILE_SHARE = 0.25
"""Of an actor's memory, for the bytes of one file; two more may be on their way."""


@dataclass(frozen=True)
class Node:
    """What one machine offers."""

    cpus: int
    memory: int
    """Bytes that Ray lends out."""


@dataclass(frozen=True)
class Plan:
    """What is started."""

    actors: int
    cpus_per_actor: int
    memory_per_actor: int
    """Bytes."""
    nodes: int
    cpus: int
    max_megapixels: float

    @property
    def max_bytes(self) -> int:
        """The largest file that is read."""
        return int(self.memory_per_actor * _FILE_SHARE)

    def describe(self) -> str:
        """For people, one line."""
        free = self.cpus - self.actors * self.cpus_per_actor
        return (
            f"nodes: {self.nodes}; actors: {self.actors}, each with CPUs and threads: "
            f"{self.cpus_per_actor}, memory: {self.memory_per_actor / 1e9:.1f} GB (photographs up "
            f"to {self.max_megapixels:.0f} megapixels); CPUs left free: {free} of {self.cpus}"
        )


def capacity(nodes: Sequence[Node], cpus_per_actor: int, memory: int) -> int:
    """How many such actors the nodes hold, with `SPARE` CPUs left somewhere."""
    held = [min(n.cpus // cpus_per_actor, n.memory // max(memory, 1)) for n in nodes]
    spare = sum(n.cpus for n in nodes) - SPARE
    return max(0, min(sum(held), spare // cpus_per_actor))


def make_plan(
    nodes: Sequence[Node],
    *,
    actors: int | None = None,
    cpus_per_actor: int = 1,
    memory: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Plan:
    """Decide what is not given, and check what is.

    Parameters
    ----------
    nodes : sequence of Node
    actors : int, optional
        By default as many as the nodes hold.
    cpus_per_actor : int
    memory : int, optional
        Bytes for each actor; by default an even share of what the smallest node lends, and no
        more than the largest photograph needs.
    max_megapixels : float
        Larger photographs are failed, as are those that the memory is too small for.

    Raises
    ------
    UsageError
        If the nodes do not hold them.
    """
    enough = int(BASE_BYTES + PIXEL_BYTES * max_megapixels * 1e6)
    if memory is None:
        shares = [n.memory // max(1, n.cpus // cpus_per_actor) for n in nodes]
        if actors is not None and len(nodes) == 1:
            shares = [nodes[0].memory // actors]
        memory = min(enough, min(shares, default=0))
    fits = capacity(nodes, cpus_per_actor, memory)
    wanted = fits if actors is None else actors
    cpus = sum(n.cpus for n in nodes)
    if not 1 <= wanted <= fits:
        raise UsageError(
            f"{wanted or 'no'} actors of {cpus_per_actor} CPUs and {memory / 1e9:.1f} GB do not "
            f"fit on {len(nodes)} nodes with {cpus} CPUs, of which {SPARE} must stay free: {fits} "
            "do; change --actors, --cpus-per-actor or --memory-per-actor"
        )
    if memory < BASE_BYTES + PIXEL_BYTES * 1e6:
        raise UsageError(
            f"{memory / 1e6:.0f} MB are too little for an actor, which needs "
            f"{BASE_BYTES / 1e6:.0f} MB and {PIXEL_BYTES} MB for each megapixel; give fewer "
            "--actors"
        )
    limit = min(max_megapixels, (memory - BASE_BYTES) / PIXEL_BYTES / 1e6)
    return Plan(wanted, cpus_per_actor, memory, len(nodes), cpus, limit)
