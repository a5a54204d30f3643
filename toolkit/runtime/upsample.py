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
    A row of the network is widened when the photograph's rows reach it, so that only two wide
    rows are held. All rows of the photograph that lie between the same two are made at once.
    """

    def __init__(self, planes: Float, height: int, width: int) -> None:
        self._planes = planes
        self._above, self._below, self._dy = places(planes.shape[1], height)
        self._left, self._right, self._dx = places(planes.shape[2], width)
        self._at = -1
        self._base = self._next = self._step = planes[:, 0]

    def rows(self, first: int, last: int, out: Float) -> None:
        """Put rows `first` to `last` into `out`, float32 of shape (c, last - first, W)."""
        here = first
        while here < last:
            above = int(self._above[here])
            end = min(last, int(np.searchsorted(self._above, above, side="right")))
            self._go_to(above, int(self._below[here]))
            part = out[:, here - first : end - first]
            np.multiply(self._step[:, None], self._dy[here:end, None], out=part)
            part += self._base[:, None]
            here = end

    def _go_to(self, above: int, below: int) -> None:
        if above == self._at:
            return
        self._base = self._next if above == self._at + 1 > 0 else self._widened(above)
        self._next = self._widened(below)
        self._step = self._next - self._base
        self._at = above

    def _widened(self, row: int) -> Float:
        left = np.take(self._planes[:, row], self._left, axis=1)
        wide = np.take(self._planes[:, row], self._right, axis=1)
        wide -= left
        wide *= self._dx
        wide += left
        return wide


def places(n: int, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Float]:
    """For each of `size` places the two of `n` around it, and how near it is to the second."""
    at = np.clip((np.arange(size) + 0.5) * (n / size) - 0.5, 0, n - 1)
    before = np.floor(at).astype(np.intp)
    return before, np.minimum(before + 1, n - 1), (at - before).astype(np.float32)
