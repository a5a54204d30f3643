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
_FINE = 2**22
"""Steps between the bounds while they are looked for: as fine as 32-bit sums of light are, and
far from the largest integer."""


class Gamut:
    """The sRGB gamut for linear values that run from 0 to `steps` instead of 1.

    Colours are given as the three f values of Lab in the units of `light`, float32 of shape
    (3, n): those of X and Z, which a* and b* change, and last that of Y.
    """

    def __init__(self, steps: int) -> None:
        matrix = light.RGB_FROM_LIGHT[:, [0, 2, 1]]
        self._matrix = (matrix * steps).astype(np.float32)
        fine = _FINE / (1 + 2 * SLACK)
        self._moved = np.c_[matrix * fine, [SLACK * fine] * 3].astype(np.float32)
        self._gray = np.float32(light.RGB_FROM_LIGHT.sum(axis=1).mean() * steps)
        self._low, self._high = np.float32(-SLACK * steps), np.float32((1 + SLACK) * steps)

    def linear(self, f: Float, out: Float, root: Float) -> Float:
        """Linear sRGB times `steps` of n colours; `f` is kept, `root` is a buffer like it."""
        return self.from_light(light.from_f(f, root, out), out)

    def from_light(self, values: Float, out: Float) -> Float:
        """The same from light, in the order of the f values."""
        return product(self._matrix, values, out)

    def solve(self, f: Float) -> Float:
        """Linear sRGB times `steps`, shape (3, n), of colours that may lie outside.

        Those that do are brought back; the others are what `linear` makes of them.
        """
        linear = self.linear(f, np.empty_like(f), np.empty_like(f))
        outside = (linear.min(axis=0) < self._low) | (linear.max(axis=0) > self._high)
        toe = f.max(axis=0) <= light.BRANCH
        for places, method in ((outside & toe, self._on_the_toe), (outside & ~toe, self._halve)):
            where = np.flatnonzero(places)
            linear[:, where] = method(f.take(where, axis=1))
        return linear

    def _on_the_toe(self, f: Float) -> Float:
        """What halvings find, for shadows: on the curve's straight toe t can be solved for."""
        gray = light.from_f(f[2], np.empty_like(f[2]), np.empty_like(f[2])) * self._gray
        change = self.linear(f, np.empty_like(f), np.empty_like(f))
        change -= gray
        limits = np.where(change > 0, self._high, self._low) - gray
        # A channel that the colour leaves as it is sets no limit.
        reached = np.divide(limits, change, out=np.ones_like(change), where=change != 0)
        t = np.minimum(reached.min(axis=0), 1)
        t = np.floor(t * np.float32(2**HALVINGS)) * np.float32(0.5**HALVINGS)
        linear: Float = gray + t * change
        return linear

    def _halve(self, f: Float) -> Float:
        gray = f[2].copy()
        chroma = f[:2] - gray
        at, root = np.empty_like(chroma), np.empty_like(chroma)
        # Light, and ones by which the lower bound is moved to 0: read without a sign what lies
        # below it is huge, so that one comparison finds what lies outside.
        values = np.ones((4, len(gray)), np.float32)
        light.from_f(gray, values[2], root[0])
        moved = np.empty_like(f)
        whole = moved.view(np.int32)
        largest = whole.view(np.uint32)[0]
        t, part, step = np.zeros_like(gray), np.empty_like(gray), np.float32(1)
        for _ in range(HALVINGS):
            step /= 2
            np.add(t, step, out=part)
            np.multiply(chroma, part, out=at)
            at += gray
            light.from_f(at, values[:2], root)
            np.copyto(whole, product(self._moved, values, moved), casting="unsafe")
            for other in whole.view(np.uint32)[1:]:
                np.maximum(largest, other, out=largest)
            np.multiply(largest <= _FINE, step, out=part)
            t += part
        np.multiply(chroma, t, out=at)
        at += gray
        light.from_f(at, values[:2], root)
        return product(self._matrix, values[:3], moved)
