"""Full-resolution L* with the network's a* and b*: bilinear upsampling, gamut, sRGB.

The exact definition that the contract names (``gamut: chroma`` stands in `gamut`):

``upsample: bilinear``
    Row y of a photograph with H rows lies at ``s = (y + 0.5) * h / H - 0.5`` in the network's
    h rows, s held to 0..h-1; the two rows around s are mixed linearly. Columns alike.
Work goes in bands of rows, which threads take one by one, and within a band in strips whose
buffers stay in the cache. L* of a pixel comes from a table of its gray levels. Buffers are
allocated once for each thread; no whole-image float buffer exists.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from toolkit import lab
from toolkit.runtime.gamut import Gamut
from toolkit.runtime.levels import Gray
from toolkit.runtime.light import UNIT, from_f
from toolkit.runtime.upsample import Bilinear

__all__ = ["Pixels", "Put", "compose"]

Float: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
Codes: TypeAlias = NDArray[np.uint32] | NDArray[np.uint64]
Put: TypeAlias = Callable[[int, Pixels], None]

STRIP = 98_304
"""Pixels of a strip. Smaller ones fit the cache better and are 10 % faster on one thread; but each
operation begins with taking the interpreter's lock, and where two threads find it taken the one
that sleeps needs 50 us to wake, more than an operation on a small strip takes."""

_STRIPS = 32
"""Of a picture at least, so that the buffers of a small one stay small beside it."""

_BATCH = 24_576
"""Pixels outside sRGB that are brought back at once."""

_STEPS = {8: 2**14, 16: 2**20}
"""Steps of the table for the sRGB curve: a fifth of a level where it is steepest, and for 8 bits
small enough for the first-level cache."""

_MARKS = {8: 2**24, 16: 2**48}
"""From here on a pixel's fourth value says that its colour may lie outside sRGB."""


