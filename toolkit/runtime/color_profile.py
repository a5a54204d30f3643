"""ICC profiles: what a scanner or a camera means by its numbers, turned into sRGB."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from toolkit import lab
from toolkit.errors import one_line

if TYPE_CHECKING:
    from PIL import ImageCms

__all__ = ["LIMIT", "changes_rgb", "gray_table", "lab_profile", "srgb_profile", "to_srgb"]

LIMIT = 4 * 2**20
"""Profiles larger than this many bytes are ignored; those of printing presses reach 3 MB."""

_SPACE = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab"}


@cache
def srgb_profile() -> bytes:
    """The sRGB profile that results carry, always the same bytes."""
    from PIL import ImageCms

    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data[24:36] = np.array([2000, 1, 1, 0, 0, 0], ">u2").tobytes()  # else the date of this run
    return bytes(data)


@cache
def lab_profile() -> bytes:
    """The profile of CIE L*a*b* itself, for TIFF files that hold it without one."""
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def to_srgb(image: Image.Image, profile: bytes) -> tuple[Image.Image, str | None]:
    """Turn the numbers of an RGB, CMYK or LAB picture into sRGB.

    Parameters
    ----------
    image : mode RGB, CMYK or LAB
    profile : bytes
        An ICC profile.

    Returns
    -------
    image : mode RGB, or `image` itself where the profile cannot be used
    note : str or None
        Why the profile was ignored, for the user.

    Notes
    -----
    Relative colorimetric with black point compensation, as scanners' own programs do: white
    stays white.
    """
    from PIL import ImageCms

    source, note = _open(profile, image.mode)
    if source is None:
        return image, note
    if image.mode == "RGB" and _is_srgb(source):
        return image, None
    try:
        converted = ImageCms.profileToProfile(
            image,
            source,
            ImageCms.ImageCmsProfile(BytesIO(srgb_profile())),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, ValueError, OSError) as error:
        return image, f"its colour profile cannot be applied and is ignored: {one_line(error)}"
    assert converted is not None
    return converted, None


def changes_rgb(profile: bytes) -> bool:
    """Whether a profile can be used and gives RGB another meaning than sRGB."""
    source, _ = _open(profile, "RGB") if profile else (None, None)
    return source is not None and not _is_srgb(source)


def gray_table(profile: bytes) -> tuple[lab.UInt8 | None, str | None]:
    """What each of 256 levels of a gray picture with this profile is in sRGB.

    Returns
    -------
    table : uint8, shape (256,), or None where the levels mean sRGB already
    note : str or None
        Why the profile was ignored, for the user.
    """
    ramp = Image.frombytes("L", (256, 1), bytes(range(256)))
    converted, note = to_srgb(ramp, profile)
    if converted.mode != "RGB":
        return None, note
    table = lab.gray_of_rgb(np.asarray(converted, np.uint8))[0]
    if np.array_equal(table, np.arange(256)):
        return None, None
    return table.astype(np.uint8), None


def _open(profile: bytes, mode: str) -> tuple[ImageCms.ImageCmsProfile | None, str | None]:
    from PIL import ImageCms

    if len(profile) > LIMIT:
        return None, f"its colour profile has {len(profile) / 1e6:.0f} MB and is ignored"
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        space = source.profile.xcolor_space.strip()
    except (ImageCms.PyCMSError, ValueError, OSError) as error:
        return None, f"its colour profile is broken and is ignored: {one_line(error)}"
    if space != _SPACE[mode]:
        return None, f"its colour profile is for {one_line(space)}, not {mode}, and is ignored"
    return source, None


def _is_srgb(source: ImageCms.ImageCmsProfile) -> bool:
    description = source.profile.profile_description or ""
    return description.lower().startswith("srgb")
