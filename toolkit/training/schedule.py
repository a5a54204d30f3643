"""How the learning rate moves over a run, as a factor of the recipe's rate."""

from __future__ import annotations

import math
from collections.abc import Callable

from toolkit.errors import one_of

__all__ = ["SCHEDULES", "rate_factor"]

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda progress: 1.0,
    "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
    "linear": lambda progress: min(1.0, 2 * (1 - progress)),
}
"""Progress in 0..1 to a factor. ``linear`` is pix2pix's: half the run constant, then down to 0."""


def rate_factor(schedule: str, step: int, total: int, warmup: float) -> float:
    """The factor at a step; it rises from 0 over the first `warmup` share of the run.

    Raises
    ------
    UsageError
        If there is no such schedule.
    """
    if schedule not in SCHEDULES:
        raise one_of("schedule", schedule, sorted(SCHEDULES))
    rise = max(1.0, warmup * total)
    return min(1.0, (step + 1) / rise) * SCHEDULES[schedule](step / total)
