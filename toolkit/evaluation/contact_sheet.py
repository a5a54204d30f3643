"""One picture of many results: gray, ours and the truth side by side, sorted by error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from toolkit.errors import one_of
from toolkit.evaluation.metrics import gray_rgb
from toolkit.evaluation.protocol import Colorize, Evaluation, Row, gray_input, read_truth
from toolkit.evaluation.table import show
from toolkit.files import write_bytes

__all__ = ["MOST", "check_suffix", "contact_sheet", "write_contact_sheet"]

UInt8 = NDArray[np.uint8]
Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

MOST = 120
"""Photographs on a sheet; of more, every so manieth in the order of their error is shown."""

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
_TILE = 200  # pixels, the side of the square that a picture is fitted into
_GAP = 6
_TEXT = 18
_COLUMNS = 2
_TITLES = ("gray", "ours", "truth")
_PAPER, _INK, _BAD = (250, 250, 250), (20, 20, 20), (180, 0, 0)


def check_suffix(path: Path) -> None:
    """Refuse a name whose suffix is none of those that can be written.

    Raises
    ------
    UsageError
        If it is none of ``.png``, ``.jpg``, ``.jpeg``.
    """
    if path.suffix.lower() not in _FORMATS:
        raise one_of("format of a contact sheet", path.suffix or path.name, list(_FORMATS))


def write_contact_sheet(
    path: Path,
    colorize: Colorize,
    evaluation: Evaluation,
    *,
    heading: str,
    on_photo: Callable[[], None] = lambda: None,
) -> int:
    """Draw the sheet of an evaluation and write it, whole or not at all.

    Returns
    -------
    int
        How many photographs are on it.

    Raises
    ------
    UsageError
        If the suffix of `path` is none of ``.png``, ``.jpg``, ``.jpeg``.
    OutputError
        If it cannot be written.
    UnusableInput
        If a photograph can no longer be read.
    """
    check_suffix(path)
    rows = spread(evaluation.by_error(), MOST)
    strips = []
    for row in rows:
        true = read_truth(row.path)
        pictures = (gray_rgb(true), colorize(gray_input(true)), true)
        strips.append((row, [_fit(picture) for picture in pictures]))
        on_photo()
    order = f"{len(rows)} of {len(evaluation.rows)}, the largest CIEDE2000 first"
    sheet = contact_sheet(strips, f"{heading}: {order}; red: worse than gray")
    stream = BytesIO()
    sheet.save(stream, _FORMATS[path.suffix.lower()], quality=90)
    write_bytes(path, stream.getvalue())
    return len(rows)


def spread(rows: Sequence[Row], most: int) -> list[Row]:
    """At most `most` rows, evenly over their order, the first and the last among them."""
    if len(rows) <= most:
        return list(rows)
    return [rows[i] for i in np.linspace(0, len(rows) - 1, most).round().astype(int)]


def contact_sheet(strips: Sequence[tuple[Row, list[Image.Image]]], heading: str) -> Image.Image:
    """Lay strips of gray, ours and truth out in columns, each under its figures.

    A photograph that was made worse than gray has its figures in red.
    """
    width = len(_TITLES) * (_TILE + _GAP) + 2 * _GAP
    height = _TILE + _TEXT + 2 * _GAP
    top = 2 * (_TEXT + _GAP)
    lines = -(-len(strips) // _COLUMNS)
    columns = min(_COLUMNS, len(strips))
    sheet = Image.new("RGB", (columns * width, top + lines * height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_TEXT - 4)
    draw.text((_GAP, _GAP), _cut(draw, font, heading, sheet.width - 2 * _GAP), _INK, font)
    for column in range(columns):
        for k, title in enumerate(_TITLES):
            x = column * width + _GAP + k * (_TILE + _GAP)
            draw.text((x, _TEXT + _GAP), title, _INK, font)
    for index, (row, pictures) in enumerate(strips):
        x = index % _COLUMNS * width + _GAP
        y = top + index // _COLUMNS * height
        ink = _BAD if row.figures["gain"] < 0 else _INK
        draw.text((x, y), _label(draw, font, row, width - 3 * _GAP), ink, font)
        for k, picture in enumerate(pictures):
            sheet.paste(picture, (x + k * (_TILE + _GAP), y + _TEXT))
    return sheet


def _fit(rgb: UInt8) -> Image.Image:
    picture = Image.fromarray(rgb)
    picture.thumbnail((_TILE, _TILE), Image.Resampling.LANCZOS)
    return picture


def _label(draw: ImageDraw.ImageDraw, font: Font, row: Row, room: int) -> str:
    figures = (
        f"  CIEDE2000 {show('ciede2000', row.figures['ciede2000'])}"
        f"  gain {show('gain', row.figures['gain'])} dB"
    )
    return _cut(draw, font, row.photo, room - draw.textlength(figures, font)) + figures


def _cut(draw: ImageDraw.ImageDraw, font: Font, text: str, room: float) -> str:
    """The end of `text` that fits; a path's end tells more than its beginning."""
    if draw.textlength(text, font) <= room:
        return text
    while text and draw.textlength(f"...{text}", font) > room:
        text = text[1:]
    return f"...{text}"
