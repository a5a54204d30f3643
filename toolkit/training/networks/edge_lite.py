"""A generator for plain CPUs that begins with what ImageNet's photographs taught.

What colour a thing has depends on what it is, and a network learns to tell things apart from a
million photographs, not from fifty thousand. So the encoder is a classifier that stands ready made;
the decoder and the head are those of `edge`, sized so that the whole stays below 5 million
parameters and 2 GMAC at 256 x 256.
"""

from __future__ import annotations

from copy import copy
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from toolkit.training.networks.colour_bins import bin_centres
from toolkit.training.networks.edge import ConvNorm, GlobalContext, decode_bins
from toolkit.training.networks.efficientnet_lite import WIDTHS, EfficientNetLite0
from toolkit.training.networks.generator import L_SCALE, Generator, Prediction
from toolkit.training.networks.overview import overview_size, shrink, writes_graph

__all__ = ["EdgeLite"]


MOST = 2.5
"""How far contrast is raised at most: a print that fading left with 40 % of its range."""


def _mean(x: Tensor) -> Tensor:
    """Of each map, by rows first: onnxruntime adds up in a row, and a quarter of a million numbers
    at once cost it the last two digits."""
    return x.mean(3, keepdim=True).mean(2, keepdim=True)


def raise_contrast(lightness: Tensor, least: float) -> Tensor:
    """Spread each photograph's light about its mean, where it is spread less than `least`.

    Parameters
    ----------
    lightness : Tensor, shape (N, 1, H, W)
        L* / 50 - 1.
    least : float
        Standard deviation of L* in CIE units.
    """
    mean = _mean(lightness)
    rest = lightness - mean
    spread = _mean(rest.square()).sqrt() * (L_SCALE / least)
    # Divided, and not multiplied by an inverse: Core ML adds 1e-4 below the line of that.
    return (mean + rest / spread.clamp(1 / MOST, 1.0)).clamp(-1.0, 1.0)


class EdgeLite(Generator):
    """L* to a*b* through colour bins, at a quarter of the size, with a ready-made encoder.

    Parameters
    ----------
    decoder : sequence of four int
        Channels at 1/32, 1/16, 1/8 and 1/4 of the size.
    bin_spacing : float
        Distance of the colour bins in CIE units.
    temperature : float
        As in `edge`: of the result alone.
    frozen_norm : bool
        As in `EfficientNetLite0`: of the encoder alone.
    least_spread : float
        A photograph whose L* has a smaller standard deviation than this is seen with its contrast
        raised to it, so that a faded print gets the colours of a fresh one. 0: seen as it is.
    overview : int
        A photograph whose short side is larger than this is also seen at this one, and what it
        shows as a whole, at 1/32 of the size, is taken from there: what a thing is does not depend
        on how large it is scanned. A multiple of 32. 0: seen at its own size alone.
    """

    multiple_of = 32

    centres: Tensor

    def __init__(
        self,
        decoder: tuple[int, int, int, int] = (192, 160, 96, 64),
        bin_spacing: float = 14.0,
        temperature: float = 1.0,
        frozen_norm: bool = False,
        least_spread: float = 0.0,
        overview: int = 0,
    ) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"temperature must be above 0, not {temperature}")
        if least_spread < 0:
            raise ValueError(f"least_spread must be 0 or more, not {least_spread}")
        if overview < 0 or overview % self.multiple_of:
            raise ValueError(f"overview must be a multiple of {self.multiple_of}, not {overview}")
        self.temperature = temperature
        self.least_spread = least_spread
        self.overview = overview
        self.encoder = EfficientNetLite0(frozen_norm)
        self.top = ConvNorm(WIDTHS[4], decoder[0])
        self.context = GlobalContext(decoder[0])
        self.up = nn.ModuleList(ConvNorm(a, b) for a, b in pairwise(decoder))
        self.lateral = nn.ModuleList(
            ConvNorm(width, channels, kernel=1)
            for width, channels in zip(WIDTHS[3:0:-1], decoder[1:], strict=True)
        )
        self.body = nn.ModuleList(ConvNorm(channels, channels) for channels in decoder[1:])
        self.head = ConvNorm(decoder[-1], decoder[-1])
        centres = bin_centres(bin_spacing)
        self.register_buffer("centres", centres)
        self.classifier = nn.Conv2d(decoder[-1], len(centres), 1)

    def _scores(self, lightness: Tensor) -> Tensor:
        if self.least_spread:
            lightness = raise_contrast(lightness, self.least_spread)
        maps = self.encoder(lightness)
        if self.overview and (writes_graph() or min(lightness.shape[-2:]) > self.overview):
            maps[-1] = self._seen_whole(lightness, maps[-1])
        x = self.context(F.relu(self.top(maps.pop())))
        for up, lateral, body in zip(self.up, self.lateral, self.body, strict=True):
            x = F.interpolate(up(x), scale_factor=2.0, mode="nearest")
            x = F.relu(x + lateral(maps.pop()))
            x = F.relu(body(x))
        scores: Tensor = self.classifier(F.relu(self.head(x)))
        return scores

    def _seen_whole(self, lightness: Tensor, own: Tensor) -> Tensor:
        """The map at 1/32 of the size from the overview, at the size of the picture's own map."""
        step = self.multiple_of
        rows, columns = own.shape[-2:]
        height, width, needed = overview_size(rows, columns, self.overview // step)
        seen = self.encoder(shrink(lightness, height * step, width * step))[-1]
        seen = F.interpolate(seen, size=(rows, columns), mode="bilinear")
        return needed * seen + (1 - needed) * own

    def at_size(self, height: int, width: int) -> Generator:
        if min(height, width) > self.overview:
            return self
        alone = copy(self)
        alone.overview = 0
        return alone

    def predict(self, lightness: Tensor) -> Prediction:
        scores = self._scores(lightness).float()
        return Prediction(decode_bins(scores, self.centres), scores)

    def forward(self, lightness: Tensor) -> Tensor:
        small = decode_bins(self._scores(lightness), self.centres, self.temperature)
        return F.interpolate(small, scale_factor=4.0, mode="bilinear", align_corners=False)
