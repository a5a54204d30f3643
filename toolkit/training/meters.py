"""Means of the losses over an epoch."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["Meters"]

_PREFIX = "meter."


@dataclass
class Meters:
    """Sums that stay on the device until they are asked for."""

    sums: dict[str, Tensor] = field(default_factory=dict)
    count: int = 0

    def add(self, losses: dict[str, Tensor]) -> None:
        """Count the losses of a step."""
        for name, value in losses.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        self.count += 1

    def means(self) -> dict[str, float]:
        """By name: a resumed run holds the sums in the order of its checkpoint."""
        return {name: float(self.sums[name]) / max(1, self.count) for name in sorted(self.sums)}

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint keeps; `count` belongs into its header."""
        return {f"{_PREFIX}{name}": value for name, value in self.sums.items()}

    @classmethod
    def restored(cls, tensors: dict[str, Tensor], count: int, device: torch.device) -> Meters:
        """The inverse of `tensors`."""
        sums = {
            name.removeprefix(_PREFIX): value.to(device)
            for name, value in tensors.items()
            if name.startswith(_PREFIX)
        }
        return cls(sums, count)
