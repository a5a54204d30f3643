"""From Lab to linear light, in units in which neither the cube nor its toe needs a factor.

Lab's f values, f(X) = (L* + 16) / 116 + a* / 500 and so on, become light by a cube, or below
0.2068966 by the straight line (f - 16/116) / 7.787. With g = sqrt(7.787) f and light counted in
steps of 1 / 7.787 ** 1.5, the cube stays g ** 3 and the line has the slope 1. So with r the larger
of g and the branch, light is ``r ** 3 + (g - r)``: five passes over a plane of numbers instead of
seven.

References
----------
.. [1] CIE 15:2004: 7.787 and 16/116; the branch is where scikit-image has it.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from toolkit import lab

__all__ = ["BRANCH", "RGB_FROM_LIGHT", "UNIT", "from_f"]

Float: TypeAlias = NDArray[np.float32]

UNIT = 7.787**0.5
"""What an f value of Lab is multiplied by."""
BRANCH = np.float32(lab.F_EPSILON * UNIT)
RGB_FROM_LIGHT = lab.RGB_FROM_RELATIVE / UNIT**3
"""Linear sRGB in 0..1 from the three kinds of light."""

_BRANCH_BITS = BRANCH.view(np.int32)


def from_f(f: Float, out: Float, root: Float) -> Float:
    """Light of f values that are in units of 1 / `UNIT`.

    Parameters
    ----------
    f : float32, shape (k, n)
    out, root : float32, shape (k, n)
        Where the result goes, and a buffer.
    """
    # As integers floats of 0 and more keep their order and those below 0 stay below them, and
    # the larger of two integers is found at three times the speed.
    np.maximum(f.view(np.int32), _BRANCH_BITS, out=root.view(np.int32))
    np.multiply(root, root, out=out)
    out -= np.float32(1)
    out *= root
    out += f
    return out
