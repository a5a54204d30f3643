"""What the trainer and the exporter ask of every generator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["AB_SCALE", "LUMA_SCALE", "L_SCALE", "Generator", "Prediction", "evaluating"]

L_SCALE = 50.0
"""L* is fed as L / 50 - 1, so -1..1 (the tutorials' scaling, after pix2pix's tanh range)."""

AB_SCALE = 110.0
"""a* and b* are predicted as ab / 110, so about -1..1 (the tutorials' scaling)."""

LUMA_SCALE = 100.0
"""The restorer takes and gives L* / 100, so 0..1 (Dong et al. 2014 feed luminance in 0..1)."""


@dataclass
class Prediction:
    """What a generator says of a batch while it trains.

    Attributes
    ----------
    ab : Tensor, shape (N, 2, h, w)
        a* and b* divided by 110. h and w are the input's, or a whole fraction of them for a
        generator whose decoder stops early.
    logits : Tensor, shape (N, bins, h, w), or None
        Scores of the colour bins, for generators that classify.
    lightness : Tensor, shape (N, 1, H, W), or None
        What the generator was shown, for a loss that shows it again.
    """

    ab: Tensor
    logits: Tensor | None = None
    lightness: Tensor | None = None


class Generator(nn.Module):
    """A network from scaled L* to scaled a*b*."""

    multiple_of: int = 1
    """Height and width of the input must be multiples of this."""

    fixed_size: int | None = None
    """The only side that works, for networks that end in a 1 x 1 map."""

    reach: int | None = None
    """For networks without a view of the whole: how many pixels beyond its own a pixel of the
    result depends on, so that tiles that overlap by it leave no seam."""

    def at_size(self, height: int, width: int) -> Generator:
        """The same network for pictures of this size alone, without what only others need."""
        return self

    def predict(self, lightness: Tensor) -> Prediction:
        """Predict for training: at the generator's own resolution.

        Parameters
        ----------
        lightness : Tensor, shape (N, 1, H, W)
            L* / 50 - 1.
        """
        return Prediction(self(lightness))

    def forward(self, lightness: Tensor) -> Tensor:
        """Scaled L*, shape (N, 1, H, W), to scaled a*b*, shape (N, 2, H, W)."""
        raise NotImplementedError


@contextmanager
def evaluating(generator: Generator, dropout: bool) -> Iterator[None]:
    """Evaluation mode for a while; the random numbers of the training are not touched."""
    training = generator.training
    generator.eval()
    for module in generator.modules():
        if isinstance(module, nn.Dropout):
            module.train(dropout)
    try:
        with torch.random.fork_rng(enabled=dropout):
            if dropout:
                torch.manual_seed(0)
            yield
    finally:
        generator.train(training)
