"""The two boundaries of a model, and what the proof set is for each: L* fields, or photographs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.contract import Contract, FixedSize
from toolkit.export.parity import Figures, measure_ab, measure_pixels
from toolkit.export.proof_set import gray_fields, l_fields

__all__ = ["BOUNDARIES", "Boundary", "proof_size"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Boundary:
    """What a kind of model takes and how its results are compared."""

    proof_set: Callable[[Contract], list[Array]]
    """Twenty inputs of one picture each, in the order of `proof_set.NAMES`."""
    as_maps: Callable[[Array], NDArray[np.float32]]
    """An input or a result as (1, C, H, W), for the stored references."""
    measure: Callable[[Iterable[tuple[Array, Array, Array]]], Figures]
    """Of (input, result, expected)."""
    measure_maps: Callable[[Iterable[tuple[Array, Array, Array]]], Figures]
    """The same of maps (N, C, H, W)."""
    unit: str


def proof_size(contract: Contract) -> tuple[int, int]:
    """The network's size at which the proof set is run: 256, or the nearest below it."""
    if isinstance(contract.size, FixedSize):
        return contract.size.height, contract.size.width
    side = max(256 // contract.size.multiple_of, 1) * contract.size.multiple_of
    return side, side


def _fields(contract: Contract) -> list[Array]:
    return [field[None] for field in l_fields(*proof_size(contract))]


def _photographs(contract: Contract) -> list[Array]:
    return [np.repeat(gray[None, :, :, None], 3, axis=3) for gray in gray_fields()]


def _planes(pixels: Array) -> NDArray[np.float32]:
    return pixels.transpose(0, 3, 1, 2).astype(np.float32)


def _measure_planes(triples: Iterable[tuple[Array, Array, Array]]) -> Figures:
    """Block means are no whole levels: they are rounded for CIEDE2000 alone."""
    return measure_pixels((x, _rows(y), _rows(z)) for x, y, z in triples)


def _rows(planes: Array) -> Array:
    return planes.transpose(0, 2, 3, 1)


BOUNDARIES = {
    "tensor": Boundary(_fields, lambda maps: maps, measure_ab, measure_ab, "CIE units"),
    "image": Boundary(_photographs, _planes, measure_pixels, _measure_planes, "levels"),
}
