"""What the coloured bands of a photograph become: an image, an array or a file."""

from __future__ import annotations

from typing import IO, Protocol

import numpy as np
from PIL import Image

from toolkit.runtime.color_profile import srgb_profile
from toolkit.runtime.compose import Pixels, Put
from toolkit.runtime.deep import DEEP, write_tiff
from toolkit.runtime.encode import encode, jpeg_head, jpeg_subsampling
from toolkit.runtime.formats import Format
from toolkit.runtime.jpeg_bands import JpegBands
from toolkit.runtime.photo import Photo

__all__ = ["Paint", "as_array", "as_file", "as_image"]


class Paint(Protocol):
    """Colours a photograph and hands it over band by band, as `compose.compose` does."""

    def __call__(self, put: Put, *, bits: int = 8) -> None: ...


def as_image(photo: Photo, paint: Paint) -> Image.Image:
    """Mode RGB, or RGBA where the photograph has transparency."""
    if photo.rgb is not None:
        canvas = Image.fromarray(photo.rgb)
    else:
        canvas = Image.new("RGB", photo.gray.shape[::-1])

        def put(top: int, band: Pixels) -> None:
            canvas.paste(Image.frombuffer("RGBX", band.shape[1::-1], band), (0, top))

        paint(put)
    if photo.alpha is not None:
        canvas.putalpha(Image.fromarray(photo.alpha))
    return canvas


def as_array(photo: Photo, paint: Paint, *, bits: int = 8) -> Pixels:
    """uint8 or uint16, shape (H, W, 3), or 4 with alpha."""
    channels = 3 if photo.alpha is None else 4
    out = np.empty((*photo.gray.shape, channels), np.uint8 if bits == 8 else np.uint16)

    def put(top: int, band: Pixels) -> None:
        out[top : top + len(band), :, :3] = band[..., :3]

    paint(put, bits=bits)
    if photo.alpha is not None:
        np.multiply(photo.alpha, 1 if bits == 8 else 257, out=out[..., 3], dtype=out.dtype)
    return out


def as_file(photo: Photo, paint: Paint, stream: IO[bytes], to: Format, quality: int) -> None:
    """Write it with its metadata; 16-bit levels give 16-bit colours where `to` is PNG or TIFF.

    Raises
    ------
    OutputError
        If the format cannot hold the picture.
    """
    if photo.rgb is not None:
        encode(as_image(photo, paint), stream, to, photo.kept, quality)
    elif to.name == "jpeg":
        height, width = photo.gray.shape
        head = {"icc_profile": srgb_profile(), **jpeg_head(photo.kept)}
        subsampling = jpeg_subsampling(quality)
        bands = JpegBands(height, width, quality=quality, subsampling=subsampling, first=head)
        paint(bands.put)
        bands.write(stream)
    elif photo.gray.dtype == np.uint16 and to.name in DEEP:
        DEEP[to.name](stream, as_array(photo, paint, bits=16), photo.kept)
    elif to.name == "tiff":
        write_tiff(stream, as_array(photo, paint), photo.kept)
    else:
        encode(as_image(photo, paint), stream, to, photo.kept, quality)
