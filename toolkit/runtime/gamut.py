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

from toolkit.runtime import light
from toolkit.runtime.product import product

__all__ = ["HALVINGS", "SLACK", "Gamut"]

Float: TypeAlias = NDArray[np.float32]

HALVINGS = 10
SLACK = 1e-4


class Gamut:
    """The sRGB gamut for linear values that run from 0 to `steps` instead of 1.

    Colours are given as the three f values of Lab in the units of `light`, float32 of shape
    (3, n): those of X and Z, which a* and b* change, and last that of Y.
    """

    def __init__(self, steps: int) -> None:
        self._matrix = (light.RGB_FROM_LIGHT[:, [0, 2, 1]] * steps).astype(np.float32)
        self._steps = np.uint32(steps)
        self._gray = np.float32(light.RGB_FROM_LIGHT.sum(axis=1).mean() * steps)
        self._low, self._high = np.float32(-SLACK * steps), np.float32((1 + SLACK) * steps)

    def linear(self, f: Float, out: Float, root: Float) -> Float:
        """Linear sRGB times `steps` of n colours; `f` is kept, `root` is a buffer like it."""
        return self.from_light(light.from_f(f, root, out), out)

    def from_light(self, values: Float, out: Float) -> Float:
        """The same from light, in the order of the f values."""
        return product(self._matrix, values, out)

    def outside(self, linear: Float, whole: NDArray[np.int32]) -> NDArray[np.intp]:
        """Which of n linear colours lie outside.

        Parameters
        ----------
        linear : float32, shape (3, n)
        whole : int32, shape (3, n)
            The same cut to integers. Read without a sign what is negative is huge, so that one
            comparison finds the few that may lie outside; these are looked at exactly.
        """
        unsigned = whole.view(np.uint32)
        if unsigned.max(initial=0) <= self._steps:
            return np.empty(0, np.intp)
        largest = np.maximum(unsigned[0], unsigned[1])
        np.maximum(largest, unsigned[2], out=largest)
        maybe = np.flatnonzero(largest > self._steps)
        values = linear.take(maybe, axis=1)
        outside = (values.min(axis=0) < self._low) | (values.max(axis=0) > self._high)
        places: NDArray[np.intp] = maybe[outside]
        return places

    def solve(self, f: Float) -> Float:
        """Linear sRGB times `steps`, shape (3, n), of colours outside, with less chroma."""
        toe = f.max(axis=0) <= light.BRANCH
        linear = np.empty_like(f)
        for places, method in ((toe, self._on_the_toe), (~toe, self._by_halvings)):
            where = np.flatnonzero(places)
            linear[:, where] = method(f.take(where, axis=1))
        return linear

    def _on_the_toe(self, f: Float) -> Float:
        """What halvings find, for shadows: on the curve's straight toe t can be solved for."""
        gray = light.from_f(f[2], np.empty_like(f[2]), np.empty_like(f[2])) * self._gray
        change = self.linear(f, np.empty_like(f), np.empty_like(f))
        change -= gray
        with np.errstate(divide="ignore"):
            limits = np.where(change > 0, self._high, self._low) - gray
            t = np.minimum((limits / change).min(axis=0), 1)
        t = np.floor(t * np.float32(2**HALVINGS)) * np.float32(0.5**HALVINGS)
        linear: Float = gray + t * change
        return linear

    def _by_halvings(self, f: Float) -> Float:
        gray = f[2].copy()
        chroma = f[:2] - gray
        # L* stays, so Y does: what it adds to each channel is taken off the bounds once.
        ends = np.ascontiguousarray(self._matrix[:, :2])
        y = light.from_f(gray, np.empty_like(gray), np.empty_like(gray))
        luminance = np.multiply.outer(self._matrix[:, 2], y)
        lows, highs = self._low - luminance, self._high - luminance
        at, relative = (np.empty_like(chroma, order="C") for _ in range(2))
        root = np.empty_like(at)
        part = np.empty_like(gray)
        linear: Float = np.empty_like(luminance)
        t, step = np.zeros_like(gray), np.float32(1)
        for _ in range(HALVINGS):
            step /= 2
            np.multiply(chroma, t + step, out=at)
            at += gray
            product(ends, light.from_f(at, relative, root), linear)
            inside = linear[0] >= lows[0]
            for value, smallest, largest in zip(linear, lows, highs, strict=True):
                inside &= value >= smallest
                inside &= value <= largest
            np.multiply(inside, step, out=part)
            t += part
        np.multiply(chroma, t, out=at)
        at += gray
        product(ends, light.from_f(at, relative, root), linear)
        linear += luminance
        return linear
