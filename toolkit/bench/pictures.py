"""Photographs of any size to measure with, made from the small ones of the proof set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["gray_photo", "write_folder", "write_jpeg"]

_MIXED = (
    (0.3, ".jpg"),
    (2.0, ".jpg"),
    (1.0, ".png"),
    (6.0, ".jpg"),
    (0.5, ".webp"),
    (3.0, ".jpg"),
    (1.5, ".tif"),
    (4.0, ".jpg"),
)
"""Megapixels and formats of a folder of scans, again and again."""


def gray_photo(megapixels: float, number: int = 0) -> Image.Image:
    """A 4:3 gray photograph with film grain: one of the pictures of the proof set, made larger."""
    from toolkit.export.proof_set import PICTURES, gray_fields

    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    photo = Image.fromarray(gray_fields()[number % len(PICTURES), 32:224])
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


def write_folder(folder: Path, count: int) -> list[Path]:
    """Write `count` photographs of mixed sizes and formats."""
    paths = []
    for number in range(count):
        megapixels, suffix = _MIXED[number % len(_MIXED)]
        path = folder / f"{number:03}{suffix}"
        gray_photo(megapixels, number).save(path)
        paths.append(path)
    return paths
