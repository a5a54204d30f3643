"""RGB to RGB: pairs of pictures, as the first and the third tutorial have them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import UsageError
from toolkit.evaluation.metrics import compare, psnr
from toolkit.evaluation.summary import means
from toolkit.lab import to_uint8
from toolkit.training.data.pack import FITS, Pack
from toolkit.training.data.pairs import halves, open_pairs
from toolkit.training.data.samples import PairSamples, scaled
from toolkit.training.data.split import split_pack
from toolkit.training.networks import Generator
from toolkit.training.networks.generator import evaluating
from toolkit.training.preparation import tell_of_split, tell_of_unreadable
from toolkit.training.recipe import Pairs, Recipe
from toolkit.training.tasks.task import Task, Validator
from toolkit.training.validation import draw_sheet
from toolkit.training.watcher import Watcher

__all__ = ["Translate"]

UInt8 = NDArray[np.uint8]

_SCALES = ("given_mean", "given_std", "true_mean", "true_std")


class Translate(Task):
    """Learns to make the true picture of a pair out of the given one."""

    channels = (3, 3)

    def __init__(
        self, recipe: Recipe, folder: Path, exclude: Collection[str], watcher: Watcher
    ) -> None:
        data = recipe.data
        if data.fit not in FITS:
            raise UsageError(f"recipe: data.fit must be one of {', '.join(FITS)}")
        self.pack = open_pairs(
            folder,
            data.pairs,
            side=data.side,
            fit=data.fit,
            exclude=exclude,
            on_progress=watcher.on_pack,
        )
        tell_of_unreadable(self.pack, watcher)
        self.split = split_pack(self.pack, folder, data.parts)
        tell_of_split(self.split, watcher)
        measured = _measure(data.pairs, self.pack, self.split.train)
        self.recipe = replace(recipe, data=replace(data, pairs=measured))
        self.samples = PairSamples(self.recipe.data)

    def validator(self, positions: list[int]) -> Validator:
        return self._translating(self.pack, positions)

    def final(self, generator: Generator, val: Path | None) -> dict[str, float] | None:
        pack, positions = self.pack, self.split.held_out
        if val is not None:
            data = self.recipe.data
            pack = open_pairs(val, data.pairs, side=data.side, fit=data.fit)
            positions = list(range(len(pack)))
        if not positions:
            return None
        generator.eval()
        figures = self._translating(pack, positions)(generator)
        return {**figures, "photos": float(len(positions))}

    def header(self) -> dict[str, Any]:
        pairs = self.recipe.data.pairs
        scaling = {name: getattr(pairs, name) for name in _SCALES}
        return {**super().header(), "scaling": scaling}

    def _translating(self, pack: Pack, positions: list[int]) -> _Translating:
        recipe = self.recipe
        # At the size of the crops: the pairs are as large as that, or were made larger for jitter.
        side = recipe.stages[-1].crop
        pairs = [[_resized(half, side) for half in halves(pack[i])] for i in positions]
        return _Translating(pairs, recipe.data.pairs, recipe.dropout_at_test)


class _Translating:
    """Pairs of one size."""

    def __init__(self, pairs: list[list[UInt8]], scaling: Pairs, dropout: bool) -> None:
        self.pairs, self.scaling, self.dropout = pairs, scaling, dropout
        self.photos = [true for _, true in pairs]

    def __call__(self, generator: Generator) -> dict[str, float]:
        """The figures of `toolkit.evaluation.summary`; the gain is that over the given picture."""
        rows = []
        for given, true in self.pairs:
            made = self._made(generator, given)
            rows.append({**compare(made, true), "gain": psnr(made, true) - psnr(given, true)})
        figures = means(rows)
        if figures["colourfulness_true"] < 1:  # drawings have no colours to be a share of
            del figures["colourfulness_ratio"]
        return figures

    def sheet(self, generator: Generator) -> Image.Image:
        shown = self.pairs[:8]
        return draw_sheet([[given, self._made(generator, given), true] for given, true in shown])

    @torch.inference_mode()
    def _made(self, generator: Generator, given: UInt8) -> UInt8:
        device = next(generator.parameters()).device
        scaling = self.scaling
        values = scaled(given[None], scaling.given_mean, scaling.given_std).to(device)
        with evaluating(generator, self.dropout):
            made = generator(values)[0].float().cpu().numpy().transpose(1, 2, 0)
        std, mean = (np.array(x, np.float32) for x in (scaling.true_std, scaling.true_mean))
        return to_uint8(made * std + mean)


def _measure(pairs: Pairs, pack: Pack, positions: list[int]) -> Pairs:
    """The scaling as the recipe gives it, else mean and deviation of the pictures."""
    given = [getattr(pairs, name) for name in _SCALES]
    if any(given):
        if not all(len(values) == 3 for values in given):
            raise UsageError(f"recipe: data.pairs: give all of {', '.join(_SCALES)}, three each")
        if min(min(given[1]), min(given[3])) <= 0:
            raise UsageError("recipe: data.pairs: a deviation must be above 0")
        return pairs
    first, second = np.zeros((2, 3)), np.zeros((2, 3))
    for i in positions:
        levels = [half.reshape(-1, 3) / 255 for half in halves(pack[i])]
        first += [part.mean(axis=0) for part in levels]
        second += [(part**2).mean(axis=0) for part in levels]
    mean = first / len(positions)
    spread = np.sqrt(np.maximum(second / len(positions) - mean**2, 1e-8))
    measured = [[round(float(x), 8) for x in values] for values in (*mean, *spread)]
    given_mean, true_mean, given_std, true_std = measured
    return replace(
        pairs,
        given_mean=given_mean,
        given_std=given_std,
        true_mean=true_mean,
        true_std=true_std,
    )


def _resized(picture: UInt8, side: int) -> UInt8:
    if picture.shape[:2] == (side, side):
        return picture
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC))
