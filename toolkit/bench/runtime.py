"""All figures of the runtime, in one run on one machine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from toolkit.bench.cold_start import measure_cold_start
from toolkit.bench.folder import measure_folder
from toolkit.bench.sizes import measure_sizes
from toolkit.bench.stages import measure_stages
from toolkit.bench.whole import MEGAPIXELS, measure_whole

__all__ = ["SIZES", "bench_runtime"]

SIZES = (1.0, 12.0, 48.0, 100.0)


def bench_runtime(
    model: str,
    *,
    data: Path | None = None,
    sizes: Sequence[float] = SIZES,
    megapixels: float = MEGAPIXELS,
    photographs: int = 40,
    repeat: int = 5,
    peer: bool = True,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Measure the runtime with a model.

    Parameters
    ----------
    model : str
        A name, a bundle folder or an ONNX file.
    data : Path, optional
        Photographs for the folder; by default they are made.
    sizes : sequence of float
        Megapixels, for the slope.
    megapixels : float
        Of the photograph on which the parts are timed.
    photographs : int
        How many are made for the folder.
    repeat : int
        Of several whole processes the fastest counts.
    peer : bool
        Also time the tutorials' way.
    progress : callable
        Is told what is being measured.
    """
    with tempfile.TemporaryDirectory(prefix="toolkit-bench-") as name:
        folder = Path(name)
        progress("the whole and its parts")
        whole = measure_whole(model, folder, megapixels=megapixels, peer=peer)
        progress("the colour stage")
        stages = measure_stages(model, megapixels=megapixels)
        progress("sizes")
        slope = measure_sizes(model, folder, sizes)
        progress("cold start")
        cold = measure_cold_start(model, folder, repeat)
        progress("a folder")
        many = measure_folder(model, folder, data=data, count=photographs)
    return {
        "model": model,
        "whole": whole,
        "colour_stage_s_per_megapixel": {str(n): kinds for n, kinds in stages.items()},
        "sizes": slope,
        "cold_start_s": cold,
        "folder": many,
    }
