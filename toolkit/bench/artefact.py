"""One artefact in a process of its own: load time, first result, latency, peak memory.

python -m toolkit.bench.artefact FORMAT FILE CONTRACT.json THREADS HEIGHT WIDTH REPEAT
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.bench.engines import ENGINES, example
from toolkit.bench.measure import laps, peak_resident
from toolkit.contract import Contract
from toolkit.errors import ToolkitError

__all__ = ["measure"]


def measure(
    format_name: str, path: Path, contract: Contract, threads: int, height: int, width: int, n: int
) -> dict[str, Any]:
    """Open and run one artefact in this process.

    Returns
    -------
    dict
        ``load_s``, ``first_s`` (the load and the first result), ``p50_s``, ``p95_s`` of `n`
        further calls, and ``peak_bytes`` of the whole process, None where it is not told.
    """
    values = example(contract, height, width)
    started = time.perf_counter()
    run = ENGINES[format_name].open(path, threads)
    loaded = time.perf_counter()
    run(values)
    first = time.perf_counter()
    p50, p95 = np.quantile(laps(lambda: run(values), n), (0.5, 0.95))
    return {
        "load_s": loaded - started,
        "first_s": first - started,
        "p50_s": float(p50),
        "p95_s": float(p95),
        "peak_bytes": peak_resident(),
    }


def main(arguments: list[str]) -> None:
    """Print the figures as JSON."""
    format_name, path, contract, *numbers = arguments
    known = Contract.from_json(Path(contract).read_text(encoding="utf-8"))
    threads, height, width, repeat = (int(n) for n in numbers)
    print(json.dumps(measure(format_name, Path(path), known, threads, height, width, repeat)))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ToolkitError as error:
        sys.exit(str(error))
