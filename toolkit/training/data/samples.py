"""What a photograph of the pack becomes in a batch, for each task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from toolkit.lab import gray_of_rgb, gray_to_l, rgb_to_lab_planes
from toolkit.training.data.augment import vary_lightness
from toolkit.training.data.pairs import halves
from toolkit.training.networks.generator import AB_SCALE, L_SCALE, LUMA_SCALE
from toolkit.training.recipe import Data

__all__ = ["Batch", "Box", "ColourSamples", "LumaSamples", "PairSamples", "Samples", "blurred"]

UInt8 = NDArray[np.uint8]
Float = NDArray[np.float32]
Crops = Sequence[UInt8]
"""Pictures of one size, each of shape (H, W, 3)."""
Box = tuple[float, float, float]
"""Left, top and side of a square, in pixels."""


@dataclass(frozen=True)
class Batch:
    """What a step learns from; for the task ``colorize``, which the names are of:

    Attributes
    ----------
    lightness : Tensor, float32, shape (N, 1, H, W)
        L* / 50 - 1, perhaps grainy or faded. For other tasks: what the generator is given.
    ab : Tensor, float32, shape (N, 2, H, W)
        True a* and b* / 110. For other tasks: what it should make of it.
    """

    lightness: Tensor
    ab: Tensor


class Samples(Protocol):
    """What a task asks of the pictures it learns from."""

    def views(self, entry: UInt8) -> list[UInt8]:
        """The pictures of one size that an entry of the pack holds; all are cropped alike."""

    def box(self, height: int, width: int, crop: int, rng: np.random.Generator) -> Box:
        """A square out of a picture, which becomes crop x crop pixels."""

    def batch(self, views: list[Crops], rng: np.random.Generator) -> Batch:
        """From the crops of each view."""


class ColourSamples:
    """L* to a*b*, of crops of any size. Takes the recipe's part on data."""

    def __init__(self, data: Data) -> None:
        self.data = data

    def views(self, entry: UInt8) -> list[UInt8]:
        """The photograph itself."""
        return [entry]

    def box(self, height: int, width: int, crop: int, rng: np.random.Generator) -> Box:
        """A share of the short side, anywhere."""
        side = min(height, width) * rng.uniform(self.data.zoom[0], self.data.zoom[1])
        return rng.uniform(0, width - side), rng.uniform(0, height - side), side

    def batch(self, views: list[Crops], rng: np.random.Generator) -> Batch:
        """True colours; the light perhaps aged."""
        crops = views[0]
        height, width = crops[0].shape[:2]
        lightness = np.empty((len(crops), 1, height, width), np.float32)
        ab = np.empty((len(crops), 2, height, width), np.float32)
        lab = np.empty((3, height, width), np.float32)
        for i, crop in enumerate(crops):
            rgb_to_lab_planes(crop, lab)
            lightness[i] = lab[:1]
            np.multiply(lab[1:], np.float32(1 / AB_SCALE), out=ab[i])
        lightness = vary_lightness(lightness, self.data, rng)
        lightness *= np.float32(1 / L_SCALE)
        lightness -= np.float32(1)
        return Batch(torch.from_numpy(lightness), torch.from_numpy(ab))


class LumaSamples(ColourSamples):
    """L* made smaller and larger again, to the L* that it was."""

    def box(self, height: int, width: int, crop: int, rng: np.random.Generator) -> Box:
        """As many pixels as the crop has: a target made smaller or larger would be no target."""
        left = int(rng.integers(0, width - crop + 1))
        return float(left), float(rng.integers(0, height - crop + 1)), float(crop)

    def batch(self, views: list[Crops], rng: np.random.Generator) -> Batch:
        """L* / 100, each photograph by a factor of its own."""
        true = gray_to_l()[gray_of_rgb(np.stack(views[0]))]
        factors = rng.choice(self.data.shrink, len(true))
        given = np.stack([blurred(x, int(f)) for x, f in zip(true, factors, strict=True)])
        unit = [x[:, None] / np.float32(LUMA_SCALE) for x in (given, true)]
        return Batch(*map(torch.from_numpy, unit))


class PairSamples(ColourSamples):
    """One picture to another, both in sRGB, by the scaling of ``data.pairs``."""

    def views(self, entry: UInt8) -> list[UInt8]:
        """The given and the true one."""
        return halves(entry)

    def batch(self, views: list[Crops], rng: np.random.Generator) -> Batch:
        """(level - mean) / std of levels in 0..1."""
        pairs = self.data.pairs
        scales = [(pairs.given_mean, pairs.given_std), (pairs.true_mean, pairs.true_std)]
        return Batch(
            *(scaled(np.stack(view), *scale) for view, scale in zip(views, scales, strict=True))
        )


def blurred(lightness: Float, factor: int) -> Float:
    """L*, shape (H, W), made smaller by `factor` and as large again, both bicubic, in 0..100."""
    height, width = lightness.shape
    small = (max(1, width // factor), max(1, height // factor))
    image = Image.fromarray(lightness).resize(small, Image.Resampling.BICUBIC)
    large = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    return np.asarray(np.clip(large, 0, 100))


def scaled(rgb: UInt8, mean: list[float], std: list[float]) -> Tensor:
    """sRGB pixels, shape (N, H, W, 3), to (level - mean) / std, shape (N, 3, H, W)."""
    levels = rgb.astype(np.float32) / np.float32(255)
    values = (levels - np.array(mean, np.float32)) / np.array(std, np.float32)
    return torch.from_numpy(np.ascontiguousarray(values.transpose(0, 3, 1, 2)))
