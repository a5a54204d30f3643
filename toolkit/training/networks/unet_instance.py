"""The U-Net of the first tutorial: InstanceNorm, dropout in the encoder too, and a last layer that
enlarges by nearest neighbours and then convolves.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from toolkit.training.networks.generator import Generator

__all__ = ["UNetInstance"]


class _Down(nn.Sequential):
    def __init__(self, channels_in: int, channels_out: int, norm: bool, dropout: float) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1, bias=False)
        ]
        if norm:
            layers.append(nn.InstanceNorm2d(channels_out))
        layers.append(nn.LeakyReLU(0.2))
        if dropout:
            layers.append(nn.Dropout(dropout))
        super().__init__(*layers)


class _Up(nn.Sequential):
    def __init__(self, channels_in: int, channels_out: int, dropout: float) -> None:
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1, bias=False),
            nn.InstanceNorm2d(channels_out),
            nn.ReLU(),
        ]
        if dropout:
            layers.append(nn.Dropout(dropout))
        super().__init__(*layers)


class UNetInstance(Generator):
    """Eight levels down to 1 x 1 and back, with a skip at each.

    54,404,099 parameters with three channels in and three out.

    Parameters
    ----------
    channels_in, channels_out : int
        1 and 2 for L* to a*b*; 3 and 3 in the tutorial.
    filters : int
        Channels of the first level; the inner ones have eight times as many.
    dropout : float
        In the five inner levels on the way down, and the four inner ones on the way up.
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
        f = filters
        down = [f, f * 2, f * 4, f * 8, f * 8, f * 8, f * 8, f * 8]
        up = [f * 8, f * 8, f * 8, f * 8, f * 4, f * 2, f]
        # The outermost level keeps its light; a map of 1 x 1 has nothing to normalise by.
        self.down = nn.ModuleList(
            _Down(i, o, norm=level not in (0, 7), dropout=dropout if level >= 3 else 0)
            for level, (i, o) in enumerate(zip([channels_in, *down], down, strict=False))
        )
        below = [f * 8, *(2 * width for width in up)]
        self.up = nn.ModuleList(
            _Up(i, o, dropout=dropout if level < 4 else 0)
            for level, (i, o) in enumerate(zip(below, up, strict=False))
        )
        self.final = nn.Sequential(
            nn.Upsample(scale_factor=2),
            nn.ZeroPad2d((1, 0, 1, 0)),  # the 4 x 4 kernel below loses a row and a column
            nn.Conv2d(2 * f, channels_out, 4, padding=1),
            nn.Tanh(),
        )

    def forward(self, lightness: Tensor) -> Tensor:
        x, skips = lightness, []
        for down in self.down:
            x = down(x)
            skips.append(x)
        skips.pop()
        for up in self.up:
            x = torch.cat([up(x), skips.pop()], 1)
        out: Tensor = self.final(x)
        return out
