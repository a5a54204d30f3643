"""The boundaries of a model by its task, and what the proof set is for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.contract import Contract, FixedSize, picture_side
from toolkit.export.formats.format import Format
from toolkit.export.parity import (
    Figures,
    Tolerance,
    measure_ab,
    measure_l,
    measure_pixels,
    measure_rgb,
)
from toolkit.export.proof_set import fit, gray_fields
from toolkit.lab import l_of_gray, l_to_gray, lab_to_rgb, to_uint8

__all__ = ["BOUNDARIES", "Boundary", "boundary_of", "proof_size", "tolerance_of"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Boundary:
    """What a kind of model takes and how its results are compared."""

    proof_set: Callable[[Contract], list[Array]]
    """Twenty inputs of one picture each, in the order of `proof_set.NAMES`."""
    of_levels: Callable[[Array], Array]
    """Gray levels in 0..1, (N, h, w), as the model takes them."""
    as_maps: Callable[[Array], NDArray[np.float32]]
    """An input or a result as (1, C, H, W), for the stored references."""
    measure: Callable[[Iterable[tuple[Array, Array, Array]]], Figures]
    """Of (input, result, expected)."""
    measure_maps: Callable[[Iterable[tuple[Array, Array, Array]]], Figures]
    """The same of maps (N, C, H, W)."""
    pictures: Callable[[Array, Array], tuple[NDArray[np.uint8], NDArray[np.uint8]]]
    """An input and its result as sRGB pixels, (H, W, 3), to look at."""
    unit: str
    limits: Mapping[str, Tolerance] = field(default_factory=dict)
    """By precision, where the unit is another than that of the formats' own tolerances."""


def boundary_of(contract: Contract) -> Boundary:
    """The boundary of a contract's task."""
    return BOUNDARIES[contract.task, contract.boundary]


def tolerance_of(form: Format, contract: Contract) -> Tolerance | None:
    """How exact a format must be; None where it has no such precision or boundary."""
    stated = form.tolerances.get(contract.boundary, {}).get(contract.precision)
    return boundary_of(contract).limits.get(contract.precision, stated) if stated else None


def proof_size(contract: Contract) -> tuple[int, int]:
    """The network's size at which the proof set is run: 256, or the nearest below it."""
    if isinstance(contract.size, FixedSize):
        return contract.size.height, contract.size.width
    side = max(256 // contract.size.multiple_of, 1) * contract.size.multiple_of
    return side, side


def _fields(contract: Contract) -> list[Array]:
    levels = fit(gray_fields(), *proof_size(contract)) / 255
    of_levels = BOUNDARIES[contract.task, "tensor"].of_levels
    return [of_levels(one[None]) for one in levels]


def _lightness(levels: Array) -> Array:
    return l_of_gray(levels)[:, None]


def _gray_rgb(levels: Array) -> Array:
    return np.repeat(levels.astype(np.float32)[:, None], 3, axis=1)


def _photographs(contract: Contract) -> list[Array]:
    side = picture_side(contract)
    fields = gray_fields() if side is None else fit(gray_fields(), side, side)
    return [np.repeat(gray[None, :, :, None], 3, axis=3) for gray in fields]


def _planes(pixels: Array) -> NDArray[np.float32]:
    return pixels.transpose(0, 3, 1, 2).astype(np.float32)


def _measure_planes(triples: Iterable[tuple[Array, Array, Array]]) -> Figures:
    """Block means are no whole levels: they are rounded for CIEDE2000 alone."""
    return measure_pixels((x, _rows(y), _rows(z)) for x, y, z in triples)


def _rows(planes: Array) -> Array:
    return planes.transpose(0, 2, 3, 1)


def _coloured(given: Array, ab: Array) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    both = (np.zeros_like(ab), ab)
    gray, coloured = (np.concatenate([given, x], axis=1)[0].transpose(1, 2, 0) for x in both)
    return to_uint8(lab_to_rgb(gray)), to_uint8(lab_to_rgb(coloured))


def _restored(given: Array, lightness: Array) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    before, after = (to_uint8(_rows(_gray_rgb(l_to_gray(x[:, 0])))[0]) for x in (given, lightness))
    return before, after


def _translated(given: Array, rgb: Array) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return to_uint8(_rows(given)[0]), to_uint8(_rows(rgb)[0])


def _same(maps: Array) -> Array:
    return maps


BOUNDARIES: dict[tuple[str, str], Boundary] = {
    ("colorize", "tensor"): Boundary(
        _fields, _lightness, _same, measure_ab, measure_ab, _coloured, "CIE units"
    ),
    ("colorize", "image"): Boundary(
        _photographs,
        _gray_rgb,
        _planes,
        measure_pixels,
        _measure_planes,
        lambda given, pixels: (given[0], pixels[0]),
        "levels",
    ),
    ("luma", "tensor"): Boundary(
        _fields, _lightness, _same, measure_l, measure_l, _restored, "CIE units"
    ),
    ("translate", "tensor"): Boundary(
        _fields,
        _gray_rgb,
        _same,
        measure_rgb,
        measure_rgb,
        _translated,
        "RGB in 0..1",
        # A hundredth of what Core ML may be off in CIE units, whose range is a hundred wide.
        {"fp32": Tolerance(max_error=1e-4), "fp16": Tolerance(max_error=5e-3, mean_error=5e-4)},
    ),
}
"""By task and boundary."""
