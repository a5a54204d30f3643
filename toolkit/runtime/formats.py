"""The picture formats that are opened and written, as one table.

A format that is not here is never tried, whatever the file's name says: no PostScript, no
Photoshop, no scientific formats. A file is known by its first bytes, not by its suffix.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.errors import one_of

__all__ = ["FORMATS", "HEAD", "SUFFIXES", "Format", "by_name", "by_suffix", "sniff"]

HEAD = 32
"""How many bytes `sniff` wants to see."""


@dataclass(frozen=True)
class Format:
    """One picture format."""

    name: str
    pillow: str
    """Its name in Pillow's registry."""
    plugin: str
    """The module of Pillow that reads and writes it; imported when it is needed."""
    suffixes: tuple[str, ...]
    """The first one is given to new files."""
    magic: tuple[tuple[int, bytes], ...]
    """Alternatives of (offset, bytes) by which a file is known."""
    alpha: bool
    """Whether it holds transparency."""
    package: str | None = None
    """What must be installed beside Pillow; None: nothing."""
    sequence: str = ""
    """``pages`` or ``frames`` where a file may hold several pictures and all are coloured."""


def _brands(*names: bytes) -> tuple[tuple[int, bytes], ...]:
    return tuple((4, b"ftyp" + name) for name in names)


FORMATS: tuple[Format, ...] = (
    Format(
        "jpeg",
        "JPEG",
        "PIL.JpegImagePlugin",
        (".jpg", ".jpeg", ".jpe", ".jfif"),
        ((0, b"\xff\xd8\xff"),),
        alpha=False,
    ),
    Format("png", "PNG", "PIL.PngImagePlugin", (".png",), ((0, b"\x89PNG\r\n\x1a\n"),), alpha=True),
    Format(
        "tiff",
        "TIFF",
        "PIL.TiffImagePlugin",
        (".tif", ".tiff"),
        ((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")),
        alpha=True,
        sequence="pages",
    ),
    Format(
        "webp",
        "WEBP",
        "PIL.WebPImagePlugin",
        (".webp",),
        ((8, b"WEBPVP8"),),
        alpha=True,
        sequence="frames",
    ),
    Format("bmp", "BMP", "PIL.BmpImagePlugin", (".bmp", ".dib"), ((0, b"BM"),), alpha=False),
    Format(
        "gif",
        "GIF",
        "PIL.GifImagePlugin",
        (".gif",),
        ((0, b"GIF8"),),
        alpha=True,
        sequence="frames",
    ),
    Format(
        "avif",
        "AVIF",
        "PIL.AvifImagePlugin",
        (".avif",),
        _brands(b"avif", b"avis"),
        alpha=True,
    ),
    Format(
        "heic",
        "HEIF",
        "pillow_heif.HeifImagePlugin",
        (".heic", ".heif"),
        _brands(b"heic", b"heix", b"mif1", b"msf1"),
        alpha=True,
        package="pillow_heif",
    ),
)

SUFFIXES = frozenset(suffix for f in FORMATS for suffix in f.suffixes)


def sniff(head: bytes) -> Format | None:
    """The format of a file that begins with `head`, or None."""
    for known in FORMATS:
        if any(head[at : at + len(magic)] == magic for at, magic in known.magic):
            return known
    return None


def by_name(name: str) -> Format:
    """The format called `name` (``jpeg``, ``jpg``, ``PNG`` ...).

    Raises
    ------
    UsageError
        If there is none; the message names the choices.
    """
    wanted = name.lower().lstrip(".")
    for known in FORMATS:
        if wanted == known.name or f".{wanted}" in known.suffixes:
            return known
    raise one_of("format", name, [f.name for f in FORMATS])


def by_suffix(suffix: str) -> Format | None:
    """The format that a file with this suffix is written in, or None."""
    for known in FORMATS:
        if suffix.lower() in known.suffixes:
            return known
    return None
