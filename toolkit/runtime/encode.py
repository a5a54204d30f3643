"""A coloured photograph to the bytes of a file, with what was kept of the original."""

from __future__ import annotations

from importlib import import_module
from typing import IO, Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from toolkit.errors import OutputError, one_line
from toolkit.requirements import require
from toolkit.runtime.color_profile import srgb_profile
from toolkit.runtime.deep import write_tiff
from toolkit.runtime.formats import Format
from toolkit.runtime.metadata import Kept

__all__ = ["QUALITY", "encode", "jpeg_head", "jpeg_subsampling"]

QUALITY = 92
"""JPEG quality: above it files grow faster than their difference from the original shrinks."""


def encode(image: Image.Image, stream: IO[bytes], to: Format, kept: Kept, quality: int) -> None:
    """Write `image` (mode RGB or RGBA, sRGB) to `stream`.

    Parameters
    ----------
    image : mode RGB or RGBA
    stream : binary file
    to : Format
        Transparency is dropped where this format has none.
    kept : Kept
        EXIF, XMP and resolution of the original.
    quality : int
        1..100, for the formats that lose something.

    Raises
    ------
    OutputError
        If the format cannot hold the picture.
    """
    if image.mode == "RGBA" and not to.alpha:
        image = image.convert("RGB")
    if to.name == "tiff":
        write_tiff(stream, np.asarray(image), kept)
        return
    if to.package:
        require(to.package, "images", to.name.upper()).register_heif_opener()
    else:
        import_module(to.plugin)
    options = _OPTIONS.get(to.name, _plain)(kept, quality)
    try:
        image.save(stream, to.pillow, icc_profile=srgb_profile(), **options)
    except OSError as error:
        if error.errno:
            raise
        raise OutputError(_impossible(image, to, error)) from error
    except (ValueError, KeyError) as error:
        raise OutputError(_impossible(image, to, error)) from error


def jpeg_subsampling(quality: int) -> int:
    """0 (4:4:4) from quality 90 on: halving the colours' resolution is what makes lips bleed."""
    return 0 if quality >= 90 else 2


def _impossible(image: Image.Image, to: Format, error: Exception) -> str:
    return f"{to.name} cannot hold {image.width} x {image.height} pixels: {one_line(error)}"


def _plain(kept: Kept, quality: int) -> dict[str, Any]:
    return {"dpi": kept.dpi} if kept.dpi else {}


def _jpeg(kept: Kept, quality: int) -> dict[str, Any]:
    head = {"quality": quality, "subsampling": jpeg_subsampling(quality)}
    return {**head, **jpeg_head(kept)}


def jpeg_head(kept: Kept) -> dict[str, Any]:
    """What is kept, as Pillow's options for a JPEG."""
    options = _plain(kept, 0)
    if 0 < len(kept.exif) < 65_000:
        options["exif"] = kept.exif
    if 0 < len(kept.xmp) < 65_000:
        options["xmp"] = kept.xmp
    return options


def _png(kept: Kept, quality: int) -> dict[str, Any]:
    chunks = PngInfo()
    if kept.xmp:
        chunks.add_itxt("XML:com.adobe.xmp", kept.xmp.decode("utf-8", "replace"))
    return {"exif": kept.exif, "pnginfo": chunks, "compress_level": 4, **_plain(kept, 0)}


def _modern(kept: Kept, quality: int) -> dict[str, Any]:
    return {"quality": quality, "exif": kept.exif, "xmp": kept.xmp}


_OPTIONS = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _modern,
    "avif": _modern,
    "heic": _modern,
}
