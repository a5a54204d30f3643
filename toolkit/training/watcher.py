"""Who is told how a training goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Progress", "Watcher"]


@dataclass(frozen=True)
class Progress:
    """What a watcher is told after each step."""

    epoch: int
    epochs: int
    step: int
    total_steps: int
    losses: dict[str, float]
    """Means over the epoch so far."""
    images_per_second: float
    seconds_left: float
    waiting: float
    """Share of the time in which the network waited for photographs."""


@dataclass
class Watcher:
    """Who wants to be told. The command line draws a bar; a program may pass nothing."""

    on_step: Callable[[Progress], None] = lambda progress: None
    on_epoch: Callable[[dict[str, Any]], None] = lambda row: None
    on_pack: Callable[[int, int], None] = lambda done, total: None
    on_message: Callable[[str], None] = lambda message: None
