"""Photographs that a program gives as they are, without a file around them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from toolkit.errors import UnusableInput
from toolkit.lab import gray_of_rgb
from toolkit.runtime.compose import Pixels
from toolkit.runtime.formats import by_name
from toolkit.runtime.levels import gray_and_rgb, without_alpha
from toolkit.runtime.metadata import Kept
from toolkit.runtime.photo import Photo, never

__all__ = ["photo_of_array", "photo_of_image"]

_NOTHING_KEPT = Kept(by_name("png"))


def photo_of_array(array: Pixels) -> Photo:
    """The luminance of uint8 or uint16 in sRGB, shape (H, W) or (H, W, 3).

    Raises
    ------
    UnusableInput
        If it is of another type or shape.
    """
    if array.dtype not in (np.uint8, np.uint16):
        raise UnusableInput(f"an array of {array.dtype} is no picture: give uint8 or uint16")
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,)) or 0 in array.shape:
        raise UnusableInput(f"an array of shape {array.shape} is no picture: give (H, W[, 3])")
    gray = gray_of_rgb(array) if array.ndim == 3 else array.copy()
    return Photo(gray, None, _NOTHING_KEPT)


def photo_of_image(image: Image.Image) -> Photo:
    """The luminance of an image of any mode, and its transparency.

    Raises
    ------
    UnusableInput
        If it has no pixels.
    """
    if 0 in image.size:
        raise UnusableInput("the image has no pixels")
    plain, alpha = without_alpha(image)
    gray, _ = gray_and_rgb(plain, image.info.get("icc_profile") or b"", [], never)
    return Photo(gray, alpha, _NOTHING_KEPT)
