"""How long a job takes, from a few photographs that are coloured before it and thrown away."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path

from toolkit.errors import ToolkitError
from toolkit.runtime.batch import Settings, make
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.stores import Stores
from toolkit.scale.plan import Plan
from toolkit.scale.shards import members
from toolkit.scale.sources import Unit

__all__ = ["estimate"]

_SAMPLE = 4
"""Photographs, and photographs in shards, that are coloured."""

_SHARD_HEAD = 16_000_000
"""Bytes of a shard in which a photograph is looked for."""


def estimate(
    head: Sequence[Unit], colorizer: Colorizer, stores: Stores, plan: Plan, *, whole: bool
) -> str:
    """One line for people.

    Parameters
    ----------
    head : sequence of Unit
        What is left to do, or its beginning.
    colorizer : Colorizer
        With as many threads as an actor has.
    stores : Stores
    plan : Plan
    whole : bool
        Whether `head` is all.
    """
    count = f"{len(head):,} photographs and shards" if whole else f"more than {len(head):,}"
    samples = []
    hours = 0.0
    for is_shard in (False, True):
        kind = [unit for unit in head if unit.is_shard == is_shard]
        found = [_sample(unit, colorizer, stores, plan) for unit in _spread(kind)]
        timed = [sample for sample in found if sample]
        samples += timed
        if timed:
            each = sum(seconds * number for seconds, number in timed) / len(timed)
            hours += each * len(kind) / plan.actors / 3600
    if not samples:
        return f"{count} left to do"
    each = sum(seconds for seconds, _ in samples) / len(samples)
    million = each * 1e6 / plan.actors / 3600
    total = f"{hours:.2g} hours" if whole else "unknown in all"
    return f"{count} left to do: {each:.2f} s each, {total}, {million:.3g} hours per million"


def _spread(units: Sequence[Unit]) -> Sequence[Unit]:
    return units[:: max(1, len(units) // _SAMPLE)][:_SAMPLE]


def _sample(
    unit: Unit, colorizer: Colorizer, stores: Stores, plan: Plan
) -> tuple[float, float] | None:
    """Seconds of a photograph, and how many the unit has; None where it cannot be told."""
    if unit.size > plan.max_bytes and not unit.is_shard:
        return None  # its row will tell
    started = time.perf_counter()
    try:
        data = _first_of_shard(unit, stores) if unit.is_shard else stores.read(unit.place)
        make(data, lambda: nullcontext(BytesIO()), colorizer, Settings())
        seconds = time.perf_counter() - started
        size = unit.size if unit.size >= 0 or not unit.is_shard else stores.size(unit.place)
    except ToolkitError:
        return None  # its row will tell
    return seconds, max(1.0, size / len(data)) if unit.is_shard else 1.0


def _first_of_shard(unit: Unit, stores: Stores) -> bytes:
    """The first photograph in a shard. Raises `UnusableInput`."""
    with tempfile.TemporaryDirectory(prefix="toolkit-") as folder:
        path = Path(folder, "head.tar")
        path.write_bytes(stores.head(unit.place, _SHARD_HEAD))
        for member in members(path):
            if member.is_photo:
                return member.read()
    return b""
