"""What turns L* and a*b* into pixels: by upsampling, by strength, by threads."""

from __future__ import annotations

from functools import partial

import numpy as np

from toolkit.bench.measure import laps
from toolkit.bench.pictures import gray_photo
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.compose import Pixels
from toolkit.runtime.formats import by_name
from toolkit.runtime.levels import Gray
from toolkit.runtime.metadata import Kept
from toolkit.runtime.photo import Photo

__all__ = ["KINDS", "measure_stages"]

KINDS: dict[str, tuple[str, float]] = {
    "no colours": ("bilinear", 0.0),
    "bilinear": ("bilinear", 1.0),
    "guided": ("guided", 1.0),
    "twice as vivid": ("bilinear", 2.0),
}
"""Upsampling and strength. Without colours none lies outside sRGB; twice as vivid many do."""


def measure_stages(
    model: str, *, megapixels: float = 12, threads: tuple[int, ...] = (1, 2), rounds: int = 5
) -> dict[int, dict[str, float]]:
    """Seconds per megapixel of each kind, by threads; the kinds take turns, the fastest counts."""
    gray: Gray = np.asarray(gray_photo(megapixels))
    photo = Photo(gray, None, Kept(by_name("png")))
    found: dict[int, dict[str, float]] = {}
    for n in threads:
        ready = {
            kind: Colorizer(model, threads=n, upsample=upsample, strength=strength)
            for kind, (upsample, strength) in KINDS.items()
        }
        ab = next(iter(ready.values())).predict(gray)
        times: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for _ in range(rounds):
            for kind, colorizer in ready.items():
                times[kind] += laps(partial(colorizer.paint, photo, _drop, ab=ab), 1)
        found[n] = {kind: min(values) / (gray.size / 1e6) for kind, values in times.items()}
    return found


def _drop(top: int, band: Pixels) -> None:
    pass
