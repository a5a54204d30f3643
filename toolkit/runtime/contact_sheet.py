"""One picture that shows what a run did: each photograph before and after, small."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from toolkit.errors import UnusableInput
from toolkit.files import atomic_write
from toolkit.runtime.encode import QUALITY, encode
from toolkit.runtime.formats import Format, by_name
from toolkit.runtime.metadata import Kept
from toolkit.runtime.photo import read_rgb

__all__ = ["MOST", "write_contact_sheet"]

MOST = 200
"""Photographs on a sheet; of more the first ones are shown."""
_SIDE, _GAP, _PAIRS = 240, 8, 3


def write_contact_sheet(path: Path, pairs: Sequence[tuple[Path, Path]], to: Format) -> None:
    """Write a sheet of (photograph, result) pairs, three pairs in a row.

    Raises
    ------
    UnusableInput
        If there is nothing to show.
    OutputError
        If it cannot be written.
    """
    if not pairs:
        raise UnusableInput("nothing was coloured, so there is nothing for the contact sheet")
    cell = _SIDE + _GAP
    rows = -(-min(len(pairs), MOST) // _PAIRS)
    sheet = Image.new("RGB", (2 * _PAIRS * cell + _GAP, rows * cell + _GAP), (24, 24, 24))
    for place, pair in enumerate(pairs[:MOST]):
        row, column = divmod(place, _PAIRS)
        for side, picture in enumerate(pair):
            small = Image.fromarray(read_rgb(picture))
            small.thumbnail((_SIDE, _SIDE))
            left = _GAP + (2 * column + side) * cell + (_SIDE - small.width) // 2
            sheet.paste(small, (left, _GAP + row * cell + (_SIDE - small.height) // 2))
    with atomic_write(path) as stream:
        encode(sheet, stream, to, Kept(by_name("png")), QUALITY)