def compose(
    gray: Gray,
    planes: Float,
    put: Put,
    *,
    strength: float = 1.0,
    threads: int = 1,
    band: int = 128,
    bits: int = 8,
) -> None:
    """Colour a photograph and hand it over band by band.

    Parameters
    ----------
    gray : uint8 or uint16, shape (H, W)
        The photograph's luminance, sRGB-encoded.
    planes : float32, shape (2, h, w) or (4, h, w)
        a* and b* in CIE units at the network's size; or the slopes and offsets of
        `toolkit.runtime.guided.lines`, by which they follow L*.
    put : callable
        Gets the first row of a band and its pixels: uint8 or uint16, shape (rows, W, 4), R, G,
        B and one that means nothing. It is called from `threads` threads, in no order, and must
        have done with the pixels when it returns.
    strength : float
        Factor of a* and b*, before the gamut step.
    threads : int
    band : int
        Rows of a band.
    bits : int
        Depth of the result: 8 or 16.
    """
    height = gray.shape[0]
    tops = iter(range(0, height, band))
    turn = Lock()

    def work() -> None:
        painter = _Painter(gray, planes * np.float32(strength), band, bits)
        while True:
            with turn:
                top = next(tops, None)
            if top is None:
                return
            put(top, painter.paint(top, min(top + band, height)))

    workers = max(1, min(threads, -(-height // band)))
    if workers == 1:
        work()
        return
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work) for _ in range(workers)]:
            done.result()


class _Painter:
    """The buffers and tables of one thread."""

    def __init__(self, gray: Gray, planes: Float, band: int, bits: int) -> None:
        height, width = gray.shape
        self._gray, self._bits = gray, bits
        self._upsample = Bilinear(_in_f(planes), height, width)
        self._f_table, self._light_table = _of_gray(np.iinfo(gray.dtype).max + 1)
        self._codes = _codes(bits)
        self._gamut = Gamut(_STEPS[bits])
        self._outside: list[tuple[Codes, NDArray[np.intp], Float]] = []
        self._waiting = 0
        self._rows = max(1, min(STRIP, gray.size // _STRIPS) // width)
        n = min(self._rows, height) * width
        self._f, self._light, self._linear = (np.empty(3 * n, np.float32) for _ in range(3))
        self._lines = np.empty(4 * n if len(planes) == 4 else 0, np.float32)
        self._index = np.empty(n, np.intp)
        self._code = np.empty(n, self._codes[0].dtype)
        self._band = np.empty((min(band, height), width), self._code.dtype)

    def paint(self, top: int, bottom: int) -> Pixels:
        """Rows `top` to `bottom`, shape (rows, W, 4); valid until the next call."""
        self._upsample.band(top, bottom)
        for first in range(top, bottom, self._rows):
            last = min(first + self._rows, bottom)
            self._strip(first, last, self._band[first - top : last - top].reshape(-1))
            if self._waiting > _BATCH:
                self._into_gamut()
        self._into_gamut()
        band, shape = self._band[: bottom - top], (bottom - top, self._gray.shape[1], 4)
        if self._bits == 8:
            return band.view(np.uint8).reshape(shape)
        return band.view(np.uint16).reshape(shape)

    def _strip(self, first: int, last: int, out: Codes) -> None:
        n = len(out)
        f, values, linear = (b[: 3 * n].reshape(3, n) for b in (self._f, self._light, self._linear))
        index, whole = self._index[:n], values.view(np.int32)
        np.copyto(index, self._gray[first:last].reshape(-1))
        self._f_table.take(index, out=f[2], mode="clip")
        self._light_table.take(index, out=values[2], mode="clip")
        self._chroma(first, last, f)
        f[:2] += f[2]
        from_f(f[:2], values[:2], linear[:2])
        self._gamut.from_light(values, linear)
        np.copyto(whole, linear, casting="unsafe")
        self._encode(whole, index, self._code[:n], out)
        marked = np.flatnonzero(out >= _MARKS[self._bits])
        if len(marked):
            self._outside.append((out, marked, f.take(marked, axis=1)))
            self._waiting += len(marked)

    def _encode(
        self, whole: NDArray[np.int32], index: NDArray[np.intp], code: Codes, out: Codes
    ) -> None:
        """Linear light to codes; without a sign what is negative is huge, and is marked too."""
        for channel, table in enumerate(self._codes):
            np.copyto(index, whole.view(np.uint32)[channel])
            table.take(index, out=code if channel else out, mode="clip")
            if channel:
                out |= code

    def _into_gamut(self) -> None:
        """Colour the pixels again that lie outside sRGB: those of many strips at once, because
        there are few in each."""
        if not self._outside:
            return
        linear = self._gamut.solve(np.concatenate([f for _, _, f in self._outside], axis=1))
        n = linear.shape[1]
        colors, code = (np.empty_like(self._code, shape=n) for _ in range(2))
        np.clip(linear, 0, _STEPS[self._bits], out=linear)
        self._encode(linear.astype(np.int32), np.empty(n, np.intp), code, colors)
        at = 0
        for strip, places, _ in self._outside:
            strip[places] = colors[at : at + len(places)]
            at += len(places)
        self._outside.clear()
        self._waiting = 0

    def _chroma(self, first: int, last: int, f: Float) -> None:
        """Put what a* and b* add to f(Y), which is in ``f[2]``, into ``f[:2]``."""
        shape = (-1, last - first, self._gray.shape[1])
        if not self._lines.size:
            self._upsample.rows(first, last, f[:2].reshape(shape))
            return
        lines = self._lines[: 4 * f.shape[1]].reshape(4, -1)
        self._upsample.rows(first, last, lines.reshape(shape))
        np.multiply(lines[:2], f[2], out=f[:2])
        f[:2] += lines[2:]


def _in_f(planes: Float) -> Float:
    """a* and b*, or their lines over L*, as what is added to f(Y) to give f(X) and f(Z).

    Like all f values here in the units of `light`.
    """
    part = np.array([UNIT / 500, -UNIT / 200], np.float32)[:, None, None]
    if len(planes) == 2:
        return planes * part
    # Lines are over L*, which is 116 f(Y) - 16.
    slope, offset = planes[:2] * part, planes[2:] * part
    return np.concatenate([slope * np.float32(116 / UNIT), offset - slope * np.float32(16)])


@cache
def _of_gray(levels: int) -> tuple[Float, Float]:
    """(L* + 16) / 116 of each gray level, and its light; in the units of `light`."""
    exact = (lab.gray_to_l(levels).astype(np.float64) + 16) / 116
    f: Float = (exact * UNIT).astype(np.float32)
    return f, from_f(f, np.empty_like(f), np.empty_like(f))


@cache
def _codes(bits: int) -> list[Codes]:
    """For red, green and blue: linear light to its code value, at its place in a pixel.

    Each entry is the code of the middle of its step, so that no 0.5 needs to be added. The last
    but one is white; the last stands for all that may lie outside, and marks the pixel.
    """
    top = 2**bits - 1
    linear = (np.arange(_STEPS[bits]) + 0.5) / _STEPS[bits]
    code = np.append(np.rint(lab.srgb_encode(linear) * top), [top, top])
    pixels = np.zeros((3, len(code), 4), np.uint8 if bits == 8 else np.uint16)
    for channel in range(3):
        pixels[channel, :, channel] = code
    pixels[:, -1, 3] = 1
    return list(pixels.view("<u4" if bits == 8 else "<u8")[..., 0])
