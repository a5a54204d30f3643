"""What time does to the light of old photographs: they fade, and they have grain.

Only L* is varied. The colours to be learned stay the true ones: no hue jitter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.training.recipe import Data

__all__ = ["vary_lightness"]

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
    rng : Generator

    Returns
    -------
    lightness : float32, shape (N, 1, H, W), in 0..100
    """
    if not (data.gamma or data.fade or data.grain):
        return lightness
    n = (len(lightness), 1, 1, 1)
    if data.gamma:
        exponent = np.exp(rng.uniform(-data.gamma, data.gamma, n)).astype(np.float32)
        np.power(np.clip(lightness / 100, 0, 1), exponent, out=lightness)
        lightness *= 100
    if data.fade:
        black = rng.uniform(0, data.fade, n).astype(np.float32)
        white = rng.uniform(0, data.fade, n).astype(np.float32)
        lightness = np.float32(100) * black + lightness * (1 - black - white)
    if data.grain:
        # Squared, so that most photographs have little of it.
        sigma = data.grain * rng.random(n, np.float32) ** 2
        lightness = lightness + sigma * rng.standard_normal(lightness.shape, np.float32)
    return np.clip(lightness, 0, 100, out=lightness)
