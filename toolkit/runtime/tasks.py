"""What a network is shown of a photograph, and which colours follow, by its contract's task.

The photograph's own L* is kept whatever the task: of the picture that a translator makes only
a* and b* are used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.lab import rgb_to_lab
from toolkit.runtime.levels import Gray
from toolkit.runtime.resample import levels, lightness

__all__ = ["TASKS", "Task"]

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Task:
    """A task that gives colours."""

    given: Callable[[Gray, int, int], Float]
    """Gray levels, height and width to what the network takes, (C, h, w)."""
    colours: Callable[[Float], Float]
    """What it gives, (C, h, w), to a* and b* in CIE units, (2, h, w)."""


def _lightness(gray: Gray, height: int, width: int) -> Float:
    return lightness(gray, height, width)[None]


def _gray_rgb(gray: Gray, height: int, width: int) -> Float:
    return np.repeat(levels(gray, height, width)[None], 3, axis=0)


def _same(ab: Float) -> Float:
    return ab


def _ab_of_rgb(rgb: Float) -> Float:
    lab = rgb_to_lab(np.clip(rgb, 0, 1).transpose(1, 2, 0))
    return np.ascontiguousarray(lab[..., 1:].transpose(2, 0, 1))


TASKS: dict[str, Task] = {
    "colorize": Task(_lightness, _same),
    "translate": Task(_gray_rgb, _ab_of_rgb),
}
"""By the contract's name; ``luma`` gives no colours: see `toolkit.runtime.restore`."""
