"""A folder of photographs: two at a time against one."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from toolkit.bench.pictures import write_folder
from toolkit.runtime.batch import Settings, run
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.naming import plan
from toolkit.runtime.threads import available_threads

__all__ = ["measure_folder"]

_JOBS = (1, 2)


def measure_folder(
    model: str, folder: Path, *, data: Path | None = None, count: int = 40, rounds: int = 2
) -> dict[str, Any]:
    """Photographs and megapixels a second with ``--jobs 1`` and ``--jobs 2``, taking turns.

    Parameters
    ----------
    model : str
    folder : Path
        For the files.
    data : Path, optional
        Photographs to colour; by default `count` that are made, of mixed sizes and formats.
    count, rounds : int

    Raises
    ------
    UnusableInput
        If `data` has no photographs.
    """
    if data is None:
        data = folder / "mixed"
        data.mkdir()
        write_folder(data, count)
    seconds: dict[int, list[float]] = {jobs: [] for jobs in _JOBS}
    megapixels, photographs = 0.0, 0
    for _ in range(rounds):
        for jobs in _JOBS:
            colorizer = Colorizer(model, threads=max(1, available_threads() // jobs))
            with tempfile.TemporaryDirectory(dir=folder) as out:
                started = time.perf_counter()
                done = list(run(plan([data], Path(out), None), colorizer, Settings(), jobs=jobs))
                seconds[jobs].append(time.perf_counter() - started)
            photographs = sum(o.status == "done" for o in done)
            megapixels = sum(o.width * o.height for o in done) / 1e6
    best = {jobs: min(times) for jobs, times in seconds.items()}
    return {
        "photographs": photographs,
        "megapixels": megapixels,
        "seconds": {str(jobs): least for jobs, least in best.items()},
        "times_as_fast_with_two_jobs": best[1] / best[2],
    }
