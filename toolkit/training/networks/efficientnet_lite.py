"""EfficientNet-Lite0 as an encoder of L*: the network that ImageNet's weights fit into.

EfficientNet-Lite is EfficientNet without squeeze-and-excitation and with ReLU6 in place of swish,
so that it runs well on plain CPUs and phones. Left out here are its classifier and the wide layer
before it; the three input channels are one, because gray says the same thrice.

References
----------
.. [1] Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019.
.. [2] EfficientNet-Lite, https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet
   (widths, repeats, kernels, padding and the norm's constants of Lite0 come from there).
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["WIDTHS", "EfficientNetLite0"]

STAGES = (
    # expansion, channels, repeats, stride, kernel
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)

WIDTHS = (16, 24, 40, 112, 320)
"""Channels of the maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size."""


class EfficientNetLite0(nn.Module):
    """Maps of an L* picture at five sizes.

    Layer names are those of the public PyTorch weights, without the leading underscore.

    Parameters
    ----------
    frozen_norm : bool
        In training too, normalise by the statistics that the weights came with. The network then
        computes the same for a photograph whatever stands beside it in the batch, and a
        normalisation is part of its convolution: a third of a step less on a CPU.
    """

    def __init__(self, frozen_norm: bool = False) -> None:
        super().__init__()
        self.frozen_norm = frozen_norm
        self.conv_stem = _conv(1, 32, 3, stride=2)
        self.bn0 = _norm(32)
        channels, blocks = 32, []
        for expansion, width, repeats, stride, kernel in STAGES:
            for i in range(repeats):
                blocks.append(_Block(channels, width, expansion, stride if i == 0 else 1, kernel))
                channels = width
        self.blocks = nn.ModuleList(blocks)

    def forward(self, lightness: Tensor) -> list[Tensor]:
        """Scaled L*, shape (N, 1, H, W), to maps of `WIDTHS` channels, the largest first."""
        x = F.relu6(_normed(self.conv_stem, self.bn0, lightness))
        maps: list[Tensor] = []
        for block in self.blocks:
            narrower = block(x)
            if narrower.shape[-1] != x.shape[-1]:
                maps.append(x)
            x = narrower
        return [*maps, x]

    def train(self, mode: bool = True) -> Self:
        """As of every network; frozen norms stay as in use."""
        super().train(mode)
        if self.frozen_norm:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self


class _Block(nn.Module):
    """Widen, look around within each channel, narrow (MobileNetV2's inverted residual)."""

    def __init__(self, width_in: int, width: int, expansion: int, stride: int, kernel: int) -> None:
        super().__init__()
        inner = width_in * expansion
        self.expand_conv = _conv(width_in, inner, 1) if expansion > 1 else None
        self.bn0 = _norm(inner) if expansion > 1 else None
        self.depthwise_conv = _conv(inner, inner, kernel, stride=stride, groups=inner)
        self.bn1 = _norm(inner)
        self.project_conv = _conv(inner, width, 1)
        self.bn2 = _norm(width)
        self.residual = stride == 1 and width_in == width

    def forward(self, x: Tensor) -> Tensor:
        y = x
        if self.expand_conv is not None and self.bn0 is not None:
            y = F.relu6(_normed(self.expand_conv, self.bn0, y))
        y = F.relu6(_normed(self.depthwise_conv, self.bn1, y))
        y = _normed(self.project_conv, self.bn2, y)
        return x + y if self.residual else y


def _conv(
    channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    padding = kernel // 2 if stride == 1 else 0
    return nn.Conv2d(
        channels_in, channels_out, kernel, stride, padding=padding, groups=groups, bias=False
    )


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _normed(conv: nn.Conv2d, norm: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """A convolution and its norm, with TensorFlow's padding; one operation if only it learns."""
    if conv.stride[0] == 2:
        x = _padded(x, conv.kernel_size[0])
    if norm.training == conv.training:
        normed: Tensor = norm(conv(x))
        return normed
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    weight, bias = conv.weight * factor[:, None, None, None], norm.bias - norm.running_mean * factor
    if conv.groups > 1 and conv.stride[0] == 2 and x.is_cpu:
        # oneDNN's way back through this one is ten times slower in bfloat16 than in float32.
        with torch.autocast("cpu", enabled=False):
            return F.conv2d(x.float(), weight, bias, conv.stride, conv.padding, groups=conv.groups)
    return F.conv2d(x, weight, bias, conv.stride, conv.padding, groups=conv.groups)


def _padded(x: Tensor, kernel: int) -> Tensor:
    """TensorFlow's padding of an even side, which stride 2 makes uneven: more at the end."""
    before = (kernel - 2) // 2
    after = kernel - 2 - before
    return F.pad(x, (before, after, before, after))
