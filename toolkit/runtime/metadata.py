"""What the result takes over from the photograph besides its light: EXIF, XMP, resolution."""

from __future__ import annotations

import re
from dataclasses import dataclass

from PIL import ExifTags, Image

from toolkit.errors import one_line
from toolkit.runtime.formats import Format

__all__ = ["Kept", "collect", "orientation"]

_ORIENTATION = ExifTags.Base.Orientation
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>))[2-8]")
_STRUCTURE = {254, 255, *range(256, 260), 262, 263, 266, *range(273, 274), *range(277, 285)}
_STRUCTURE |= {296, 317, 318, 319, *range(320, 326), 330, 338, 339, 347, *range(512, 522)}
_STRUCTURE |= {*range(529, 533), 700, 34_675}
"""Tags that say how a TIFF's pixels lie in its file: the result has its own. Resolution, XMP and
profile are kept apart."""
_LIMIT = 16 * 2**20
"""Metadata larger than this many bytes is dropped."""


@dataclass(frozen=True)
class Kept:
    """What outlives the colouring."""

    format: Format
    exif: bytes = b""
    """Orientation reset; without the thumbnail, which would stay gray."""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    pages: int = 1
    """Pages or frames of the file that can be read."""
    milliseconds: int = 0
    """How long this frame of an animation is shown."""
    loop: int | None = None
    """How often an animation is shown: 0 for ever; None: not stated."""
    notes: tuple[str, ...] = ()
    """What was wrong with the file and did no harm, for the user."""


def orientation(image: Image.Image) -> tuple[int, str | None]:
    """The EXIF orientation of a picture that is not loaded yet, 1 to 8, and what is wrong in it."""
    value = image.getexif().get(_ORIENTATION, 1)
    if value in range(1, 9):
        return int(value), None
    return 1, f"its EXIF orientation is {one_line(value)}, not 1 to 8, and is ignored"


def collect(image: Image.Image, known: Format, notes: list[str]) -> Kept:
    """Take over the metadata of a loaded picture; what cannot be read is noted and dropped."""
    exif = xmp = b""
    try:
        tags = image.getexif()
        if tags:
            for tag in _STRUCTURE & set(tags):
                del tags[tag]
            if _ORIENTATION in tags:
                tags[_ORIENTATION] = 1
            exif = tags.tobytes()
    except Exception as error:  # damaged EXIF raises nearly every kind of error there is
        notes.append(f"its EXIF data is damaged and is dropped: {one_line(error)}")
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    xmp = found.encode() if isinstance(found, str) else bytes(found)
    xmp = _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)
    if len(exif) + len(xmp) > _LIMIT:
        notes.append(f"its metadata has {(len(exif) + len(xmp)) / 1e6:.0f} MB and is dropped")
        exif = xmp = b""
    if not known.sequence and known.name != "jpeg" and getattr(image, "is_animated", False):
        notes.append("it is animated; the first frame is taken")
    shown, loop = image.info.get("duration"), image.info.get("loop")
    return Kept(
        known,
        exif,
        xmp,
        _dpi(image),
        milliseconds=int(shown) if isinstance(shown, int | float) else 0,
        loop=loop if isinstance(loop, int) else None,
    )


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    try:
        x, y = (float(v) for v in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if 1 < x <= 65_535 and 1 < y <= 65_535 else None  # 1: not stated
