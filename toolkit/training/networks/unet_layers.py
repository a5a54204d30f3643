"""The U-Net of the third tutorial: as deep as you like, with either normalisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from toolkit.training.networks.generator import Generator
from toolkit.training.networks.norm import Norm, norm_of

__all__ = ["UNetLayers"]


class _Block(nn.Module):
    """One down-sampling and the matching up-sampling around an inner block."""

    def __init__(
        self, outer: int, inner: int, within: nn.Module | None, norm: Norm, dropout: float
    ) -> None:
        super().__init__()
        bias = norm.bias_before
        down = [nn.LeakyReLU(0.2), nn.Conv2d(outer, inner, 4, stride=2, padding=1, bias=bias)]
        wide = inner if within is None else 2 * inner
        up = [
            nn.ReLU(),
            nn.ConvTranspose2d(wide, outer, 4, stride=2, padding=1, bias=bias),
            norm.build(outer),
        ]
        # The innermost map is 1 x 1: nothing to normalise by, and nothing is dropped from it.
        middle = [norm.build(inner), within] if within else []
        end = [nn.Dropout(dropout)] if within else []
        self.layers = nn.Sequential(*down, *middle, *up, *end)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layers(x)], 1)


class UNetLayers(Generator):
    """`n_layers` levels with a skip at each.

    With three channels in and three out and eight levels: 54,409,603 parameters with InstanceNorm,
    54,414,019 with BatchNorm.

    Parameters
    ----------
    channels_in, channels_out : int
        1 and 2 for L* to a*b*; one number for both in the tutorial.
    filters : int
        Channels of the first level; the inner ones have eight times as many.
    n_layers : int
        At least 5. The input's sides must be multiples of 2 to this power.
    dropout : float
        In every level but the outermost and the innermost.
    norm : str
        ``instance`` or ``batch``; convolutions before a BatchNorm have no bias, but for the
        outermost one.
    """

    def __init__(
        self,
        channels_in: int = 1,
        channels_out: int = 2,
        filters: int = 64,
        n_layers: int = 8,
        dropout: float = 0.5,
        norm: str = "instance",
    ) -> None:
        super().__init__()
        if n_layers < 5:
            raise ValueError(f"n_layers must be at least 5, not {n_layers}")
        self.multiple_of = 2**n_layers
        # At 256 and more the photograph itself is the one multiple in use.
        self.fixed_size = self.multiple_of if self.multiple_of >= 256 else None
        chosen, wide = norm_of(norm), filters * 8
        block = _Block(wide, wide, None, chosen, dropout)
        for _ in range(n_layers - 5):
            block = _Block(wide, wide, block, chosen, dropout)
        for outer in (filters * 4, filters * 2, filters):
            block = _Block(outer, outer * 2, block, chosen, dropout)
        self.layers = nn.Sequential(
            nn.Conv2d(channels_in, filters, 4, stride=2, padding=1),
            block,
            nn.ReLU(),
            nn.ConvTranspose2d(2 * filters, channels_out, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, lightness: Tensor) -> Tensor:
        out: Tensor = self.layers(lightness)
        return out
