"""The U-Net of pix2pix for 256 x 256, built from the inside out.

References
----------
.. [1] Isola et al., "Image-to-image translation with conditional adversarial networks", 2017,
   section 6.1.1; the recursive form is that of the fourth tutorial (54,409,858 parameters with
   one channel in and two out).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from toolkit.training.networks.generator import Generator

__all__ = ["UNet256"]


class _Level(nn.Module):
    """One down-sampling and the matching up-sampling around an inner level."""

    def __init__(
        self,
        outer: int,
        inner: int,
        within: nn.Module | None,
        *,
        into: int | None = None,
        dropout: float = 0.0,
        outermost: bool = False,
    ) -> None:
        super().__init__()
        self.outermost = outermost
        down: list[nn.Module] = [] if outermost else [nn.LeakyReLU(0.2)]
        down.append(nn.Conv2d(into or outer, inner, 4, stride=2, padding=1, bias=False))
        if within is not None and not outermost:
            down.append(nn.BatchNorm2d(inner))
        wide = inner if within is None else 2 * inner
        up: list[nn.Module] = [
            nn.ReLU(),
            nn.ConvTranspose2d(wide, outer, 4, stride=2, padding=1, bias=outermost),
        ]
        if outermost:
            up.append(nn.Tanh())
        else:
            up.append(nn.BatchNorm2d(outer))
            if dropout:
                up.append(nn.Dropout(dropout))
        self.layers = nn.Sequential(*down, *([within] if within else []), *up)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y if self.outermost else torch.cat([x, y], 1)


class UNet256(Generator):
    """Eight levels, 256 x 256 down to 1 x 1 and back, with a skip at each.

    Parameters
    ----------
    channels_in, channels_out : int
        1 and 2 for L* to a*b*.
    filters : int
        Channels of the first level (64 in the paper); the inner ones have eight times as many.
    dropout : float
        In the three inner levels of full width (0.5 in the paper).
    """

    fixed_size = 256
    multiple_of = 256

    def __init__(
        self,
        channels_in: int = 1,
        channels_out: int = 2,
        filters: int = 64,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        wide = filters * 8
        level = _Level(wide, wide, None)
        for _ in range(3):
            level = _Level(wide, wide, level, dropout=dropout)
        for outer in (filters * 4, filters * 2, filters):
            level = _Level(outer, outer * 2, level)
        self.net = _Level(channels_out, filters, level, into=channels_in, outermost=True)

    def forward(self, lightness: Tensor) -> Tensor:
        out: Tensor = self.net(lightness)
        return out
