"""The network's a* and b* at the photograph's size, a few rows at a time."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bilinear", "places"]

Float: TypeAlias = NDArray[np.float32]


class Bilinear:
    """``upsample: bilinear`` of the contract: half-pixel centres, edges clamped.

    Parameters
    ----------
    planes : float32, shape (c, h, w)
    height, width : int
        Of the photograph.

    Notes
    -----
    The network's rows around a band of the photograph are widened at once, so that no whole
    picture of them is held. All rows of the photograph that lie between the same two are one
    product of matrices.
    """

    def __init__(self, planes: Float, height: int, width: int) -> None:
        self._planes = planes
        self._above, self._below, dy = places(planes.shape[1], height)
        self._left, self._right, self._dx = places(planes.shape[2], width)
        self._weights = np.stack([1 - dy, dy], axis=1)
        self._top, self._wide = 0, planes[:, :0]

    def band(self, top: int, bottom: int) -> None:
        """Get ready for rows between `top` and `bottom`."""
        self._top = int(self._above[top])
        planes = self._planes[:, self._top : int(self._below[bottom - 1]) + 1]
        left = np.take(planes, self._left, axis=2)
        wide = np.take(planes, self._right, axis=2)
        wide -= left
        wide *= self._dx
        wide += left
        self._wide = np.concatenate([wide, wide[:, -1:]], axis=1)

    def rows(self, first: int, last: int, out: Float) -> None:
        """Put rows `first` to `last` into `out`, float32 of shape (c, last - first, W)."""
        here = first
        while here < last:
            above = int(self._above[here])
            end = min(last, int(np.searchsorted(self._above, above, side="right")))
            pair = self._wide[:, above - self._top : above - self._top + 2]
            np.matmul(self._weights[here:end], pair, out=out[:, here - first : end - first])
            here = end


def places(n: int, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Float]:
    """For each of `size` places the two of `n` around it, and how near it is to the second."""
    at = np.clip((np.arange(size) + 0.5) * (n / size) - 0.5, 0, n - 1)
    before = np.floor(at).astype(np.intp)
    return before, np.minimum(before + 1, n - 1), (at - before).astype(np.float32)
