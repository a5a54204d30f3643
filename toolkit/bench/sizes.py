"""Time and peak memory over the size of the photograph."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from toolkit.bench.measure import best, peak_of
from toolkit.bench.pictures import write_jpeg
from toolkit.runtime.colorizer import Colorizer

__all__ = ["memory_limit", "measure_sizes"]


def memory_limit(megapixels: float) -> float:
    """The bytes that a run may take: 130 MB and 8 for each pixel."""
    return 130e6 + 8e6 * megapixels


def measure_sizes(
    model: str, folder: Path, megapixels: Sequence[float]
) -> list[dict[str, float | None]]:
    """For each size the seconds with the session warm, and the peak of a process of its own."""
    Image.MAX_IMAGE_PIXELS = None
    colorizer = Colorizer(model)
    rows: list[dict[str, float | None]] = []
    for size in megapixels:
        source = folder / f"{size:g}.jpg"
        write_jpeg(source, size)

        def run(path: Path = source) -> None:
            colorizer.write(colorizer.read(path), BytesIO())

        seconds = best(run, 3)
        arguments = [str(source), "--overwrite", "--model", model]
        rows.append(
            {
                "megapixels": size,
                "warm_s": seconds,
                "peak_bytes": peak_of("toolkit", "colorize", *arguments),
                "limit_bytes": memory_limit(size),
            }
        )
    return rows
