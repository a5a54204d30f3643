"""A photograph's file or bytes: its gray levels, and all that must outlive the colouring.

The one reader of photographs in the whole program. It imports neither onnxruntime nor anything
of the model.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import ToolkitError, UnusableInput, one_line, os_reason
from toolkit.files import TEMPORARY
from toolkit.requirements import require
from toolkit.runtime import metadata
from toolkit.runtime.deep_colors import deep_gray, is_deep
from toolkit.runtime.formats import FORMATS, HEAD, SUFFIXES, Format, sniff
from toolkit.runtime.levels import Gray, WantsRGB, eight_bits, gray_and_rgb, without_alpha
from toolkit.runtime.metadata import Kept

__all__ = [
    "MAX_MEGAPIXELS",
    "Kept",
    "Photo",
    "Source",
    "TooLarge",
    "find_photos",
    "never",
    "no_photographs",
    "pages",
    "read",
    "read_rgb",
]

Source: TypeAlias = str | os.PathLike[str] | bytes

MAX_MEGAPIXELS = 250.0

_TEXT = 16 * 2**20
"""Bytes of the longest text or profile that a PNG may unpack to."""

_OF_PROGRAMS = frozenset({"node_modules", "__pycache__", "__MACOSX", "@eaDir"})
"""Folders whose pictures are nobody's photographs: of packages, and previews of file servers."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture of each EXIF orientation upright."""


class TooLarge(UnusableInput):
    """A picture of more pixels than the limit allows, by its header."""


@dataclass(frozen=True)
class Photo:
    """One photograph, upright.

    Its colours, where it has some, are in `rgb` only if they were asked for.
    """

    gray: Gray
    """Luminance, sRGB-encoded, as a gray file stores it: uint8 or uint16, shape (H, W)."""
    alpha: NDArray[np.uint8] | None
    """Transparency, shape (H, W), or None."""
    kept: Kept
    rgb: NDArray[np.uint8] | None = None
    """sRGB, shape (H, W, 3), or None."""


def never(image: Image.Image) -> bool:
    """The colours of no picture are wanted."""
    return False


def _always(image: Image.Image) -> bool:
    return True


def read(
    source: Source,
    *,
    max_megapixels: float = MAX_MEGAPIXELS,
    wants_rgb: WantsRGB = never,
) -> Photo:
    """Read the first picture of a file or of bytes.

    Parameters
    ----------
    source : path or bytes
    max_megapixels : float
        Larger pictures are refused by their header, before a pixel is decoded.
    wants_rgb : callable
        Says of a picture that is not gray, in sRGB, whether its colours are wanted too.

    Raises
    ------
    UnusableInput
        If it is missing, not a plain file, in no known format, damaged, or too large.
    MissingRequirement
        If its format needs a package that is not installed.
    """
    return next(pages(source, max_megapixels=max_megapixels, wants_rgb=wants_rgb))


def pages(
    source: Source,
    *,
    max_megapixels: float = MAX_MEGAPIXELS,
    wants_rgb: WantsRGB = never,
) -> Generator[Photo, None, None]:
    """Read a file's pictures one by one: the pages of a TIFF, the frames of a GIF or WebP.

    Parameters and errors are those of `read`. The limit holds for each page, and for the frames
    of an animation together, because they are written together: of a longer one the first alone
    is read, and a note says so.
    """
    with _opened(source) as (image, known, name, stream):
        _check_size(image, max_megapixels, name)
        count = getattr(image, "n_frames", 1) if known.sequence else 1
        note = None
        if known.sequence == "frames" and count * image.width * image.height > max_megapixels * 1e6:
            note = f"its {count} frames are over --max-megapixels together; the first is taken"
            count = 1
        for page in range(count):
            if page:
                image.seek(page)
                _check_size(image, max_megapixels, name)
            deep = is_deep(image, known)
            photo, turn, profile = _photo(image, known, wants_rgb, count, note)
            if deep and photo.rgb is None:
                photo = _deepened(photo, turn, deep_gray(stream, known, page, profile))
            yield photo


def read_rgb(source: Source, *, max_megapixels: float = MAX_MEGAPIXELS) -> NDArray[np.uint8]:
    """Read a picture as sRGB: upright, its colour profile applied, its alpha dropped.

    Returns
    -------
    rgb : uint8, shape (H, W, 3)

    Raises
    ------
    UnusableInput
        If it is missing, not a plain file, in no known format, damaged, or too large.
    MissingRequirement
        If its format needs a package that is not installed.
    """
    photo = read(source, max_megapixels=max_megapixels, wants_rgb=_always)
    if photo.rgb is not None:
        return photo.rgb
    return np.repeat(eight_bits(photo.gray)[..., None], 3, axis=2)


