"""The running mean of a generator's weights: steadier than any one step's."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor

from toolkit.training import checkpoint
from toolkit.training.networks import Generator

__all__ = ["Average"]


class Average:
    """Follows a generator; with a decay of 0 it is the generator.

    Attributes
    ----------
    network : Generator
        What is measured, shown and kept as the best.
    """

    def __init__(self, generator: Generator, decay: float) -> None:
        self.decay = decay
        self._followed = generator
        self.network = deepcopy(generator).eval() if decay else generator

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move towards the generator; early on it forgets faster, not to keep noise."""
        if not self.decay:
            return
        decay = min(self.decay, (1 + step) / (10 + step))
        pairs = zip(
            self.network.state_dict().values(), self._followed.state_dict().values(), strict=True
        )
        for mean, value in pairs:
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)

    def begin(self) -> None:
        """Forget what was: the mean is the generator as it is now."""
        if self.decay:
            self.network.load_state_dict(self._followed.state_dict())

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint keeps besides the generator."""
        return checkpoint.weights(self.network, "ema") if self.decay else {}

    def restore(self, tensors: dict[str, Tensor], path: Path) -> None:
        """The inverse of `tensors`. Raises `UnusableModel`."""
        if self.decay:
            checkpoint.restore_module(self.network, tensors, "ema", path)
