"""How many threads this process may use, which is often fewer than the machine has."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["available_threads"]


def available_threads() -> int:
    """The smaller of the CPU affinity and the cgroup's quota, at least 1."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity to ask for
        allowed = os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, allowed if quota is None else min(allowed, int(quota + 0.5)))


def _cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """CPUs that a container may use on average, or None where it is not limited."""
    with suppress(OSError, ValueError):
        quota, period = (root / "cpu.max").read_text().split()  # cgroup v2: "max" is no number
        return float(quota) / float(period)
    with suppress(OSError, ValueError):
        v1 = root / "cpu"
        quota_us = float((v1 / "cpu.cfs_quota_us").read_text())
        if quota_us > 0:
            return quota_us / float((v1 / "cpu.cfs_period_us").read_text())
    return None
