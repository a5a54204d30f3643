"""What a folder of photographs is made of: how many from where, how large, how bright."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ToolkitError, UnusableInput, one_line
from toolkit.runtime.photo import find_photos, read_rgb
from toolkit.training.data.pack import processors, source_of

__all__ = ["Stats", "stats_of_folder"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Stats:
    """Figures of the photographs of one source.

    Attributes
    ----------
    photos : int
        Those that can be read; only they count below.
    unreadable : int
    width, height : tuple of three int
        Smallest, median and largest, in pixels, upright.
    mean, std : tuple of three float
        Of red, green and blue in 0..1. Each photograph weighs the same, whatever its size; the
        deviation is that of all pixels, within and between photographs.
    """

    photos: int
    unreadable: int
    width: tuple[int, int, int]
    height: tuple[int, int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True)
class _Moments:
    width: int
    height: int
    first: Float
    """Mean of each channel in 0..1."""
    second: Float
    """Mean of its square."""


def stats_of_folder(
    folder: Path, *, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[dict[str, Stats], Stats]:
    """Measure every photograph of a folder.

    Returns
    -------
    sources : dict of str to Stats
        By source: the first folder below `folder`, or ``.`` for photographs beside the folders.
    whole : Stats
        Of all of them.

    Raises
    ------
    UnusableInput
        If there is no photograph in the folder that can be read.
    """
    paths = find_photos(folder)
    measured: dict[str, list[_Moments]] = defaultdict(list)
    unreadable: dict[str, int] = defaultdict(int)
    with ThreadPoolExecutor(processors()) as pool:
        for done, (path, moments) in enumerate(zip(paths, pool.map(_moments, paths), strict=True)):
            source = source_of(path.relative_to(folder).as_posix())
            if moments is None:
                unreadable[source] += 1
            else:
                measured[source].append(moments)
            on_progress(done + 1, len(paths))
    if not measured:
        raise UnusableInput(f"{one_line(folder)}: no photographs in this folder that can be read")
    every = [m for several in measured.values() for m in several]
    sources = {name: _stats(measured[name], unreadable[name]) for name in sorted(measured)}
    return sources, _stats(every, sum(unreadable.values()))


def _moments(path: Path) -> _Moments | None:
    try:
        rgb = read_rgb(path)
    except ToolkitError:
        return None
    levels = np.arange(256) / 255
    # A histogram is exact, and small where a float copy of a large photograph is not.
    counts = np.stack([np.bincount(rgb[..., c].ravel(), minlength=256) for c in range(3)])
    shares = counts / (rgb.shape[0] * rgb.shape[1])
    return _Moments(rgb.shape[1], rgb.shape[0], shares @ levels, shares @ levels**2)


def _stats(several: list[_Moments], unreadable: int) -> Stats:
    mean = np.mean([m.first for m in several], axis=0)
    variance = np.mean([m.second for m in several], axis=0) - mean**2
    return Stats(
        len(several),
        unreadable,
        _spread([m.width for m in several]),
        _spread([m.height for m in several]),
        _triple(mean),
        _triple(np.sqrt(np.maximum(variance, 0))),
    )


def _spread(sides: list[int]) -> tuple[int, int, int]:
    return min(sides), int(np.median(sides)), max(sides)


def _triple(values: Float) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
