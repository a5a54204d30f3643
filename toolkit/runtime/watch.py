"""A folder that scans drop into: each photograph once it has stopped growing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from toolkit.errors import UnusableInput
from toolkit.runtime.naming import Task

if TYPE_CHECKING:
    from toolkit.runtime.remote import Place

__all__ = ["INTERVAL", "watch"]

INTERVAL = 1.0
"""Seconds between two looks; a file is taken when two looks find it the same."""


def watch(
    tasks: Callable[[], list[Task]], stop: Event, interval: float = INTERVAL
) -> Iterator[Task]:
    """Yield new tasks as they appear, until `stop` is set.

    Parameters
    ----------
    tasks : callable
        What there is to do in the folder now; `UnusableInput` where it is empty.
    stop : Event
    interval : float
        Seconds.
    """
    seen: dict[Place, tuple[int, int]] = {}
    taken: set[Place] = set()
    while not stop.is_set():
        try:
            present = tasks()
        except UnusableInput:
            present = []
        for task in present:
            state = _state(task.source)
            settled = state is not None and seen.get(task.source) == state
            if settled and task.source not in taken and not task.target.exists():
                taken.add(task.source)
                yield task
            elif state is not None:
                seen[task.source] = state
        stop.wait(interval)


def _state(path: Place) -> tuple[int, int] | None:
    if not isinstance(path, Path):
        return None  # a folder that is watched is a local one
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns
