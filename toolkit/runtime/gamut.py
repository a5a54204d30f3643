"""Colours outside sRGB, brought back by taking chroma at constant L* and hue.

The exact definition that the contract names ``gamut: chroma``:

    A colour is in sRGB if each linear value lies in -0.0001..1.0001. Where (L*, a*, b*) is not,
    t starts at 0; for step = 1/2, 1/4 ... 1/1024, t grows by step if L*, (t + step) a*,
    (t + step) b* is in sRGB. The colour is L*, t a*, t b*. At the end linear values are held to
    0..1. Strength multiplies a* and b* before.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from toolkit import lab

__all__ = ["HALVINGS", "SLACK", "Gamut"]

Float: TypeAlias = NDArray[np.float32]

HALVINGS = 10
SLACK = 1e-4


class Gamut:
    """The sRGB gamut for linear values that run from 0 to `steps` instead of 1.

    Colours are given as the three f values of Lab, float32 of shape (3, n): see
    `lab.relative_from_f`.
    """

    def __init__(self, steps: int) -> None:
        self._steps = np.float32(steps)
        self._matrix = (lab.RGB_FROM_RELATIVE * steps).astype(np.float32)
        self._low, self._high = np.float32(-SLACK * steps), np.float32((1 + SLACK) * steps)

    def mix(self, relative: Float, out: Float, part: Float) -> Float:
        """Linear sRGB times `steps` from XYZ relative to white, both (3, n), into `out`.

        `part` is a buffer of shape (n,).
        """
        return _mix(self._matrix, relative, out, part)

    def outside(self, linear: Float) -> NDArray[np.intp]:
        """Which of n linear colours lie outside."""
        if linear.min() >= self._low and linear.max() <= self._high:
            return np.empty(0, np.intp)
        smallest = np.minimum(linear[0], linear[1])
        np.minimum(smallest, linear[2], out=smallest)
        largest = np.maximum(linear[0], linear[1])
        np.maximum(largest, linear[2], out=largest)
        return np.flatnonzero((smallest < self._low) | (largest > self._high))

    def solve(self, f: Float) -> Float:
        """Linear sRGB times `steps`, shape (3, n), of colours outside, with less chroma."""
        toe = f.max(axis=0) <= np.float32(lab.F_EPSILON)
        linear = np.empty_like(f)
        for places, method in ((toe, self._on_the_toe), (~toe, self._by_halvings)):
            where = np.flatnonzero(places)
            linear[:, where] = method(np.take(f, where, axis=1))
        return linear

    def _on_the_toe(self, f: Float) -> Float:
        """What halvings find, for shadows: on the curve's straight toe t can be solved for."""
        gray = lab.relative_from_f(f[1]) * self._steps
        change = self.mix(lab.relative_from_f(f), np.empty_like(f), np.empty_like(gray))
        change -= gray
        with np.errstate(divide="ignore"):
            limits = np.where(change > 0, self._high, self._low) - gray
            t = np.minimum((limits / change).min(axis=0), 1)
        t = np.floor(t * np.float32(2**HALVINGS)) * np.float32(0.5**HALVINGS)
        linear: Float = gray + t * change
        return linear

    def _by_halvings(self, f: Float) -> Float:
        gray = f[1].copy()
        chroma = f[::2] - gray
        # L* stays, so Y does: what it adds to each channel is taken off the bounds once.
        ends = self._matrix[:, ::2]
        luminance = np.multiply.outer(self._matrix[:, 1], lab.relative_from_f(gray))
        lows, highs = self._low - luminance, self._high - luminance
        at, relative, root = (np.empty_like(chroma, order="C") for _ in range(3))
        part = np.empty_like(gray)
        linear: Float = np.empty_like(luminance)
        t, step = np.zeros_like(gray), np.float32(1)
        for _ in range(HALVINGS):
            step /= 2
            np.multiply(chroma, t + step, out=at)
            at += gray
            _mix(ends, lab.relative_from_f(at, out=relative, scratch=root), linear, part)
            inside = linear[0] >= lows[0]
            for value, smallest, largest in zip(linear, lows, highs, strict=True):
                inside &= value >= smallest
                inside &= value <= largest
            np.multiply(inside, step, out=part)
            t += part
        np.multiply(chroma, t, out=at)
        at += gray
        _mix(ends, lab.relative_from_f(at), linear, part)
        linear += luminance
        return linear


def _mix(matrix: Float, values: Float, out: Float, part: Float) -> Float:
    """The matrix product of (3, k) and (k, n) into `out`."""
    for channel, weights in zip(out, matrix, strict=True):
        np.multiply(values[0], weights[0], out=channel)
        for weight, value in zip(weights[1:], values[1:], strict=True):
            np.multiply(value, weight, out=part)
            channel += part
    return out
