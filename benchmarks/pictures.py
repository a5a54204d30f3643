"""Photographs of any size to measure with, made from one that is in the public domain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

__all__ = ["gray_photo", "write_jpeg"]


def gray_photo(megapixels: float) -> Image.Image:
    """A 4:3 gray photograph: scikit-image's astronaut (NASA, public domain), with film grain."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    photo = Image.fromarray(data.astronaut()).convert("L").crop((0, 64, 512, 448))
    large = photo.resize((width, height), Image.Resampling.BICUBIC)
    tile = np.random.default_rng(0).normal(0, 3, (512, 512)).astype(np.float32)
    pixels = np.asarray(large)
    grainy = np.empty_like(pixels)
    for top in range(0, height, 512):
        for left in range(0, width, 512):
            part = pixels[top : top + 512, left : left + 512]
            rows, columns = part.shape
            grainy[top : top + 512, left : left + 512] = np.clip(
                part + tile[:rows, :columns], 0, 255
            )
    return Image.fromarray(grainy)


def write_jpeg(path: Path, megapixels: float) -> None:
    """Write one as a scanner would."""
    gray_photo(megapixels).save(path, quality=90)
