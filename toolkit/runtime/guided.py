"""Colours that stop at edges: a guided filter of a* and b* on L*, as slopes and offsets.

Around each place of the network's grid a* is fitted as a straight line of L*, and b* too. Its
slope is smoothed as the filter does it; its offset is such that the line gives what the network
said at that place. The lines are upsampled as the colours would be, and on them the photograph's
own L* puts each edge where the photograph has it.

References
----------
.. [1] K. He, J. Sun, X. Tang, "Guided Image Filtering", TPAMI 2013.
.. [2] K. He, J. Sun, "Fast Guided Filter", arXiv:1505.00996, 2015.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["EPSILON", "RADIUS", "lines"]

Float: TypeAlias = NDArray[np.float32]

RADIUS = 2
"""Of the window, in places of the network's grid."""
EPSILON = 100.0
"""Variance of L* below which a window counts as flat, so that its texture gives no colours."""


def lines(ab: Float, lightness: Float) -> Float:
    """Fit a* and b* as lines of L* around each place.

    Parameters
    ----------
    ab : float32, shape (2, h, w)
    lightness : float32, shape (h, w)
        L* in 0..100 on the same grid.

    Returns
    -------
    planes : float32, shape (4, h, w)
        Slopes of a* and b* over L*, then their offsets: ``ab = slope * L + offset``.
    """
    mean_l = _box(lightness)
    mean_ab = np.stack([_box(plane) for plane in ab])
    variance = _box(lightness * lightness) - mean_l * mean_l
    covariance = np.stack([_box(plane * lightness) for plane in ab]) - mean_ab * mean_l
    slope = covariance / (np.maximum(variance, 0) + np.float32(EPSILON))
    slope = np.stack([_box(plane) for plane in slope])
    return np.concatenate([slope, ab - slope * lightness])


def _box(plane: Float) -> Float:
    """Mean over a window of (2 RADIUS + 1) squared, of what lies inside at the edges."""
    for axis in (0, 1):
        n = plane.shape[axis]
        at = np.arange(n)
        low, high = np.maximum(at - RADIUS, 0), np.minimum(at + RADIUS + 1, n)
        zero = np.zeros_like(np.take(plane, [0], axis=axis), dtype=np.float64)
        total = np.concatenate([zero, np.cumsum(plane, axis=axis, dtype=np.float64)], axis=axis)
        count = (high - low).reshape([-1, 1] if axis == 0 else [1, -1])
        plane = (np.take(total, high, axis=axis) - np.take(total, low, axis=axis)) / count
    mean: Float = plane.astype(np.float32)
    return mean
