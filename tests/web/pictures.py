"""Gray photographs for the page's tests, and what the Python runtime makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit import Colorizer

Picture = NDArray[np.uint8]


def scene(height: int, width: int, seed: int = 0) -> Picture:
    """A gray picture with all levels, soft light, and detail: what shows a wrong pixel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    light = 127 + 90 * np.sin(x / max(9, width / 5)) * np.cos(y / max(7, height / 4))
    noisy = light + rng.normal(0, 25, light.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def saved(folder: Path, name: str, picture: Picture, **options: object) -> Path:
    path = folder / name
    Image.fromarray(picture).save(path, **options)  # type: ignore[arg-type]
    return path


def opened(path: Path) -> Picture:
    with Image.open(path) as image:
        image.load()
        return np.asarray(image)


def expected(bundle: Path, source: Path, strength: float = 1.0) -> Picture:
    return np.asarray(Colorizer(bundle, strength=strength).colorize(source))


def assert_near(got: Picture, want: Picture, mean: float = 0.1, most: int = 1) -> None:
    """Levels of difference: as for a PNG, unless more are given."""
    assert got.shape == want.shape
    away = np.abs(got.astype(int) - want)
    assert away.mean() <= mean
    assert away.max(initial=0) <= most
