"""SRCNN: three convolutions that sharpen the light of a photograph, as the second tutorial has it.

References
----------
.. [1] Dong et al., "Learning a deep convolutional network for image super-resolution", 2014.
"""

from __future__ import annotations

from torch import Tensor, nn

from toolkit.training.networks.generator import Generator

__all__ = ["SRCNN"]


class SRCNN(Generator):
    """9 x 9, 5 x 5 and 5 x 5, with 64 and 32 channels between; any size.

    57,281 parameters with one channel.

    Parameters
    ----------
    channels : int
    filters : sequence of two int
    """

    reach = 8
    """Pixels that the result depends on beyond its own: 4 + 2 + 2."""

    def __init__(self, channels: int = 1, filters: tuple[int, int] = (64, 32)) -> None:
        super().__init__()
        first, second = filters
        self.layers = nn.Sequential(
            nn.Conv2d(channels, first, 9, padding=4),
            nn.ReLU(),
            nn.Conv2d(first, second, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(second, channels, 5, padding=2),
        )

    def forward(self, lightness: Tensor) -> Tensor:
        """L* / 100 to L* / 100, both of shape (N, 1, H, W)."""
        out: Tensor = self.layers(lightness)
        return out
