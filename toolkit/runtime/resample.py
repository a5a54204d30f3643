"""The photograph's gray at the network's size, by the triangle filter of the contract.

The exact definition (``resample: triangle``): the gray value as the file stores it, on a scale
of 0..255, is averaged with triangle weights of half width max(1, scale) around each half-pixel
centre, the weights renormalised where they reach over an edge, each axis by itself, in float32;
L* is taken afterwards. Pillow's BILINEAR on mode F and torch's ``antialias=True`` do the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit import lab
from toolkit.contract import FixedSize, FlexibleSize
from toolkit.runtime.levels import Gray
from toolkit.runtime.product import product

__all__ = ["levels", "lightness", "network_size", "shrink", "triangle_weights"]

_BLOCK = 4
"""Rows of the result that are made at a time: with more, more of the weights are zeros."""


def network_size(
    size: FixedSize | FlexibleSize, height: int, width: int, short_side: int | None = None
) -> tuple[int, int]:
    """The size at which the network sees a photograph.

    Parameters
    ----------
    size : FixedSize or FlexibleSize
        From the contract.
    height, width : int
        Of the photograph, in pixels.
    short_side : int, optional
        Instead of the contract's preferred one; it has no effect on a fixed size.

    Returns
    -------
    height, width : int
        For a flexible size each side is scaled by the same factor, then rounded to the nearest
        multiple, half upwards, and held between the contract's minimum and maximum.
    """
    if isinstance(size, FixedSize):
        return size.height, size.width
    wanted = short_side or size.preferred
    short = min(height, width)

    def side(length: int) -> int:
        units = (2 * length * wanted + short * size.multiple_of) // (2 * short * size.multiple_of)
        return min(max(units * size.multiple_of, size.minimum), size.maximum)

    return side(height), side(width)


def lightness(gray: Gray, height: int, width: int) -> NDArray[np.float32]:
    """L* of a photograph at the network's size.

    Parameters
    ----------
    gray : uint8 or uint16, shape (H, W)
    height, width : int

    Returns
    -------
    l : float32, shape (height, width), in 0..100
    """
    return lab.l_of_gray(levels(gray, height, width))


def levels(gray: Gray, height: int, width: int) -> NDArray[np.float32]:
    """The gray of a photograph at the network's size, sRGB-encoded, in 0..1; as `lightness`."""
    values = _narrow(shrink(gray, height), width)
    values *= np.float32(1 / np.iinfo(gray.dtype).max)
    return values


def shrink(values: NDArray[np.generic], size: int) -> NDArray[np.float32]:
    """Resample the first axis to `size` with the triangle filter.

    Parameters
    ----------
    values : shape (n, m)
    size : int

    Returns
    -------
    resampled : float32, shape (size, m)

    Notes
    -----
    The weights are a band; a few rows of the result at a time need only a few rows of the
    photograph, so that no whole-image float buffer exists.
    """
    n, m = values.shape
    out = np.empty((size, m), np.float32)
    buffer = np.empty((0, m), np.float32)
    for first in range(0, size, _BLOCK):
        last = min(first + _BLOCK, size)
        start, weights = triangle_weights(n, size, first, last)
        k = weights.shape[1]
        if k > len(buffer):
            buffer = np.empty((k, m), np.float32)
        np.copyto(buffer[:k], values[start : start + k])
        product(weights, buffer[:k], out[first:last])
    return out


def _narrow(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Resample the second axis to `size`: what `shrink` does to the first."""
    n, m = values.shape
    out = np.empty((n, size), np.float32)
    for first in range(0, size, _BLOCK):
        last = min(first + _BLOCK, size)
        start, weights = triangle_weights(m, size, first, last)
        part = values[:, start : start + weights.shape[1]]
        product(weights, part.T, out[:, first:last].T)
    return out


def triangle_weights(
    n: int, size: int, first: int = 0, last: int | None = None
) -> tuple[int, NDArray[np.float32]]:
    """Rows `first` to `last` of the matrix that resamples `n` values to `size`.

    Returns
    -------
    start : int
        The first of the `n` values that has a weight.
    weights : float32, shape (last - first, k)
        For the `k` values from `start` on; each row sums to 1.
    """
    last = size if last is None else last
    scale = n / size
    reach = max(1.0, scale)
    centres = (np.arange(first, last) + 0.5) * scale
    start = max(0, int(np.floor(centres[0] - reach)))
    stop = min(n, int(np.ceil(centres[-1] + reach)))
    at = np.arange(start, stop) + 0.5
    weights = np.maximum(0, 1 - np.abs(at[None] - centres[:, None]) / reach)
    weights /= weights.sum(axis=1, keepdims=True)
    return start, weights.astype(np.float32)