def find_photos(folder: str | os.PathLike[str]) -> list[Path]:
    """All files under `folder` whose suffix is that of a picture format, sorted.

    Links to folders are not followed, so that no loop is walked. Hidden folders, those of
    `_OF_PROGRAMS` and files in the making are left out.

    Raises
    ------
    UnusableInput
        If `folder` is not a folder or cannot be read.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UnusableInput(f"{one_line(root)}: no such folder")

    def fail(error: OSError) -> None:
        raise UnusableInput(f"{one_line(error.filename)}: cannot be read: {os_reason(error)}")

    found: list[Path] = []
    for here, folders, names in os.walk(root, onerror=fail):
        folders[:] = [f for f in folders if not f.startswith(".") and f not in _OF_PROGRAMS]
        found += [
            Path(here, name)
            for name in names
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith(("._", TEMPORARY))
        ]
    return sorted(found)


def no_photographs(folder: str | os.PathLike[str]) -> UnusableInput:
    """The error for a folder in which `find_photos` finds none; it names a link not followed."""
    none = f"{one_line(folder)}: no photographs in this folder"
    with suppress(OSError):
        for path in sorted(Path(folder).iterdir()):
            if path.is_symlink() and path.is_dir():
                link = f"{one_line(path.name)} is a link to another folder and not followed"
                return UnusableInput(f"{none}; {link}: name that one")
    return UnusableInput(f"{none}: name another one")


@contextmanager
def _opened(source: Source) -> Iterator[tuple[Image.Image, Format, str, IO[bytes]]]:
    """Open `source` with Pillow; whatever goes wrong in the block becomes one clear error."""
    name = "the picture" if isinstance(source, bytes) else one_line(os.fspath(source))
    try:
        with _stream(source, name) as stream:
            head = stream.read(HEAD)
            known = sniff(head)
            if known is None:
                raise UnusableInput(f"{name}: {_not_a_picture(head)}")
            stream.seek(0)
            image = _open_as(known, stream)
            with image:
                yield image, known, name, stream
    except ToolkitError:
        raise
    except MemoryError:
        raise UnusableInput(f"{name}: too large for the memory of this machine") from None
    except OSError as error:
        if "truncated" in str(error):
            text = f"{name}: the file ends in the middle of the picture; copy or scan it again"
            raise UnusableInput(text) from error
        reason = os_reason(error) if error.errno else one_line(error)
        raise UnusableInput(f"{name}: cannot be read: {reason}") from error
    except Exception as error:  # parsers of damaged files raise nearly every kind there is
        raise UnusableInput(f"{name}: damaged: {one_line(error)}") from error


def _check_size(image: Image.Image, limit: float, name: str) -> None:
    megapixels = image.width * image.height / 1e6
    if megapixels > limit:
        raise TooLarge(
            f"{name}: {image.width} x {image.height} is {megapixels:.0f} megapixels, over the "
            f"limit of {limit:g}; raise it with --max-megapixels"
        )


@contextmanager
def _stream(source: Source, name: str) -> Iterator[IO[bytes]]:
    if isinstance(source, bytes):
        yield BytesIO(source)
        return
    try:
        mode = Path(source).stat().st_mode
    except FileNotFoundError:
        raise UnusableInput(f"{name}: no such file") from None
    if not stat.S_ISREG(mode):  # a pipe would block for ever
        kind = "a folder" if stat.S_ISDIR(mode) else "not a plain file"
        raise UnusableInput(f"{name}: {kind}; give a picture")
    with open(source, "rb") as stream:
        yield stream


def _not_a_picture(head: bytes) -> str:
    names = ", ".join(known.name for known in FORMATS)
    return f"not a picture in a known format ({names})" if head else "the file is empty"


def _open_as(known: Format, stream: IO[bytes]) -> Image.Image:
    """Open with the one plugin; `Image.open` would first import all of them."""
    if known.package:
        plugin = require(known.package, "images", f"{known.name.upper()}")
        plugin.register_heif_opener()
    else:
        module: Any = import_module(known.plugin)
        if hasattr(module, "MAX_TEXT_CHUNK"):
            # Pillow refuses the whole PNG for a profile or a text over 1 MB.
            module.MAX_TEXT_CHUNK = max(module.MAX_TEXT_CHUNK, _TEXT)
    factory, _ = Image.OPEN[known.pillow]
    image: Image.Image = factory(stream, "")
    return image


def _photo(
    image: Image.Image, known: Format, wants_rgb: WantsRGB, pages: int, note: str | None
) -> tuple[Photo, int, bytes]:
    """The picture that is open, the orientation it had, and its profile."""
    turn, wrong = metadata.orientation(image)
    notes = [line for line in (note, wrong) if line]
    image.load()
    kept = replace(metadata.collect(image, known, notes), pages=pages)
    profile = image.info.get("icc_profile") or b""
    if turn >= 5 and kept.dpi:
        kept = replace(kept, dpi=kept.dpi[::-1])
    if turn != 1 and known.name != "tiff":  # Pillow turns a TIFF while loading it
        image = image.transpose(_UPRIGHT[turn])
    image, alpha = without_alpha(image)
    gray, rgb = gray_and_rgb(image, profile, notes, wants_rgb)
    return Photo(gray, alpha, replace(kept, notes=tuple(notes)), rgb), turn, profile


def _deepened(
    photo: Photo, turn: int, found: tuple[NDArray[np.uint16] | None, str | None]
) -> Photo:
    """With the 16 bits that were found, or the note why there are none."""
    gray, note = found
    if gray is not None and turn != 1:
        gray = np.asarray(Image.fromarray(gray).transpose(_UPRIGHT[turn]))
    if gray is None or gray.shape != photo.gray.shape:
        notes = (*photo.kept.notes, *([note] if note else []))
        return replace(photo, kept=replace(photo.kept, notes=notes))
    return replace(photo, gray=gray)
