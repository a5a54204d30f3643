"""The U-Net of the second tutorial: the same eight levels, written out one after the other.

It differs from `unet` in four places: a bias on the inner convolutions of the encoder, dropout in
all six decoders, a last layer that sees no skip, and so 384 parameters more.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from toolkit.training.networks.generator import Generator

__all__ = ["UNetFlat"]


class UNetFlat(Generator):
    """An input layer, six encoders, the middle, six decoders, an output layer.

    54,410,242 parameters with one channel in and two out.

    Parameters
    ----------
    channels_in, channels_out : int
        1 and 2 for L* to a*b*.
    filters : int
        Channels of the input layer; the inner ones have eight times as many.
    dropout : float
        In all decoders.
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
        encoded = [f * 2, f * 4, f * 8, f * 8, f * 8, f * 8]
        decoded = [f * 8, f * 8, f * 8, f * 4, f * 2, f]
        self.input_layer = nn.Conv2d(channels_in, f, 4, stride=2, padding=1, bias=False)
        self.encoders = nn.ModuleList(
            nn.Sequential(
                nn.LeakyReLU(0.2), nn.Conv2d(i, o, 4, stride=2, padding=1), nn.BatchNorm2d(o)
            )
            for i, o in zip([f, *encoded], encoded, strict=False)
        )
        self.middle = nn.Sequential(
            nn.LeakyReLU(0.2),
            nn.Conv2d(f * 8, f * 8, 4, stride=2, padding=1, bias=False),
            nn.ReLU(),
            nn.ConvTranspose2d(f * 8, f * 8, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(f * 8),
        )
        self.decoders = nn.ModuleList(
            nn.Sequential(
                nn.ReLU(),
                nn.ConvTranspose2d(below + skip, o, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(o),
                nn.Dropout(dropout),
            )
            for below, skip, o in zip([f * 8, *decoded], reversed(encoded), decoded, strict=False)
        )
        self.output_layer = nn.Sequential(
            nn.ReLU(), nn.ConvTranspose2d(f, channels_out, 4, stride=2, padding=1), nn.Tanh()
        )

    def forward(self, lightness: Tensor) -> Tensor:
        x = self.input_layer(lightness)
        skips: list[Tensor] = []
        for encoder in self.encoders:
            x = encoder(x)
            skips.append(x)
        x = self.middle(x)
        for decoder in self.decoders:
            x = decoder(torch.cat([x, skips.pop()], 1))
        out: Tensor = self.output_layer(x)
        return out
