"""What time does to the light of old photographs: they fade, they are soft, scratched and grainy.

Only L* is varied. The colours to be learned stay the true ones: no hue jitter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.training.recipe import Data

__all__ = ["AGEING", "vary_lightness"]

AGEING = ("gamma", "fade", "grain", "blur", "scratches")
"""Keys of the recipe's part on data."""

Float = NDArray[np.float32]


def vary_lightness(lightness: Float, data: Data, rng: np.random.Generator) -> Float:
    """Age a batch by the amounts that the recipe names.

    Parameters
    ----------
    lightness : float32, shape (N, 1, H, W)
        L* in 0..100; changed in place.
    data : Data
        ``gamma``: exponents are drawn from exp(-gamma)..exp(gamma). ``fade``: black and white
        move in by up to this share. ``grain``: the largest standard deviation of noise, in L*.
        ``blur``: the largest standard deviation of a Gaussian, in pixels. ``scratches``: their
        mean number.
    rng : Generator

    Returns
    -------
    lightness : float32, shape (N, 1, H, W), in 0..100
    """
    if not (data.gamma or data.fade or data.grain or data.blur or data.scratches):
        return lightness
    n = (len(lightness), 1, 1, 1)
    if data.blur:
        for photo in lightness[:, 0]:
            photo[:] = _blurred(photo, data.blur * rng.random() ** 2)
    if data.gamma:
        exponent = np.exp(rng.uniform(-data.gamma, data.gamma, n)).astype(np.float32)
        np.power(np.clip(lightness / 100, 0, 1), exponent, out=lightness)
        lightness *= 100
    if data.fade:
        black = rng.uniform(0, data.fade, n).astype(np.float32)
        white = rng.uniform(0, data.fade, n).astype(np.float32)
        lightness = np.float32(100) * black + lightness * (1 - black - white)
    if data.scratches:
        for photo in lightness[:, 0]:
            for _ in range(rng.poisson(data.scratches)):
                _scratch(photo, rng)
    if data.grain:
        # Squared, so that most photographs have little of it.
        sigma = data.grain * rng.random(n, np.float32) ** 2
        lightness = lightness + sigma * rng.standard_normal(lightness.shape, np.float32)
    return np.clip(lightness, 0, 100, out=lightness)


def _blurred(photo: Float, sigma: float) -> Float:
    """A separable Gaussian, edges repeated; none where it is below a third of a pixel."""
    radius = int(3 * sigma)
    if not radius:
        return photo
    places = np.arange(-radius, radius + 1)
    kernel = np.exp(-(places**2) / (2 * sigma**2)).astype(np.float32)
    kernel /= kernel.sum()
    for _ in range(2):  # along the rows, then turned, along the columns
        wide = np.pad(photo, ((0, 0), (radius, radius)), mode="edge")
        width = photo.shape[1]
        soft = np.zeros_like(photo)
        for i, weight in enumerate(kernel):
            soft += weight * wide[:, i : i + width]
        photo = soft.T
    return photo


def _scratch(photo: Float, rng: np.random.Generator) -> None:
    """A line a pixel wide, nearly upright, over a part of the height, 15 to 50 L* off."""
    height, width = photo.shape
    begin, end = np.sort(rng.integers(0, height + 1, 2))
    rows = np.arange(begin, end)
    columns = rng.uniform(0, width) + rng.normal(0, 0.05) * rows
    inside = (columns >= 0) & (columns < width)
    photo[rows[inside], columns[inside].astype(np.intp)] += rng.choice([-1, 1]) * rng.uniform(
        15, 50
    )
