"""How different two colours look: CIEDE2000, vectorised.

References
----------
.. [1] G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula: implementation
   notes, supplementary test data, and mathematical observations", Color Research and
   Application 30(1), 2005.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ciede2000"]

Float = NDArray[np.floating[Any]]


def ciede2000(lab1: Float, lab2: Float) -> Float:
    """CIEDE2000 colour difference of each pixel, with kL = kC = kH = 1 [1]_.

    Parameters
    ----------
    lab1, lab2 : floating point, shape (..., 3), the same shape
        CIE L*a*b*. float32 is computed in float32 (within 0.01 of float64), all else in float64.

    Returns
    -------
    difference : shape (...)
        0 where equal; about 1 where a difference begins to be seen.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if lab1.shape != lab2.shape:
        raise ValueError(f"the shapes differ: {lab1.shape} and {lab2.shape}")
    kind = np.float32 if lab1.dtype == lab2.dtype == np.float32 else np.float64
    l1, a1, b1 = np.moveaxis(lab1.astype(kind, copy=False), -1, 0)
    l2, a2, b2 = np.moveaxis(lab2.astype(kind, copy=False), -1, 0)

    mean_c = (_length(a1, b1) + _length(a2, b2)) / 2
    stretch = 1.5 - 0.5 * np.sqrt(_over_25(mean_c))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = _length(a1, b1), _length(a2, b2)
    h1, h2 = _hue(a1, b1), _hue(a2, b2)

    turn = h2 - h1
    turn = np.where(turn > math.pi, turn - 2 * math.pi, turn)
    turn = np.where(turn < -math.pi, turn + 2 * math.pi, turn)
    gray = (c1 == 0) | (c2 == 0)  # without a hue: the other's counts
    hue = np.where(gray, h1 + h2, h1 + turn / 2)

    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * np.cos(hue - math.radians(30))
        + 0.24 * np.cos(2 * hue)
        + 0.32 * np.cos(3 * hue + math.radians(6))
        - 0.20 * np.cos(4 * hue - math.radians(63))
    )
    off = np.square(mean_l - 50)
    s_l = 1 + 0.015 * off / np.sqrt(20 + off)
    s_c = 1 + 0.045 * mean_c
    s_h = 1 + 0.015 * mean_c * t
    blue = np.degrees(_one_turn(hue)) - 275  # where the blues need their rotation term
    rotation = (
        -2 * np.sqrt(_over_25(mean_c)) * np.sin(math.radians(60) * np.exp(-np.square(blue / 25)))
    )
    d_l = (l2 - l1) / s_l
    d_c = (c2 - c1) / s_c
    d_h = 2 * np.sqrt(c1 * c2) * np.sin(turn / 2) / s_h
    square = d_l**2 + d_c**2 + d_h**2 + rotation * d_c * d_h
    difference: Float = np.sqrt(np.maximum(square, 0))
    return difference


def _hue(a: Float, b: Float) -> Float:
    """Hue in 0..2 pi, 0 for gray. Which turn it is in decides the mean of opposite hues."""
    return np.where((a == 0) & (b == 0), 0, _one_turn(np.arctan2(b, a)))


def _one_turn(angle: Float) -> Float:
    """An angle in -2 pi to 4 pi as the same angle in 0..2 pi; five times as fast as remainder."""
    angle = np.where(angle < 0, angle + 2 * math.pi, angle)
    return np.where(angle >= 2 * math.pi, angle - 2 * math.pi, angle)


def _length(a: Float, b: Float) -> Float:
    """Chroma; ten times as fast as `numpy.hypot`, whose care for huge numbers is not needed."""
    length: Float = np.sqrt(a * a + b * b)
    return length


def _over_25(chroma: Float) -> Float:
    """C^7 / (C^7 + 25^7), as a ratio so that it neither overflows nor vanishes in float32."""
    ratio = chroma / 25
    square = ratio * ratio
    seventh = square * square * square * ratio
    share: Float = seventh / (seventh + 1)
    return share
