"""The L* fields on which every artefact is compared with what was trained.

Sixteen gray pictures in one file (`pictures.png`, credits in `CREDITS.md`) and four fields that
are made here: black, white, checkerboard and noise, where a network leaves its usual paths.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.lab import gray_to_l

__all__ = ["COLUMNS", "MADE", "NAMES", "PICTURES", "SIDE", "fit", "gray_fields", "l_fields"]

SIDE = 256
COLUMNS = 4
PICTURES = (
    "astronaut",
    "astronaut-face",
    "astronaut-model",
    "cameraman",
    "cameraman-field",
    "cat",
    "cat-eye",
    "coffee",
    "coffee-spoon",
    "rocket",
    "rocket-smoke",
    "deep-field",
    "retina",
    "brick",
    "grass",
    "clock",
)
MADE = ("black", "white", "checkerboard", "noise")
NAMES = PICTURES + MADE


def gray_fields() -> NDArray[np.uint8]:
    """The twenty gray pictures, shape (20, 256, 256), in the order of `NAMES`."""
    with Image.open(Path(__file__).parent / "pictures.png") as sheet:
        pixels = np.asarray(sheet.convert("L"))
    rows = len(PICTURES) // COLUMNS
    tiles = pixels.reshape(rows, SIDE, COLUMNS, SIDE).swapaxes(1, 2).reshape(-1, SIDE, SIDE)
    black = np.zeros((SIDE, SIDE), np.uint8)
    white = np.full((SIDE, SIDE), 255, np.uint8)
    y, x = np.indices((SIDE, SIDE)) // 8
    checkerboard = np.where((x + y) % 2 == 0, 255, 0).astype(np.uint8)
    # A hash, and no random generator: its stream is the same in every version of NumPy.
    stream = hashlib.shake_256(b"proof set").digest(SIDE * SIDE)
    noise = np.frombuffer(stream, np.uint8).reshape(SIDE, SIDE)
    return np.concatenate([tiles, np.stack([black, white, checkerboard, noise])])


def l_fields(height: int = SIDE, width: int = SIDE) -> NDArray[np.float32]:
    """The proof set as L*, shape (20, 1, height, width), 0..100.

    Sizes other than 256 repeat or crop the pictures, so that no value is made up by a filter.
    """
    return gray_to_l()[fit(gray_fields(), height, width)][:, None]


def fit(fields: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Repeat and crop the last two axes of `fields` to `height` and `width`."""
    rows, columns = fields.shape[-2:]
    return fields[..., np.arange(height) % rows, :][..., np.arange(width) % columns]
