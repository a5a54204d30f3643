"""The one way in which a model's colours are measured, so that figures can be compared.

`describe` says it in one sentence, which stands beside every figure that is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.errors import UnusableInput, one_line
from toolkit.evaluation.metrics import compare
from toolkit.evaluation.summary import Interval, summarize
from toolkit.lab import gray_of_rgb, rgb_to_lab
from toolkit.runtime.ordered import ordered
from toolkit.runtime.photo import read_rgb

__all__ = [
    "SHORT_SIDE",
    "Colorize",
    "Evaluation",
    "LeftOut",
    "Row",
    "compare",
    "describe",
    "evaluate",
    "gray_input",
    "read_truth",
    "shrink",
]

UInt8 = NDArray[np.uint8]

Colorize: TypeAlias = Callable[[UInt8], UInt8]
"""From a gray photograph, uint8 (H, W), to a coloured one, sRGB uint8 (H, W, 3)."""

SHORT_SIDE = 400
MINIMUM_SIDE = 32
MINIMUM_CHROMA = 2.0
"""Mean chroma in CIE units, about one visible step: below it a photograph has no colours to find,
only the tint of its paper or its scanner."""

DEFAULTS = "the program's defaults"


def describe(settings: str = DEFAULTS) -> str:
    """Say the protocol in one sentence, with the settings that the program ran with."""
    return (
        f"colour photographs, upright, aspect kept, short side at most {SHORT_SIDE} (Lanczos); "
        f"their own L* in 8 bits is the gray input; {settings}; compared as 8-bit sRGB at that "
        f"size; gray photographs (mean chroma under {MINIMUM_CHROMA:g}) left out; 95 % intervals "
        "by bootstrap over photographs"
    )


@dataclass(frozen=True)
class Row:
    """One photograph's figures."""

    path: Path
    photo: str
    """Its path in the folder for people and programs to read, with forward slashes."""
    source: str
    """The first folder of that path; ``.`` for a photograph that lies in the folder itself."""
    height: int
    width: int
    figures: dict[str, float]
    """By the names of `metrics.METRICS`."""


@dataclass(frozen=True)
class LeftOut:
    """A photograph that was not measured."""

    photo: str
    reason: str
    unreadable: bool
    """True: the file failed. False: it is no colour photograph, or too small."""


@dataclass(frozen=True)
class Evaluation:
    """What a model's colours are worth on a set of photographs."""

    protocol: str
    rows: tuple[Row, ...]
    left_out: tuple[LeftOut, ...]

    def figures(self) -> dict[str, Interval]:
        """Every figure over all photographs, by the names of `summary.FIGURES`."""
        return summarize([row.figures for row in self.rows])

    def by_source(self) -> dict[str, tuple[Row, ...]]:
        """The rows of each source folder, sorted by its name."""
        names = sorted({row.source for row in self.rows})
        return {name: tuple(r for r in self.rows if r.source == name) for name in names}

    def by_error(self) -> list[Row]:
        """The rows from the largest CIEDE2000 to the smallest."""
        return sorted(self.rows, key=lambda row: (-row.figures["ciede2000"], row.photo))

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values; every number is finite."""
        return {
            "protocol": self.protocol,
            **_group(self.rows),
            "sources": {name: _group(rows) for name, rows in self.by_source().items()},
            "rows": [
                {"photo": r.photo, "height": r.height, "width": r.width, **r.figures}
                for r in self.rows
            ],
            "left_out": [asdict(left) for left in self.left_out],
        }


def shrink(rgb: UInt8, short_side: int = SHORT_SIDE) -> UInt8:
    """Shrink a photograph by Lanczos to the protocol's size; one that is smaller stays as it is.

    Parameters
    ----------
    rgb : uint8, shape (H, W, 3)
    short_side : int
        In pixels.
    """
    height, width = rgb.shape[:2]
    scale = short_side / min(height, width)
    if scale >= 1:
        return rgb
    size = (max(short_side, round(width * scale)), max(short_side, round(height * scale)))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def gray_input(rgb: UInt8) -> UInt8:
    """What the model is given for a true photograph: its L* as a gray file stores it, (H, W)."""
    return gray_of_rgb(rgb).astype(np.uint8, copy=False)


def read_truth(path: Path) -> UInt8:
    """Read a colour photograph as the protocol compares it, sRGB uint8 (H, W, 3).

    Raises
    ------
    UnusableInput
        If it cannot be read.
    """
    return shrink(read_rgb(path))


def evaluate(
    colorize: Colorize,
    photos: Sequence[Path],
    *,
    root: Path,
    jobs: int = 1,
    settings: str = DEFAULTS,
    on_photo: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Colour each photograph from its gray and compare it with the truth.

    Parameters
    ----------
    colorize : callable
        From gray uint8 (H, W) to sRGB uint8 (H, W, 3). Called from `jobs` threads.
    photos : sequence of Path
        Colour photographs in any format that the runtime reads.
    root : Path
        The folder that the photographs are named from; its folders are the sources.
    jobs : int
        Photographs at a time.
    settings : str
        What `colorize` was made with, for the protocol that stands beside the figures.
    on_photo : callable
        Called after each photograph, for a progress bar.

    Returns
    -------
    Evaluation
        In the order of `photos`.

    Raises
    ------
    UnusableInput
        If not one of them is a colour photograph that can be read.
    """
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    for result in ordered(lambda path: _measure(colorize, path, root), photos, jobs):
        if isinstance(result, Row):
            rows.append(result)
        else:
            left_out.append(result)
        on_photo()
    if not rows:
        why = f"; the first of {len(left_out)}: {left_out[0].reason}" if left_out else ""
        raise UnusableInput(f"{one_line(root)}: no colour photograph to measure{why}")
    return Evaluation(describe(settings), tuple(rows), tuple(left_out))


def _measure(colorize: Colorize, path: Path, root: Path) -> Row | LeftOut:
    relative = path.relative_to(root)
    photo = one_line(relative.as_posix())
    try:
        true = read_truth(path)
        reason = _unfit(true)
        predicted = true if reason else colorize(gray_input(true))
    except UnusableInput as error:
        return LeftOut(photo, str(error), unreadable=True)
    if reason:
        return LeftOut(photo, f"{one_line(path)}: {reason}", unreadable=False)
    source = one_line(relative.parts[0]) if len(relative.parts) > 1 else "."
    height, width = true.shape[:2]
    return Row(path, photo, source, height, width, compare(predicted, true))


def _unfit(true: UInt8) -> str | None:
    """Why a photograph cannot be measured, or None."""
    if min(true.shape[:2]) < MINIMUM_SIDE:
        return f"{true.shape[1]} x {true.shape[0]} is too small to compare"
    ab = rgb_to_lab(true)[..., 1:]
    if np.hypot(ab[..., 0], ab[..., 1]).mean() < MINIMUM_CHROMA:
        return "has no colours to compare with"
    return None


def _group(rows: Sequence[Row]) -> dict[str, Any]:
    figures = summarize([row.figures for row in rows])
    return {"photos": len(rows), "figures": {name: asdict(i) for name, i in figures.items()}}
