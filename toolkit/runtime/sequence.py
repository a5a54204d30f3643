"""Files of several pictures: the pages of a TIFF, the frames of an animation."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, BinaryIO

from toolkit.runtime.color_profile import srgb_profile
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.formats import Format, by_name
from toolkit.runtime.photo import Photo

__all__ = ["holds", "write_sequence"]


def holds(to: Format, photo: Photo) -> bool:
    """Whether all pictures of the file that `photo` is the first of can be written as `to`."""
    return photo.kept.pages > 1 and to.sequence == photo.kept.format.sequence


def write_sequence(
    stream: BinaryIO, photos: Iterable[Photo], colorizer: Colorizer, to: Format, quality: int
) -> None:
    """Colour and write them all; see `holds`."""
    if to.sequence == "pages":
        _write_pages(stream, photos, colorizer)
    else:
        _write_frames(stream, photos, colorizer, to, quality)


def _write_pages(stream: BinaryIO, photos: Iterable[Photo], colorizer: Colorizer) -> None:
    from PIL.TiffImagePlugin import AppendingTiffWriter  # slow: not for each start

    with AppendingTiffWriter(stream) as writer:
        for photo in photos:
            colorizer.write(photo, writer, by_name("tiff"))
            writer.newFrame()


def _write_frames(
    stream: BinaryIO, photos: Iterable[Photo], colorizer: Colorizer, to: Format, quality: int
) -> None:
    frames, milliseconds, loop = [], [], None
    for photo in photos:
        frames.append(colorizer.render(photo))
        milliseconds.append(photo.kept.milliseconds)
        loop = photo.kept.loop if loop is None else loop
    options: dict[str, Any] = {} if loop is None else {"loop": loop}
    if to.name == "gif" and any(frame.mode == "RGBA" for frame in frames):
        options["disposal"] = 2  # what lies under a frame does not shine through the next one
    import_module(to.plugin)
    frames[0].save(
        stream,
        to.pillow,
        save_all=True,
        append_images=frames[1:],
        duration=milliseconds,
        quality=quality,
        icc_profile=srgb_profile(),
        **options,
    )
