"""Whether a picture in RGB has colours of its own, or only a tint like sepia."""

from __future__ import annotations

import numpy as np
from PIL import Image

from toolkit import lab

__all__ = ["has_colors"]

_SIDE = 160
_TONES = 8
_LEVEL = 8.0
_SHARE = 0.05


def has_colors(image: Image.Image) -> bool:
    """Whether an RGB picture is in colour.

    Parameters
    ----------
    image : mode RGB, sRGB

    Returns
    -------
    colored : bool
        True if more than 5 % of the picture is at least 8 CIE units of a*b* away from the median
        of what is as light. A toned print has one colour for each lightness, so it is not in
        colour; stains and a stamp are too small to count.
    """
    small = image.copy() if max(image.size) <= _SIDE else image.resize(_fit(image), _BOX)
    values = lab.rgb_to_lab(np.asarray(small)).reshape(-1, 3)
    tones = np.minimum(values[:, 0] * (_TONES / 100), _TONES - 1).astype(int)
    away = np.zeros(len(values), np.float32)
    for tone in range(_TONES):
        here = tones == tone
        if here.any():
            ab = values[here, 1:]
            middle = np.partition(ab, len(ab) // 2, axis=0)[len(ab) // 2]
            away[here] = np.hypot(*(ab - middle).T)
    return float((away > _LEVEL).mean()) > _SHARE


_BOX = Image.Resampling.BOX


def _fit(image: Image.Image) -> tuple[int, int]:
    scale = _SIDE / max(image.size)
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))
