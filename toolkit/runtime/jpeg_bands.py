"""A JPEG made in bands, each by whichever thread has coloured it.

Each row of blocks ends with a restart marker, after which nothing depends on what came before.
So bands of 128 rows (8 or 16 rows of blocks, both multiples of the 8 numbers that the markers
have) can be encoded apart and put one after the other: it is the file that one encoder would
have written with the same option. No whole picture in colour is ever in memory.

References
----------
.. [1] ITU-T T.81, B.1.1.3 (markers), B.2.2 (frame header), E.1.4 (restart intervals).
"""

from __future__ import annotations

from io import BytesIO
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import OutputError

__all__ = ["BAND", "LIMIT", "JpegBands"]

BAND = 128
"""Rows of a band."""
LIMIT = 65_500
"""The longest side that JPEG libraries write."""

_END = b"\xff\xd9"
_LAST_RESTART = b"\xff\xd7"
_FRAME = (0xC0, 0xC1)
_SCAN = 0xDA


class JpegBands:
    """Collects the bands of one picture.

    Parameters
    ----------
    height, width : int
    quality, subsampling : int
        As Pillow takes them.
    first : dict
        What Pillow is to write into the head of the file: EXIF, XMP, profile, resolution.

    Raises
    ------
    OutputError
        If a side is longer than JPEG can hold.
    """

    def __init__(
        self, height: int, width: int, *, quality: int, subsampling: int, first: dict[str, Any]
    ) -> None:
        if max(height, width) > LIMIT:
            raise OutputError(
                f"jpeg cannot hold {width} x {height} pixels: choose another format with --format"
            )
        self._height = height
        self._options = {"quality": quality, "subsampling": subsampling, "restart_marker_rows": 1}
        self._first = first
        self._scans: dict[int, bytes] = {}
        self._head = b""

    def put(self, top: int, band: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
        """Take rows `top` to `top` + rows of the picture: uint8, shape (rows, W, 4)."""
        stream = BytesIO()
        extra = {} if top else self._first
        image = Image.frombuffer("RGBX", band.shape[1::-1], band)
        image.save(stream, "JPEG", **self._options, **extra)
        data = stream.getvalue()
        scan, frame = _positions(data)
        if top == 0:
            height = self._height.to_bytes(2, "big")
            self._head = data[: frame + 5] + height + data[frame + 7 : scan]
        self._scans[top] = data[scan : -len(_END)]

    def write(self, stream: IO[bytes]) -> None:
        """Write the file, once all bands are there."""
        stream.write(self._head)
        for top in sorted(self._scans):
            if top:
                stream.write(_LAST_RESTART)
            stream.write(self._scans[top])
        stream.write(_END)


def _positions(data: bytes) -> tuple[int, int]:
    """Where the coded pixels begin, and where the frame header does."""
    at, frame = 2, 0
    while True:
        marker = data[at + 1]
        if marker in _FRAME:
            frame = at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SCAN:
            return at, frame
