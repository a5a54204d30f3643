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
    n = values.shape[1]
    step = max(1, _MOST // matrix.size)
    even = n - n % step
    if even:  # one call for many products: threads have to take turns before each call
        parts, results = (v[:, :even].reshape(len(v), -1, step) for v in (values, out))
        np.matmul(matrix, parts.transpose(1, 0, 2), out=results.transpose(1, 0, 2))
    if even < n:
        np.matmul(matrix, values[:, even:], out=out[:, even:])
    return out
