"""How much a model's colours change where the picture does not: other sizes, grain, fading ...

The change is told in units of the model's own mean chroma, so that a dull model gains nothing.
How strong grain, fading and sepia are is this project's choice: a worn print of about 1920.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import UnusableInput, one_line
from toolkit.evaluation.protocol import Colorize, gray_input, read_truth
from toolkit.lab import gray_of_rgb, rgb_to_lab
from toolkit.runtime.ordered import ordered

__all__ = ["DISTURBANCES", "SIDES", "Change", "Robustness", "robustness"]

UInt8 = NDArray[np.uint8]
Float = NDArray[np.float32]

SIDES = (256, 384, 512)
"""Short sides at which the network sees the photograph."""

SEED = 0

AIM = 0.25
"""What this project asks of the models that it ships: a change under a quarter of the chroma."""


def _grain(gray: UInt8) -> UInt8:
    """Film grain: independent Gaussian noise with a standard deviation of 10 levels."""
    noise = np.random.default_rng(SEED).normal(0, 10, gray.shape)
    return np.clip(np.rint(gray + noise), 0, 255).astype(np.uint8)


def _fading(gray: UInt8) -> UInt8:
    """Black lifted to level 60 and white lowered to 215."""
    faded: UInt8 = np.rint(60 + gray * (155 / 255)).astype(np.uint8)
    return faded


def _sepia(gray: UInt8) -> UInt8:
    """A toned print, from dark brown to cream, read as the gray that the runtime makes of it."""
    ink, paper = np.array([40.0, 26, 13]), np.array([250.0, 235, 205])
    toned = ink + (paper - ink) * (gray[..., None] / 255)
    return gray_of_rgb(np.rint(toned).astype(np.uint8)).astype(np.uint8)


def _jpeg(gray: UInt8) -> UInt8:
    """Compressed as JPEG of quality 30 and opened again."""
    stream = BytesIO()
    Image.fromarray(gray).save(stream, "JPEG", quality=30)
    return np.asarray(Image.open(stream))


DISTURBANCES: dict[str, Callable[[UInt8], UInt8]] = {
    "grain": _grain,
    "fading": _fading,
    "sepia": _sepia,
    "JPEG quality 30": _jpeg,
}
"""From gray uint8 (H, W) to the same photograph as time leaves it."""


@dataclass(frozen=True)
class Change:
    """What one disturbance does to the colours."""

    change: float
    """Mean distance in the a*b* plane, in CIE units, over pixels, then over photographs."""
    chroma: float
    """The model's own mean chroma on these photographs, in CIE units."""

    @property
    def ratio(self) -> float | None:
        """The change in units of the chroma; None for a model that gives no colour at all."""
        return self.change / self.chroma if self.chroma > 0.01 else None


@dataclass(frozen=True)
class Robustness:
    """How steady a model's colours are."""

    photos: int
    changes: dict[str, Change]
    """By disturbance: ``256 to 384`` and so on, and the names of `DISTURBANCES`."""

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "photos": self.photos,
            "aim": AIM,
            "changes": {
                name: {"change": c.change, "chroma": c.chroma, "ratio": c.ratio}
                for name, c in self.changes.items()
            },
        }


def robustness(
    colorize: Colorize,
    photos: Sequence[Path],
    *,
    at_side: Mapping[int, Colorize],
    jobs: int = 1,
    on_photo: Callable[[], None] = lambda: None,
) -> Robustness:
    """Colour each photograph as it is, disturbed, and at several sizes, and compare the colours.

    Parameters
    ----------
    colorize : callable
        From gray uint8 (H, W) to sRGB uint8 (H, W, 3). Called from `jobs` threads.
    photos : sequence of Path
        Colour or gray photographs; they are read and shrunk as the protocol does. Those that
        cannot be read are passed over.
    at_side : mapping of int to callable
        The same for each short side of the network, normally `SIDES`. Empty for a network of one
        fixed size: sizes are then not told.
    jobs : int
        Photographs at a time.
    on_photo : callable
        Called after each photograph, for a progress bar.

    Raises
    ------
    UnusableInput
        If not one of them can be read.
    """

    def measure(path: Path) -> dict[str, tuple[float, float]] | None:
        try:
            gray = gray_input(read_truth(path))
        except UnusableInput:
            return None
        return _under_disturbances(colorize, gray) | _between_sides(at_side, gray)

    measured = []
    for figures in ordered(measure, photos, jobs):
        if figures is not None:
            measured.append(figures)
        on_photo()
    if not measured:
        raise UnusableInput(f"{one_line(photos[0]) if photos else 'no files'}: nothing readable")
    changes = {
        name: Change(*(float(v) for v in np.mean([m[name] for m in measured], axis=0)))
        for name in measured[0]
    }
    return Robustness(len(measured), changes)


def _under_disturbances(colorize: Colorize, gray: UInt8) -> dict[str, tuple[float, float]]:
    own = _ab(colorize(gray))
    return {
        name: (_distance(own, _ab(colorize(disturb(gray)))), _chroma(own))
        for name, disturb in DISTURBANCES.items()
    }


def _between_sides(at_side: Mapping[int, Colorize], gray: UInt8) -> dict[str, tuple[float, float]]:
    at = {side: _ab(colorize(gray)) for side, colorize in at_side.items()}
    return {
        f"{a} to {b}": (_distance(at[a], at[b]), (_chroma(at[a]) + _chroma(at[b])) / 2)
        for a, b in combinations(at, 2)
    }


def _ab(rgb: UInt8) -> Float:
    return rgb_to_lab(rgb)[..., 1:]


def _distance(first: Float, second: Float) -> float:
    return _chroma(first - second)


def _chroma(ab: Float) -> float:
    return float(np.hypot(ab[..., 0], ab[..., 1]).mean(dtype=np.float64))
