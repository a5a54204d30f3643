"""The gray levels of a decoded picture of any mode, and its colours and alpha where it has some."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit import lab
from toolkit.errors import UnusableInput
from toolkit.runtime import color_profile

__all__ = ["Gray", "WantsRGB", "eight_bits", "gray_and_rgb", "without_alpha"]

Gray: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
WantsRGB: TypeAlias = Callable[[Image.Image], bool]

_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_STRIP = 2**18
"""Pixels that are taken out of Pillow at a time."""


def without_alpha(image: Image.Image) -> tuple[Image.Image, NDArray[np.uint8] | None]:
    """Part a picture into its colours and its transparency, uint8 (H, W), if it has one.

    The colours under transparent places stay as they are in the file.
    """
    if image.mode in ("RGBa", "La"):
        image = image.convert("RGBA" if image.mode == "RGBa" else "LA")
    if image.mode in ("P", "PA") or "transparency" in image.info:
        clear = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if clear else "RGB")
    if image.mode not in ("RGBA", "LA"):
        return image, None
    alpha = np.array(image.getchannel("A"))
    return image.convert("RGB" if image.mode == "RGBA" else "L"), alpha


def gray_and_rgb(
    image: Image.Image, profile: bytes, notes: list[str], wants_rgb: WantsRGB
) -> tuple[Gray, NDArray[np.uint8] | None]:
    """The luminance of a picture without alpha, and its colours if they are wanted.

    Parameters
    ----------
    image : PIL.Image.Image
    profile : bytes
        Its ICC profile, or nothing.
    notes : list of str
        Gets a line if the profile cannot be used.
    wants_rgb : callable
        Says of the picture in sRGB whether its colours are wanted too.

    Returns
    -------
    gray : uint8 or uint16, shape (H, W)
    rgb : uint8, shape (H, W, 3), or None
        Only for a picture in colours; sRGB.

    Raises
    ------
    UnusableInput
        If its numbers have no stated meaning.
    """
    if image.mode in _SIXTEEN_BIT:
        return _through_profile(np.asarray(image).astype(np.uint16), profile, notes), None
    if image.mode in ("I", "F"):
        return _from_numbers(np.asarray(image)), None
    if image.mode in ("1", "L"):
        gray = np.empty((image.height, image.width), np.uint8)
        for rows, part in _strips(image if image.mode == "L" else image.convert("L")):
            gray[rows] = part
        return _through_profile(gray, profile, notes), None
    return _from_colors(image, profile, notes, wants_rgb)


def eight_bits(gray: Gray) -> NDArray[np.uint8]:
    """The nearest of 256 levels for each of 65,536."""
    if gray.dtype == np.uint8:
        return gray.astype(np.uint8, copy=False)
    return ((gray.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _from_colors(
    image: Image.Image, profile: bytes, notes: list[str], wants_rgb: WantsRGB
) -> tuple[Gray, NDArray[np.uint8] | None]:
    if image.mode == "LAB" and not profile:
        profile = color_profile.lab_profile()
    if profile and image.mode in ("RGB", "CMYK", "LAB"):
        image, note = color_profile.to_srgb(image, profile)
        notes.extend([note] if note else [])
    if image.mode != "RGB":
        image = image.convert("RGB")
    gray = np.empty((image.height, image.width), np.uint8)
    rgb = np.empty((*gray.shape, 3), np.uint8) if wants_rgb(image) else None
    for rows, part in _strips(image):
        gray[rows] = lab.gray_of_rgb(part)
        if rgb is not None:
            rgb[rows] = part
    return gray, rgb


def _strips(image: Image.Image) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """Its rows as arrays, a few at a time: a whole array would double the memory."""
    step = max(1, _STRIP // max(1, image.width))
    for top in range(0, image.height, step):
        bottom = min(top + step, image.height)
        yield slice(top, bottom), np.asarray(image.crop((0, top, image.width, bottom)))


def _through_profile(gray: Gray, profile: bytes, notes: list[str]) -> Gray:
    """Levels that a gray profile gives another meaning, as sRGB levels of the same depth."""
    if not profile:
        return gray
    table, note = color_profile.gray_table(profile)
    notes.extend([note] if note else [])
    if table is None:
        return gray
    if gray.dtype == np.uint8:
        return np.take(table, gray)
    fine = np.interp(np.arange(65_536), np.arange(256) * 257.0, table * 257.0)
    return np.take(np.rint(fine).astype(np.uint16), gray)


def _from_numbers(values: NDArray[np.float32] | NDArray[np.int32]) -> NDArray[np.uint16]:
    """16-bit levels of 32-bit numbers, whose range no file states.

    Integers are levels of 65,536. Floating point is 0..1, the habit of programs that write it,
    or 0..255 or 0..65,535 where its largest value says so.
    """
    floating = values.dtype.kind == "f"
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0) if floating else values
    largest = float(finite.max(initial=0))
    if largest > 65_535:
        raise UnusableInput("its 32-bit numbers go beyond 65,535; save it with 16 bits")
    top = next(t for t in (1.0, 255.0, 65_535.0) if largest <= t) if floating else 65_535.0
    scaled = np.clip(finite, 0, top) * np.float32(65_535.0 / top)
    levels: NDArray[np.uint16] = np.rint(scaled).astype(np.uint16)
    return levels
