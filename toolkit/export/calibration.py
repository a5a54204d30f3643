"""Photographs that int8 is measured on: most for the ranges of values, the rest to judge it by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.contract import FixedSize, FlexibleSize
from toolkit.errors import ToolkitError, UnusableInput, one_line
from toolkit.lab import gray_of_rgb
from toolkit.runtime.photo import find_photos, read_rgb
from toolkit.runtime.resample import lightness, network_size

__all__ = ["LEAST", "Calibration", "read"]

LEAST = 100
"""Photographs. With fewer the largest values of a layer are those of one odd picture."""
_MOST = 400
"""More change no range and cost time; they are taken evenly from the folder."""
_HELD_BACK = 5
"""Each fifth photograph sets no range: the proof asks what happens to it."""
_LARGER = 4
"""Each fourth of the others is seen at twice the size, where the network may do more."""


@dataclass(frozen=True)
class Calibration:
    """Photographs, as the network sees them."""

    fields: list[NDArray[np.float32]] = field(default_factory=list, repr=False)
    """L*, (1, 1, H, W), of those that set the ranges."""
    held_back: list[NDArray[np.uint8]] = field(default_factory=list, repr=False)
    """sRGB, (H, W, 3), of the others, at the network's size."""


def read(folder: Path, size: FixedSize | FlexibleSize, tell: Callable[[str], None]) -> Calibration:
    """Read the photographs of a folder.

    Parameters
    ----------
    folder : Path
    size : FixedSize or FlexibleSize
        The network's.
    tell : callable
        Is told of each photograph that cannot be read.

    Raises
    ------
    UnusableInput
        If fewer than `LEAST` can be read.
    """
    paths = find_photos(folder)
    result = Calibration()
    for path in paths[:: -(-len(paths) // _MOST)] if len(paths) > _MOST else paths:
        try:
            rgb = read_rgb(path)
        except ToolkitError as error:
            tell(f"left out: {error}")
            continue
        gray = gray_of_rgb(rgb)
        height, width = network_size(size, *gray.shape)
        if (len(result.fields) + len(result.held_back)) % _HELD_BACK == _HELD_BACK - 1:
            small = Image.fromarray(rgb).resize((width, height), Image.Resampling.BILINEAR)
            result.held_back.append(np.asarray(small))
            continue
        if isinstance(size, FlexibleSize) and len(result.fields) % _LARGER == 0:
            larger = replace(size, preferred=min(2 * size.preferred, size.maximum))
            height, width = network_size(larger, *gray.shape)
        result.fields.append(lightness(gray, height, width)[None, None])
    found = len(result.fields) + len(result.held_back)
    if found < LEAST:
        raise UnusableInput(
            f"{one_line(folder)}: {found} photographs can be read and int8 needs {LEAST} to learn "
            "the ranges of its layers from: give more"
        )
    return result
