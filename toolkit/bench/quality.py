"""What an artefact's colours are worth on the user's photographs, by the one protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.bench.engines import ENGINES, Run
from toolkit.bench.models import Row
from toolkit.contract import Contract
from toolkit.evaluation.protocol import evaluate
from toolkit.runtime.compose import Pixels, compose
from toolkit.runtime.photo import find_photos
from toolkit.runtime.resample import lightness, network_size

__all__ = ["with_quality"]

_FIGURES = ("gain", "ciede2000", "colourfulness_ratio", "worse")


def with_quality(
    rows: Sequence[Row],
    folder: Path,
    *,
    limit: int = 100,
    progress: Callable[[str], None] = lambda line: None,
) -> list[Row]:
    """Add to each row that was measured the figures of its colours on at most `limit` photographs.

    Raises
    ------
    UnusableInput
        If the folder has no colour photographs.
    """
    photos = find_photos(folder)
    photos = [photos[k * len(photos) // limit] for k in range(limit)] if photos[limit:] else photos
    return [_one(row, folder, photos, progress) for row in rows]


def _one(row: Row, folder: Path, photos: list[Path], progress: Callable[[str], None]) -> Row:
    chosen = row.candidate
    if row.why_not or chosen.contract.task != "colorize":
        return row
    progress(f"{chosen.name}: quality")
    run = ENGINES[chosen.format].open(chosen.path, 1)

    def colorize(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return _colored(run, chosen.contract, gray)

    found = evaluate(colorize, photos, root=folder).figures()
    return replace(row, quality={name: found[name].mean for name in _FIGURES})


def _colored(run: Run, contract: Contract, gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if contract.boundary == "image":
        pixels: NDArray[np.uint8] = np.repeat(gray[None, ..., None], contract.input.channels, 3)
        colours: NDArray[np.uint8] = run(pixels)[0]
        return colours
    sides = network_size(contract.size, *gray.shape)
    out = np.empty((*gray.shape, 3), np.uint8)

    def put(top: int, band: Pixels) -> None:
        out[top : top + len(band)] = band[..., :3]

    compose(gray, run(lightness(gray, *sides)[None, None])[0], put)
    return out
