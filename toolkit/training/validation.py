"""What a generator is worth, by the protocol of `toolkit.evaluation`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import ToolkitError, UnusableInput
from toolkit.evaluation.metrics import compare, gray_rgb
from toolkit.evaluation.protocol import MINIMUM_CHROMA, evaluate, gray_input, read_truth
from toolkit.evaluation.summary import means
from toolkit.lab import gray_to_l, l_of_gray, lab_to_rgb, rgb_to_lab, to_uint8
from toolkit.training.networks.generator import AB_SCALE, L_SCALE, Generator, evaluating

__all__ = ["Validation", "colorize_gray", "draw_sheet", "evaluate_paths"]

UInt8 = NDArray[np.uint8]

WINDOW = 11
"""The smallest side that SSIM's window fits on."""


@torch.inference_mode()
def colorize_gray(generator: Generator, gray: UInt8, preferred: int) -> UInt8:
    """Colour one gray photograph with a generator that is still in PyTorch.

    Parameters
    ----------
    generator : Generator
        In evaluation mode, perhaps with its dropout on.
    gray : uint8, shape (H, W)
    preferred : int
        Short side of what the network sees, in pixels.

    Returns
    -------
    rgb : uint8, shape (H, W, 3)
        Colours outside sRGB are clipped; the runtime, which keeps their hue, differs there.
    """
    height, width = _network_size(generator, gray.shape, preferred)
    levels = Image.fromarray(gray.astype(np.float32))
    small = np.asarray(levels.resize((width, height), Image.Resampling.BILINEAR)) / np.float32(255)
    lightness = torch.from_numpy(l_of_gray(small) / np.float32(L_SCALE) - np.float32(1))
    device = next(generator.parameters()).device
    ab = generator(lightness[None, None].to(device))[0].float().cpu().numpy() * AB_SCALE
    planes = [
        np.asarray(Image.fromarray(plane).resize(gray.shape[::-1], Image.Resampling.BILINEAR))
        for plane in ab
    ]
    return to_uint8(lab_to_rgb(np.stack([gray_to_l()[gray], *planes], -1)))


class Validation:
    """A fixed set of photographs that a generator is measured on again and again.

    Parameters
    ----------
    paths : sequence of Path
        Those that cannot be read are left out.
    preferred : int
        Short side of what the network sees, in pixels.
    dropout : bool
        Whether dropout stays on, with the same noise at each look.

    Raises
    ------
    UnusableInput
        If none can be read, or all are gray.
    """

    def __init__(self, paths: Sequence[Path], preferred: int, dropout: bool = False) -> None:
        self.photos = [photo for path in paths if (photo := _read(path)) is not None]
        self.preferred, self.dropout = preferred, dropout
        if not self.photos:
            raise UnusableInput(
                "none of the validation photographs can be read and has sides of at least "
                f"{WINDOW} pixels: give others"
            )
        if all(_is_gray(photo) for photo in self.photos):
            raise UnusableInput(
                f"the photographs to choose by ({len(self.photos)}) are gray, so no colour can be "
                "measured; find gray ones with: toolkit data check FOLDER --write LIST"
            )

    def __call__(self, generator: Generator) -> dict[str, float]:
        """The mean of every figure of `toolkit.evaluation.summary`."""
        return means([compare(self._colored(generator, photo), photo) for photo in self.photos])

    def sheet(self, generator: Generator, count: int = 8, side: int = 224) -> Image.Image:
        """The first photographs in three rows: L*, predicted, true."""
        columns = [[gray_rgb(p), self._colored(generator, p), p] for p in self.photos[:count]]
        return draw_sheet(columns, side)

    def _colored(self, generator: Generator, photo: UInt8) -> UInt8:
        with evaluating(generator, self.dropout):
            return colorize_gray(generator, gray_input(photo), self.preferred)


def evaluate_paths(
    generator: Generator, paths: Sequence[Path], root: Path, preferred: int
) -> dict[str, float]:
    """The mean of every figure over photographs below `root`, by the whole protocol.

    Raises
    ------
    UnusableInput
        If there is no colour photograph among them that can be read.
    """
    generator.eval()
    rows = evaluate(lambda gray: colorize_gray(generator, gray, preferred), paths, root=root).rows
    return {**means([row.figures for row in rows]), "photos": float(len(rows))}


def draw_sheet(columns: Sequence[Sequence[UInt8]], side: int = 224) -> Image.Image:
    """Three pictures below each other in each column: given, predicted, true."""
    sheet = Image.new("RGB", (len(columns) * side, 3 * side), "white")
    for column, pictures in enumerate(columns):
        for row, picture in enumerate(pictures):
            tile = Image.fromarray(picture)
            tile.thumbnail((side - 4, side - 4), Image.Resampling.LANCZOS)
            left, top = (side - tile.width) // 2, (side - tile.height) // 2
            sheet.paste(tile, (column * side + left, row * side + top))
    return sheet


def _read(path: Path) -> UInt8 | None:
    try:
        photo = read_truth(path)
    except ToolkitError:
        return None
    return photo if min(photo.shape[:2]) >= WINDOW else None


def _is_gray(photo: UInt8) -> bool:
    ab = rgb_to_lab(photo)[..., 1:]
    return bool(np.hypot(ab[..., 0], ab[..., 1]).mean() < MINIMUM_CHROMA)


def _network_size(generator: Generator, shape: tuple[int, ...], preferred: int) -> tuple[int, int]:
    """Legal sides with the photograph's aspect ratio, the short one about `preferred`."""
    if generator.fixed_size is not None:
        return generator.fixed_size, generator.fixed_size
    n, scale = generator.multiple_of, preferred / min(shape)
    height, width = (max(1, round(side * scale / n)) * n for side in shape)
    return height, width
