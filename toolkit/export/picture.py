"""A picture in, the coloured picture out, as a PyTorch module: what Core ML is made from.

The steps are those that the contract names and `toolkit.runtime` computes, at one size, so that
the filters are constant matrices. Everything but the network is arithmetic in float32.

References
----------
.. [1] CIE 15:2004 and IEC 61966-2-1:1999: the constants, as `toolkit.lab` uses them.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from toolkit import lab
from toolkit.runtime.gamut import HALVINGS, SLACK
from toolkit.runtime.resample import triangle_weights
from toolkit.runtime.upsample import places

__all__ = ["PictureModel"]

_ENCODE_STEPS = 65_535
_CODE_STEPS = 2**14
_KAPPA = 7.787
_EPSILON = 0.008856


class PictureModel(nn.Module):
    """The way of a square picture to the network and back.

    Parameters
    ----------
    network : nn.Module
        L*, (1, 1, h, w), to a*b*, (1, 2, h, w).
    side : int
        Of the picture.
    inner : (int, int)
        Height and width at which the network runs.
    """

    def __init__(self, network: nn.Module, side: int, inner: tuple[int, int]) -> None:
        super().__init__()
        self.before = _ToLightness(side, inner)
        self.network = network
        self.after = _ToPicture(side, inner)
        self.training = False

    def forward(self, photo: Tensor) -> Tensor:
        """sRGB levels of 0..255, (1, 3, S, S), to whole sRGB levels, the same shape."""
        gray, lightness = self.before(photo)
        colours: Tensor = self.after(gray, self.network(lightness))
        return colours


class _ToLightness(nn.Module):
    """Gray levels of the picture, and L* at the network's size."""

    def __init__(self, side: int, inner: tuple[int, int]) -> None:
        super().__init__()
        self.down, self.across = (_constant(triangle_weights(side, n)[1]) for n in inner)
        self.training = False
        encode = lab.encode_table() * np.float32(255) + np.float32(0.5)
        self.encode = _constant(np.floor(encode))
        self.decode = _constant(lab.decode_table())

    def forward(self, photo: Tensor) -> tuple[Tensor, Tensor]:
        weights = [float(w) for w in lab.XYZ_FROM_RGB[1].astype(np.float32)]
        red, green, blue = photo[:, 0:1], photo[:, 1:2], photo[:, 2:3]
        y = red * 0
        for weight, channel in zip(weights, (red, green, blue), strict=True):
            y = y + _look_up(self.decode, channel) * weight
        code = _look_up(self.encode, torch.clamp(y * _ENCODE_STEPS + 0.5, 0, _ENCODE_STEPS))
        # R = G = B is gray as it is; sums of differences, because it has no use for bool tensors.
        differs = torch.abs(red - green) + torch.abs(green - blue)
        gray = torch.where(differs > 0.5, code, red)
        small = self.down @ gray @ self.across.t()
        return gray, _lightness(small / 255)


class _ToPicture(nn.Module):
    """The picture from its gray levels and the network's a*b*."""

    def __init__(self, side: int, inner: tuple[int, int]) -> None:
        super().__init__()
        self.down, self.across = (_constant(_bilinear(n, side)) for n in inner)
        matrix = lab.RGB_FROM_RELATIVE.astype(np.float32)
        self.matrix = _constant(matrix[:, :, None, None])
        self.middle = _constant((lab.gray_to_l() + np.float32(16)) / np.float32(116))
        linear = (np.arange(_CODE_STEPS) + 0.5) / _CODE_STEPS
        self.codes = _constant(np.rint(lab.srgb_encode(linear) * 255).astype(np.float32))
        self.training = False

    def forward(self, gray: Tensor, ab: Tensor) -> Tensor:
        wide = self.down @ ab @ self.across.t()
        middle = _look_up(self.middle, gray)
        far_x, far_z = wide[:, 0:1] / 500, wide[:, 1:2] / -200
        chroma = torch.cat([far_x, torch.zeros_like(far_x), far_z], 1)
        fits = self._inside(middle + chroma)
        t = torch.zeros_like(middle)
        for halving in range(1, HALVINGS + 1):
            step = 2.0**-halving
            t = t + step * self._inside(middle + chroma * (t + step))
        linear = self._linear(middle + chroma * torch.maximum(t, fits))
        return _look_up(self.codes, torch.clamp(linear * _CODE_STEPS, 0, _CODE_STEPS - 1))

    def _linear(self, f: Tensor) -> Tensor:
        root = torch.clamp(f, min=lab.F_EPSILON)
        relative = root * root * root + (f - root) * (1 / _KAPPA)
        return nn.functional.conv2d(relative, self.matrix)

    def _inside(self, f: Tensor) -> Tensor:
        """1 where a colour lies in sRGB, else 0, by the channel farthest from the middle."""
        far = torch.abs(self._linear(f) - 0.5).amax(1, keepdim=True)
        return torch.where(far > 0.5 + SLACK, 0.0, 1.0)


def _constant(values: NDArray[np.float32]) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(values), requires_grad=False)


def _bilinear(n: int, size: int) -> NDArray[np.float32]:
    """The matrix (size, n) of `toolkit.runtime.upsample`."""
    before, after, near = places(n, size)
    matrix = np.zeros((size, n), np.float32)
    rows = np.arange(size)
    np.add.at(matrix, (rows, before), 1 - near)
    np.add.at(matrix, (rows, after), near)
    return matrix


def _look_up(table: Tensor, index: Tensor) -> Tensor:
    """The table's entry for each value, rounded down; powers would be another on each processor."""
    return torch.index_select(table, 0, index.int().reshape(-1)).reshape(index.shape)


def _lightness(v: Tensor) -> Tensor:
    """L* of sRGB gray in 0..1 [1]_."""
    y = torch.where(v > 0.04045, ((v + 0.055) / 1.055) ** 2.4, v / 12.92)
    root = torch.clamp(y, min=1e-6) ** (1 / 3)
    f = torch.where(y > _EPSILON, root, y * _KAPPA + 16 / 116)
    return torch.clamp(116 * f - 16, 0, 100)
