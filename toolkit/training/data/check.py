"""Photographs that teach a colorizer nothing: unreadable, too small, gray, or there already."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import ToolkitError, one_line
from toolkit.lab import gray_of_rgb, rgb_to_lab
from toolkit.runtime.photo import find_photos, no_photographs, read_rgb
from toolkit.training.data.pack import processors

__all__ = ["GRAY_CHROMA", "KINDS", "MIN_SIDE", "Check", "Finding", "check_folder"]

UInt8 = NDArray[np.uint8]

KINDS = ("unreadable", "small", "gray", "duplicate")

MIN_SIDE = 96
"""Shortest side in pixels: the smallest crop that a recipe learns from."""

GRAY_CHROMA = 1.8
"""A photograph is gray if its light explains its colours up to a mean distance of this, in CIE
units: so a sepia print is gray, and fog is not. It finds 22 of 24 scans of old prints, gray and
sepia, and takes 2 of 289 colour photographs for gray, both of a single hue."""

HASH_DISTANCE = 6
"""Bits of the 64 in which two hashes of the same scene may differ."""

LEVEL_DISTANCE = 10.0
"""Mean difference in gray levels of 16 x 16 pixels, so that two skies are not one."""


@dataclass(frozen=True)
class Finding:
    """A photograph to leave out, and why."""

    name: str
    """Path below the folder, with forward slashes."""
    kind: str
    """One of `KINDS`."""
    reason: str


@dataclass(frozen=True)
class Check:
    """What `check_folder` found."""

    photos: int
    findings: list[Finding]
    """Sorted by kind, then name."""


@dataclass(frozen=True)
class _Look:
    name: str
    side: int
    pixels: int
    chroma: float
    """What is left of a* and b* when all that follows from L* is taken away, in CIE units."""
    hashes: tuple[int, int]
    """Of the photograph and of its mirror image."""
    levels: UInt8
    """Gray, shape (16, 16)."""


def check_folder(
    folder: Path,
    *,
    min_side: int = MIN_SIDE,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Check:
    """Look at every photograph of a folder and its subfolders.

    Parameters
    ----------
    folder : Path
    min_side : int
        Photographs whose short side has fewer pixels are too small.
    on_progress : callable
        Called with the photographs done and the number of all.

    Returns
    -------
    check : Check
        At most one finding for each photograph. Of photographs that show the same, also
        mirrored, the largest stays.

    Raises
    ------
    UnusableInput
        If there are no photographs in the folder.
    """
    paths = find_photos(folder)
    if not paths:
        raise no_photographs(folder)
    findings: list[Finding] = []
    good: list[_Look] = []
    with ThreadPoolExecutor(processors()) as pool:
        looks = pool.map(lambda path: _look(path, folder), paths)
        for done, look in enumerate(looks):
            if isinstance(look, Finding):
                findings.append(look)
            elif look.side < min_side:
                reason = f"short side of {look.side} pixels"
                findings.append(Finding(look.name, "small", reason))
            elif look.chroma < GRAY_CHROMA:
                reason = f"colour beyond that of its light: {look.chroma:.1f}"
                findings.append(Finding(look.name, "gray", reason))
            else:
                good.append(look)
            on_progress(done + 1, len(paths))
    findings += _duplicates(good)
    return Check(len(paths), sorted(findings, key=lambda f: (KINDS.index(f.kind), f.name)))


def _look(path: Path, folder: Path) -> _Look | Finding:
    name = path.relative_to(folder).as_posix()
    try:
        rgb = read_rgb(path)
    except ToolkitError as error:
        return Finding(name, "unreadable", str(error).removeprefix(f"{one_line(path)}: "))
    height, width = rgb.shape[:2]
    gray = Image.fromarray(gray_of_rgb(rgb))
    return _Look(
        name,
        min(height, width),
        height * width,
        _own_chroma(rgb),
        (_hash(gray), _hash(gray.transpose(Image.Transpose.FLIP_LEFT_RIGHT))),
        np.asarray(gray.resize((16, 16), Image.Resampling.BOX)),
    )


def _own_chroma(rgb: UInt8) -> float:
    small = Image.fromarray(rgb).resize((64, 64), Image.Resampling.BOX)
    lab = rgb_to_lab(np.asarray(small)).reshape(-1, 3).astype(np.float64)
    light = np.vander(lab[:, 0] / 50 - 1, 3)  # a toner's tint bends with the density of the print
    ab = lab[:, 1:]
    rest = ab - light @ np.linalg.lstsq(light, ab)[0]
    return float(np.hypot(rest[:, 0], rest[:, 1]).mean())


def _hash(gray: Image.Image) -> int:
    """Difference hash: in 8 rows of 9 pixels, whether each is brighter than its neighbour."""
    levels = np.asarray(gray.resize((9, 8), Image.Resampling.BOX)).astype(np.int16)
    return int.from_bytes(np.packbits(levels[:, 1:] > levels[:, :-1]).tobytes(), "big")


def _duplicates(looks: list[_Look]) -> list[Finding]:
    """All but the largest of each scene."""
    looks = sorted(looks, key=lambda look: (-look.pixels, look.name))
    hashes = np.array([look.hashes[0] for look in looks], np.uint64)
    kept: list[int] = []
    found = []
    for i, look in enumerate(looks):
        # 85,000 photographs are compared in under a minute: 64 bits at a time.
        near = [
            (j, mirrored)
            for mirrored in (False, True)
            for j in _near(hashes[: len(kept)], look.hashes[mirrored])
            if _alike(looks[kept[j]].levels, look.levels[:, ::-1] if mirrored else look.levels)
        ]
        if near:
            same = looks[kept[near[0][0]]].name
            reason = f"{'mirror image' if near[0][1] else 'copy'} of {same}"
            found.append(Finding(look.name, "duplicate", reason))
        else:
            hashes[len(kept)] = hashes[i]
            kept.append(i)
    return found


def _near(hashes: NDArray[np.uint64], wanted: int) -> NDArray[np.intp]:
    differing = np.bitwise_count(hashes ^ np.uint64(wanted))
    return np.flatnonzero(differing <= HASH_DISTANCE)


def _alike(first: UInt8, second: UInt8) -> bool:
    return float(np.abs(first.astype(np.int16) - second).mean()) <= LEVEL_DISTANCE
