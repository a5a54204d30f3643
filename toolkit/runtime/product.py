"""Matrix products that stay in the thread that asks for them."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["product"]

Float: TypeAlias = NDArray[np.float32]

_MOST = 262_144
"""Multiplications up to which OpenBLAS keeps to the calling thread
(``SMP_THRESHOLD_MIN * GEMM_MULTITHREAD_THRESHOLD`` in its sources). Its own threads would be woken
for nothing, and in the way: ours are at work already."""


def product(matrix: Float, values: Float, out: Float) -> Float:
    """The product of a small matrix (m, k) and wide values (k, n) into `out`, shape (m, n)."""
    step = max(1, _MOST // matrix.size)
    for first in range(0, values.shape[1], step):
        np.matmul(matrix, values[:, first : first + step], out=out[:, first : first + step])
    return out
