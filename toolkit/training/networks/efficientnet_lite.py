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

from typing import cast

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
    """

    def __init__(self) -> None:
        super().__init__()
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
        x = F.relu6(self.bn0(_same(self.conv_stem, lightness)))
        maps: list[Tensor] = []
        for block in self.blocks:
            narrower = block(x)
            if narrower.shape[-1] != x.shape[-1]:
                maps.append(x)
            x = narrower
        return [*maps, x]


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
            y = F.relu6(self.bn0(self.expand_conv(y)))
        y = F.relu6(self.bn1(_same(self.depthwise_conv, y)))
        y = cast(Tensor, self.bn2(self.project_conv(y)))
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


def _same(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """TensorFlow's padding of an even side, which stride 2 makes uneven: more at the end."""
    if conv.stride[0] == 2:
        before = (conv.kernel_size[0] - 2) // 2
        after = conv.kernel_size[0] - 2 - before
        x = F.pad(x, (before, after, before, after))
    convolved: Tensor = conv(x)
    return convolved
