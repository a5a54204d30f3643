"""Pictures with 16 bits for each of red, green and blue, of which Pillow reads 8.

A gray print scanned in 48 bits has its tones in all of them. The packages of the extra `images`
read them; without those, or where a profile would have to be applied, the 8 bits are used and a
note says so. Nothing here can make a picture fail that Pillow reads.
"""

from __future__ import annotations

from importlib import import_module
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit import lab
from toolkit.errors import one_line
from toolkit.requirements import install_command
from toolkit.runtime import color_profile
from toolkit.runtime.formats import Format

__all__ = ["deep_gray", "is_deep"]

_BITS_PER_SAMPLE = 258
_ONLY_8 = "it has 16 bits for each colour, of which 8 are read"


def is_deep(image: Image.Image, known: Format) -> bool:
    """Whether a picture that is opened and not loaded yet has 16 bits for each of its colours."""
    if known.name == "tiff":
        bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, ())
        return len(bits) >= 3 and set(bits) == {16}
    if known.name == "png":
        tiles = getattr(image, "tile", ())
        return any(str(tile[3]).startswith(("RGB;16", "RGBA;16")) for tile in tiles)
    return False


def deep_gray(
    stream: IO[bytes], known: Format, page: int, profile: bytes
) -> tuple[NDArray[np.uint16] | None, str | None]:
    """The luminance of such a picture, with all its bits.

    Parameters
    ----------
    stream : binary file
        The whole file, wherever it stands.
    known : Format
    page : int
    profile : bytes
        Its colour profile, or nothing.

    Returns
    -------
    gray : uint16, shape (H, W), or None
        As stored, before any turn.
    note : str or None
        Why there is none.
    """
    if color_profile.changes_rgb(profile):
        return None, f"{_ONLY_8}, because it has a colour profile of its own"
    try:
        stream.seek(0)
        rgb = _READERS[known.name](stream, page)
    except ModuleNotFoundError:
        return None, f"{_ONLY_8}; all of them need: {install_command('images')}"
    except Exception as error:  # readers of damaged files raise nearly every kind there is
        return None, f"{_ONLY_8}: {one_line(error)}"
    if rgb.dtype != np.uint16 or rgb.ndim != 3 or rgb.shape[2] not in (3, 4):
        return None, f"{_ONLY_8}: its pixels lie in an unusual order"
    return lab.gray_of_rgb(rgb[..., :3]).astype(np.uint16, copy=False), None


def _png(stream: IO[bytes], page: int) -> NDArray[Any]:
    pixels: NDArray[Any] = import_module("imagecodecs").png_decode(stream.read())
    return pixels


def _tiff(stream: IO[bytes], page: int) -> NDArray[Any]:
    with import_module("tifffile").TiffFile(stream) as file:
        pixels: NDArray[Any] = file.pages[page].asarray()
    return pixels


_READERS = {"png": _png, "tiff": _tiff}
