"""A generator for plain CPUs: 3 x 3 convolutions, BatchNorm that folds, ReLU.

Every choice is a measured one: channels are multiples of 16 (the width of the vector units),
the decoder convolves at the low resolution and enlarges afterwards (a quarter of the work of a
transposed convolution), and it stops at a quarter of the photograph's size, because colour is
smooth where the eye is concerned. Context that the convolutions cannot reach comes from a branch
over the mean of the whole map.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from toolkit.training.networks.colour_bins import bin_centres
from toolkit.training.networks.generator import AB_SCALE, Generator, Prediction

__all__ = ["ConvNorm", "Edge", "GlobalContext", "decode_bins"]

Relu: TypeAlias = Callable[[Tensor], Tensor]


class ConvNorm(nn.Sequential):
    """A convolution and its BatchNorm."""

    def __init__(
        self, channels_in: int, channels_out: int, stride: int = 1, kernel: int = 3
    ) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(channels_out),
        )


class _Residual(nn.Module):
    def __init__(self, channels: int, relu: Relu) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels)
        self.second = ConvNorm(channels, channels)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(x + self.second(self.relu(self.first(x))))


class GlobalContext(nn.Module):
    """Adds what the mean of the whole map says to every place of it."""

    def __init__(self, channels: int, relu: Relu = F.relu) -> None:
        super().__init__()
        self.hidden = nn.Linear(channels, channels)
        self.out = nn.Linear(channels, channels)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        whole = self.out(self.relu(self.hidden(x.mean((2, 3)))))
        return self.relu(x + whole[:, :, None, None])


def decode_bins(scores: Tensor, centres: Tensor, temperature: float = 1.0) -> Tensor:
    """Scores of colour bins, (N, bins, h, w), to the mean colour / 110, (N, 2, h, w)."""
    if temperature != 1:
        scores = scores / temperature
    # Bins last, where they lie side by side: onnxruntime is then seven times faster.
    likely = torch.softmax(scores.permute(0, 2, 3, 1), dim=-1)
    return (likely @ (centres / AB_SCALE)).permute(0, 3, 1, 2)


class Edge(Generator):
    """L* to a*b* through colour bins, at a quarter of the size.

    Parameters
    ----------
    stem : int
        Channels at half the size.
    widths : sequence of four int
        Channels at 1/4, 1/8, 1/16 and 1/32.
    residual : sequence of four int
        Residual blocks at each of them, after the strided convolution.
    decoder : sequence of three int
        Channels that come up to 1/16, 1/8 and 1/4, before the encoder's map is added; each must
        be the encoder's width there.
    head : int
        Channels of the last convolutions at a quarter of the size.
    bin_spacing : float
        Distance of the colour bins in CIE units; 0 regresses a*b* without bins, through tanh.
    temperature : float
        What the scores are divided by before the mean is taken: below 1 the likeliest colours
        count more (the annealed mean of Zhang, Isola and Efros 2016, who take 0.38). Of the
        result alone: nothing is learned with it.

    Notes
    -----
    In `forward` the most likely colours count together: the result is the mean of the bins'
    centres, weighted by their probability.

    Without bins there is no softmax to keep the colours in bounds: tanh does, and ReLU6, as in
    MobileNet, keeps the maps where float16 is fine enough. On noise they else grow thirty times as
    large as on photographs, and the colours differ by 1.2 CIE units in float16.
    """

    multiple_of = 32

    centres: Tensor

    def __init__(
        self,
        stem: int = 16,
        widths: tuple[int, int, int, int] = (48, 96, 192, 304),
        residual: tuple[int, int, int, int] = (0, 0, 1, 1),
        head: int = 64,
        bin_spacing: float = 14.0,
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"temperature must be above 0, not {temperature}")
        self.temperature = temperature
        if any(w % 16 for w in (stem, head, *widths)):
            raise ValueError("channels must be multiples of 16")
        self.relu: Relu = F.relu if bin_spacing else F.relu6
        activation = nn.ReLU if bin_spacing else nn.ReLU6
        self.stem = ConvNorm(1, stem, stride=2)
        self.down = nn.ModuleList()
        self.body = nn.ModuleList()
        channels = stem
        for width, blocks in zip(widths, residual, strict=True):
            self.down.append(ConvNorm(channels, width, stride=2))
            body: list[nn.Module] = [_Residual(width, self.relu) for _ in range(blocks)]
            self.body.append(nn.Sequential(*(body or [ConvNorm(width, width), activation()])))
            channels = width
        self.context = GlobalContext(channels, self.relu)
        self.up = nn.ModuleList(
            ConvNorm(widths[i], widths[i - 1]) for i in range(len(widths) - 1, 0, -1)
        )
        self.head = nn.Sequential(
            ConvNorm(widths[0], head), activation(), ConvNorm(head, head), activation()
        )
        centres = bin_centres(bin_spacing) if bin_spacing else torch.zeros(0, 2)
        self.register_buffer("centres", centres)
        self.classifier = nn.Conv2d(head, len(centres) or 2, 1)

    def _features(self, lightness: Tensor) -> Tensor:
        x = self.relu(self.stem(lightness))
        skips: list[Tensor] = []
        for down, body in zip(self.down, self.body, strict=True):
            x = body(self.relu(down(x)))
            skips.append(x)
        x = self.context(skips.pop())
        for up in self.up:
            x = F.interpolate(up(x), scale_factor=2.0, mode="nearest")
            x = self.relu(x + skips.pop())
        scores: Tensor = self.classifier(self.head(x))
        return scores

    def _decode(self, scores: Tensor, temperature: float = 1.0) -> Tensor:
        if not len(self.centres):
            return torch.tanh(scores)
        return decode_bins(scores, self.centres, temperature)

    def predict(self, lightness: Tensor) -> Prediction:
        scores = self._features(lightness).float()
        return Prediction(self._decode(scores), scores if len(self.centres) else None)

    def forward(self, lightness: Tensor) -> Tensor:
        small = self._decode(self._features(lightness), self.temperature)
        return F.interpolate(small, scale_factor=4.0, mode="bilinear", align_corners=False)
