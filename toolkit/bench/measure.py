"""Times of calls and of processes, and peak memory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from toolkit.errors import UnusableModel, one_line

__all__ = ["best", "fresh", "laps", "peak_of", "peak_resident", "seconds_of"]


def best(call: Callable[[], object], repeat: int = 5) -> float:
    """Seconds of the fastest of `repeat` calls: what the code costs, without what else ran."""
    call()
    return min(laps(call, repeat))


def laps(call: Callable[[], object], repeat: int) -> list[float]:
    """Seconds of each of `repeat` calls."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return times


def seconds_of(command: list[str], repeat: int = 5) -> float:
    """Seconds of the fastest of `repeat` runs of a whole process."""
    return best(
        lambda: subprocess.run(command, check=True, capture_output=True, env=_ours()), repeat
    )


def peak_resident() -> int | None:
    """Peak resident memory of this process in bytes; None where the system does not tell.

    On Linux the kernel's own mark, because `getrusage` counts what the parent had when it forked.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) * 1024
    except (OSError, IndexError):
        pass
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


_PEAK = """
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
finally:
    from toolkit.bench.measure import peak_resident
    print(peak_resident(), file=sys.stderr)
"""


def peak_of(module: str, *arguments: str) -> int | None:
    """Peak resident memory, in bytes, of ``python -m module arguments``; None: not told here."""
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, module, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=_ours(),
    )
    mark = done.stderr.split()[-1]
    return None if mark == "None" else int(mark)


def fresh(module: str, *arguments: str) -> dict[str, Any]:
    """Run ``python -m module arguments`` and take the JSON of its last line.

    Raises
    ------
    UnusableModel
        If it fails; with the last line that it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, env=_ours()
    )
    if done.returncode:
        why = f"signal {-done.returncode}" if done.returncode < 0 else done.stderr.strip()
        raise UnusableModel(one_line(why.splitlines()[-1] if why else "it broke off")[:300])
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _ours() -> dict[str, str]:
    """An environment in which a new process finds this very package, and keeps what it compiles
    of it as an installed package does."""
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": path}
