"""The least of several times, and a process's peak memory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

__all__ = ["best", "peak_of", "seconds_of"]


def best(call: Callable[[], object], repeat: int = 5) -> float:
    """Seconds of the fastest of `repeat` calls: what the code costs, without what else ran."""
    call()
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times)


def seconds_of(command: list[str], repeat: int = 5) -> float:
    """Seconds of the fastest of `repeat` runs of a whole process."""
    return best(lambda: subprocess.run(command, check=True, capture_output=True), repeat)


_PEAK = """
import re, runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
finally:
    status = open("/proc/self/status").read()
    print(re.search(r"VmHWM:\\s+(\\d+)", status)[1], file=sys.stderr)
"""


def peak_of(module: str, *arguments: str) -> int:
    """Peak resident memory, in bytes, of ``python -m module arguments``; on Linux.

    The kernel's own mark, because `getrusage` counts what the parent had when it forked.
    """
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, module, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stderr.split()[-1]) * 1024
