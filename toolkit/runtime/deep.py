"""What Pillow does not write: 16 bits for each of red, green and blue, and EXIF in deflated TIFFs.

References
----------
.. [1] W3C, Portable Network Graphics (third edition): chunks, filter type 2 (Up).
.. [2] TIFF 6.0, and its Technical Note 2 of 2002 (deflate, horizontal differencing).
"""

from __future__ import annotations

import struct
import zlib
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.runtime.color_profile import srgb_profile
from toolkit.runtime.compose import Pixels
from toolkit.runtime.metadata import Kept

__all__ = ["DEEP", "write_png", "write_tiff"]

_ROWS = 256


def write_png(stream: IO[bytes], rgb: Pixels, kept: Kept) -> None:
    """Write a PNG; `rgb` is uint16 of shape (H, W, 3 or 4), sRGB, the fourth being alpha."""
    height, width, channels = rgb.shape
    stream.write(b"\x89PNG\r\n\x1a\n")
    kind = 2 if channels == 3 else 6
    _chunk(stream, b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))
    _chunk(stream, b"iCCP", b"sRGB\0\0" + zlib.compress(srgb_profile()))
    if kept.dpi:
        x, y = (round(v / 0.0254) for v in kept.dpi)
        _chunk(stream, b"pHYs", struct.pack(">IIB", x, y, 1))
    if kept.exif:
        _chunk(stream, b"eXIf", kept.exif.removeprefix(b"Exif\0\0"))
    if kept.xmp:
        _chunk(stream, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + kept.xmp)
    packer = zlib.compressobj(4)
    above = np.zeros((1, width * channels * 2), np.uint8)
    for top in range(0, height, _ROWS):
        rows = rgb[top : top + _ROWS].astype(">u2").view(np.uint8)
        rows = rows.reshape(len(rows), -1)
        lines = np.full((len(rows), rows.shape[1] + 1), 2, np.uint8)
        lines[:, 1:] = rows - np.concatenate([above, rows[:-1]])
        above = rows[-1:]
        data = packer.compress(lines.tobytes())
        if data:
            _chunk(stream, b"IDAT", data)
    _chunk(stream, b"IDAT", packer.flush())
    _chunk(stream, b"IEND", b"")


def write_tiff(stream: IO[bytes], rgb: Pixels, kept: Kept) -> None:
    """Write a TIFF; `rgb` is uint8 or uint16 of shape (H, W, 3 or 4), sRGB and alpha."""
    from PIL import TiffImagePlugin  # slow: not for each start

    height, width, channels = rgb.shape
    strips = []
    for top in range(0, height, _ROWS):
        rows: NDArray[Any] = rgb[top : top + _ROWS].astype(rgb.dtype.newbyteorder("<"))
        rows[:, 1:] -= rgb[top : top + _ROWS, :-1]  # horizontal differencing, which wraps around
        strips.append(zlib.compress(rows.tobytes(), 4))
    sizes = [len(strip) for strip in strips]
    tags = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    exif = Image.Exif()
    if kept.exif:
        exif.load(kept.exif)
        for key in (270, 271, 272, 305, 306, 315, 33432, 34665, 34853):  # texts, EXIF, GPS
            if key in exif:
                tags[key] = exif.get_ifd(key) if key in (34665, 34853) else exif[key]
    tags[256], tags[257] = width, height
    tags[258] = (8 * rgb.dtype.itemsize,) * channels
    tags[259], tags[262], tags[277] = 8, 2, channels
    tags[273] = tuple(int(v) for v in np.cumsum([0, *sizes[:-1]]))
    tags[278], tags[279] = _ROWS, tuple(sizes)
    tags[317] = 2
    if channels == 4:
        tags[338] = 2
    if kept.dpi:
        tags[282], tags[283], tags[296] = kept.dpi[0], kept.dpi[1], 2
    if kept.xmp:
        tags[700] = kept.xmp
    tags[34675] = srgb_profile()
    tags.save(stream)
    for strip in strips:
        stream.write(strip)


def _chunk(stream: IO[bytes], kind: bytes, data: bytes) -> None:
    stream.write(struct.pack(">I", len(data)) + kind + data)
    stream.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))


DEEP = {"png": write_png, "tiff": write_tiff}
"""What writes 16 bits, by the format's name."""
