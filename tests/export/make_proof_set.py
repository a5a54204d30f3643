"""Make `toolkit/export/proof_set/pictures.png` again, bit for bit.

    python tests/export/make_proof_set.py

The pictures come with scikit-image and are in the public domain or CC0; CREDITS.md beside the
result names them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage
from PIL import Image

from toolkit.export.proof_set import COLUMNS, PICTURES, SIDE
from toolkit.lab import gray_of_rgb

SOURCES = Path(skimage.__file__).parent / "data"

CROPS: dict[str, tuple[str, tuple[int, int, int]]] = {
    "astronaut": ("astronaut.png", (0, 0, 512)),
    "astronaut-face": ("astronaut.png", (96, 0, 256)),
    "astronaut-model": ("astronaut.png", (256, 160, 256)),
    "cameraman": ("camera.png", (0, 0, 512)),
    "cameraman-field": ("camera.png", (0, 256, 256)),
    "cat": ("chelsea.png", (80, 0, 300)),
    "cat-eye": ("chelsea.png", (180, 40, 128)),
    "coffee": ("coffee.png", (100, 0, 400)),
    "coffee-spoon": ("coffee.png", (330, 120, 256)),
    "rocket": ("rocket.jpg", (120, 0, 427)),
    "rocket-smoke": ("rocket.jpg", (200, 171, 256)),
    "deep-field": ("hubble_deep_field.jpg", (300, 300, 512)),
    "retina": ("retina.jpg", (0, 0, 1411)),
    "brick": ("brick.png", (0, 0, 512)),
    "grass": ("grass.png", (128, 128, 256)),
    "clock": ("clock_motion.png", (50, 0, 300)),
}
"""File, and the square of it: left, top, side."""


def sheet() -> Image.Image:
    """All pictures as gray squares of `SIDE`, `COLUMNS` to a row."""
    rows = len(PICTURES) // COLUMNS
    result = Image.new("L", (COLUMNS * SIDE, rows * SIDE))
    for index, name in enumerate(PICTURES):
        file, (left, top, side) = CROPS[name]
        with Image.open(SOURCES / file) as picture:
            square = picture.crop((left, top, left + side, top + side))
        gray = square if square.mode == "L" else Image.fromarray(gray_of_rgb(np.asarray(square)))
        tile = gray.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        result.paste(tile, (index % COLUMNS * SIDE, index // COLUMNS * SIDE))
    return result


if __name__ == "__main__":
    sheet().save(Path(__file__).parents[2] / "toolkit/export/proof_set/pictures.png", optimize=True)
