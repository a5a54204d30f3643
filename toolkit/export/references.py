"""The proof set's results in a few hundred kilobytes, to be compared on another machine.

Of each field a grid of 32 x 32 pixels is kept, another grid for each field, and the means of the
32 x 32 blocks, so that every pixel of the result counts in one figure.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UnusableModel, one_line

__all__ = ["digest", "pairs", "read"]

_GRID = 32

Float = NDArray[np.float32]


def digest(maps: list[Float]) -> bytes:
    """The file for `maps`, each of shape (1, C, H, W), with both sides at least 32."""
    stream = io.BytesIO()
    samples, means = _summarise(maps)
    np.savez_compressed(stream, samples=samples, means=means)
    return stream.getvalue()


def read(path: Path) -> tuple[Float, Float]:
    """The samples and the block means, both of shape (N, C, 32, 32).

    Raises
    ------
    UnusableModel
        If the file does not hold them.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            samples, means = arrays["samples"], arrays["means"]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise UnusableModel(f"{one_line(path)}: no reference outputs: {one_line(error)}") from None
    if samples.shape != means.shape or samples.ndim != 4 or samples.dtype != np.float32:
        raise UnusableModel(f"{one_line(path)}: no reference outputs: odd shapes")
    return samples, means


def pairs(
    inputs: list[Float], results: list[Float], references: tuple[Float, Float]
) -> list[tuple[Float, Float, Float]]:
    """Input, result and reference, of the samples and of the block means, ready to be measured."""
    return list(zip(_summarise(inputs), _summarise(results), references, strict=True))


def _summarise(maps: list[Float]) -> tuple[Float, Float]:
    samples, means = [], []
    for index, field in enumerate(maps):
        height, width = field.shape[-2:]
        step_y, step_x = height // _GRID, width // _GRID
        cut = field[0, :, : step_y * _GRID, : step_x * _GRID]
        blocks = cut.reshape(-1, _GRID, step_y, _GRID, step_x)
        # Coprime steps walk through all places of a block before one comes again.
        samples.append(blocks[:, :, 3 * index % step_y, :, 5 * index % step_x])
        means.append(blocks.mean(axis=(2, 4), dtype=np.float64).astype(np.float32))
    return np.stack(samples), np.stack(means)
