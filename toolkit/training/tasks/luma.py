"""L* to a sharper L*: a small scan that was enlarged, to what it might have been.

References
----------
.. [1] Dong et al., "Learning a deep convolutional network for image super-resolution", 2014.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import ToolkitError, UnusableInput, UsageError, one_line
from toolkit.evaluation.protocol import read_truth
from toolkit.lab import gray_of_rgb, gray_to_l, l_to_gray, to_uint8
from toolkit.runtime.photo import find_photos
from toolkit.training.data.samples import LumaSamples, blurred
from toolkit.training.networks import Generator
from toolkit.training.networks.generator import LUMA_SCALE, evaluating
from toolkit.training.preparation import prepare_photographs
from toolkit.training.recipe import Recipe
from toolkit.training.tasks.task import Task, Validator
from toolkit.training.validation import draw_sheet
from toolkit.training.watcher import Watcher

__all__ = ["Luma", "psnr_of_l"]

UInt8 = NDArray[np.uint8]
Float = NDArray[np.float32]


class Luma(Task):
    """Learns detail from a folder of sharp photographs, gray or in colours."""

    channels = (1, 1)

    def __init__(
        self, recipe: Recipe, folder: Path, exclude: Collection[str], watcher: Watcher
    ) -> None:
        if not recipe.data.shrink or min(recipe.data.shrink) < 2:
            raise UsageError("recipe: data.shrink must be factors of at least 2")
        self.recipe = recipe
        self.pack, split = prepare_photographs(recipe, folder, exclude, watcher)
        crop = max(stage.crop for stage in recipe.stages)
        large = [
            min(self.pack.entries[i].height, self.pack.entries[i].width) >= crop
            for i in range(len(self.pack))
        ]
        if not all(large):
            watcher.on_message(f"{large.count(False)} photographs are smaller than {crop} pixels")
        self.split = replace(split, train=[i for i in split.train if large[i]])
        if not self.split.train:
            raise UnusableInput(
                f"{one_line(folder)}: no photograph to train on has {crop} x {crop} pixels: give "
                "larger ones, or a smaller crop: --set stages.0.crop=32"
            )
        self.samples = LumaSamples(recipe.data)

    def validator(self, positions: list[int]) -> Validator:
        return _Restoring([self.pack[i] for i in positions], self.recipe.data.shrink)

    def final(self, generator: Generator, val: Path | None) -> dict[str, float] | None:
        photos = [self.pack[i] for i in self.split.held_out]
        if val is not None:
            photos = [photo for path in find_photos(val) if (photo := _read(path)) is not None]
            if not photos:
                raise UnusableInput(f"{one_line(val)}: none of its photographs can be read")
        if not photos:
            return None
        generator.eval()
        figures = _Restoring(photos, self.recipe.data.shrink)(generator)
        return {**figures, "photos": float(len(photos))}


class _Restoring:
    """Photographs made smaller and larger again, by each factor."""

    def __init__(self, photos: list[UInt8], factors: list[int]) -> None:
        self.photos, self.factors = photos, factors

    def __call__(self, generator: Generator) -> dict[str, float]:
        """PSNR of L* in dB, of the restored and of the bicubic one; all factors count alike.

        ``gain_3`` is the gain at factor 3 alone.
        """
        rows = [
            (psnr_of_l(self._restored(generator, given), true), psnr_of_l(given, true))
            for true in map(_lightness, self.photos)
            for given in (blurred(true, factor) for factor in self.factors)
        ]
        restored, bicubic = np.array(rows).T
        by_factor = (restored - bicubic).reshape(-1, len(self.factors)).mean(axis=0)
        alone = {f"gain_{f}": float(x) for f, x in zip(self.factors, by_factor, strict=True)}
        return {
            **alone,
            "gain": float((restored - bicubic).mean()),
            "worse": float((restored < bicubic).mean()),
            "psnr": float(restored.mean()),
            "psnr_bicubic": float(bicubic.mean()),
        }

    def sheet(self, generator: Generator) -> Image.Image:
        columns = []
        for photo in self.photos[:8]:
            true = _lightness(photo)
            given = blurred(true, self.factors[-1])
            columns.append([_gray(x) for x in (given, self._restored(generator, given), true)])
        return draw_sheet(columns)

    @torch.inference_mode()
    def _restored(self, generator: Generator, given: Float) -> Float:
        device = next(generator.parameters()).device
        values = torch.from_numpy(given / np.float32(LUMA_SCALE))[None, None].to(device)
        with evaluating(generator, dropout=False):
            restored = generator(values)[0, 0].float().cpu().numpy() * np.float32(LUMA_SCALE)
        return np.asarray(np.clip(restored, 0, 100))


def psnr_of_l(lightness: Float, true: Float) -> float:
    """PSNR of L* in dB, whose peak is 100; at most 100 dB."""
    error = float(np.mean((lightness - true) ** 2, dtype=np.float64))
    return min(100.0, float(10 * np.log10(100**2 / max(error, 1e-12))))


def _lightness(photo: UInt8) -> Float:
    return gray_to_l()[gray_of_rgb(photo)]


def _gray(lightness: Float) -> UInt8:
    return np.repeat(to_uint8(l_to_gray(lightness))[..., None], 3, axis=2)


def _read(path: Path) -> UInt8 | None:
    try:
        return read_truth(path)
    except ToolkitError:
        return None
