"""A few units that are worked off together, and whose rows are one file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

import pyarrow as pa

from toolkit.scale.sources import Unit

__all__ = ["PART", "Part", "cut"]

PART = 64
"""Photographs in a part: what is looked at again when an actor is killed."""

_SHARES = 4
"""A job of few photographs has at least so many parts for each actor."""


@dataclass(frozen=True)
class Part:
    """Photographs, or one tar shard."""

    id: str
    """Names the file of its rows."""
    units: tuple[Unit, ...]

    def to_table(self) -> pa.Table:
        """For Ray: one row, so that a part is one block and never divided."""
        return pa.table({"part": [self.to_json()]})

    def to_json(self) -> str:
        """For a claim."""
        listed = [[unit.place, unit.key, unit.size, unit.again] for unit in self.units]
        return json.dumps({"id": self.id, "units": listed})

    @classmethod
    def from_json(cls, text: str) -> Part:
        """The reverse of `to_json`."""
        value = json.loads(text)
        return cls(value["id"], tuple(Unit(*fields) for fields in value["units"]))


def cut(units: Iterable[Unit], run: int, actors: int, size: int = PART) -> Iterator[Part]:
    """Cut a stream into parts: each tar alone, photographs by `size` or, of a short job, fewer."""
    stream = iter(units)
    head = list(islice(stream, size * actors * _SHARES))
    if len(head) < size * actors * _SHARES:
        size = max(1, len(head) // (actors * _SHARES))
    pending: list[Unit] = []
    number = 0
    for unit in chain(head, stream):
        if unit.is_shard:
            yield _part(run, number, [unit])
            number += 1
            continue
        pending.append(unit)
        if len(pending) == size:
            yield _part(run, number, pending)
            number, pending = number + 1, []
    if pending:
        yield _part(run, number, pending)


def _part(run: int, number: int, units: list[Unit]) -> Part:
    return Part(f"{run:04}-{number:08}", tuple(units))
