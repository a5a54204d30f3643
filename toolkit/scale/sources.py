"""What a job works on: photographs and tar shards under a prefix, in a manifest, by a pattern."""

from __future__ import annotations

import csv
import hashlib
import posixpath
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.errors import UnusableInput, UsageError, one_line, one_of
from toolkit.runtime.formats import SUFFIXES
from toolkit.runtime.stores import Stores, is_url, join

__all__ = ["MANIFESTS", "SHARD", "Unit", "units"]

SHARD = ".tar"
MANIFESTS = (".txt", ".csv", ".parquet")
COLUMN = "path"

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Unit:
    """A photograph or a tar shard."""

    place: str
    """Its address, or its local path."""
    key: str
    """Its place in the tree of results, separated by ``/``."""
    size: int = -1
    """Bytes, where the listing told; else -1."""
    again: bool = False
    """It failed in an earlier run: of its results those that are there are this job's."""

    @property
    def is_shard(self) -> bool:
        """Whether it is a tar of photographs."""
        return self.place.lower().endswith(SHARD)


def units(source: str, stores: Stores, column: str = COLUMN) -> Iterator[Unit]:
    """Walk a source; nothing is kept, so that it may be of any length.

    Parameters
    ----------
    source : str
        A prefix or folder; a manifest (``.txt`` with one path on each line, ``.csv`` or
        ``.parquet`` with a column of paths); a photograph; a tar; or a pattern of ``*``, ``?`` and
        ``{000..127}``. Paths in a manifest that are not absolute start at its folder.
    stores : Stores
    column : str
        Of a CSV or Parquet manifest.

    Raises
    ------
    UnusableInput
        If it cannot be read or names nothing.
    UsageError
        If a manifest has no such column.
    """
    found = _distinct(_units(source, stores, column))
    first = next(found, None)
    if first is None:
        raise UnusableInput(f"{one_line(source)}: names no photographs and no tar shards")
    yield first
    yield from found


def _units(source: str, stores: Stores, column: str) -> Iterator[Unit]:
    suffix = PurePosixPath(source).suffix.lower()
    if _RANGE.search(source):
        for place in _counted(source):
            yield from _units(place, stores, column)
    elif _MAGIC.search(source):
        base = source[: _MAGIC.search(source).start()].rsplit("/", 1)[0]  # type: ignore[union-attr]
        depth = source.count("/")  # no part of a pattern reaches over a /
        found = (unit for unit in _tree(base, stores) if unit.place.count("/") == depth)
        yield from (unit for unit in found if fnmatchcase(unit.place, source))
    elif suffix in MANIFESTS:
        folder = posixpath.dirname(source)
        for entry in _entries(source, suffix, stores, column):
            yield _listed(entry, folder)
    elif suffix == SHARD or suffix in SUFFIXES:
        yield Unit(source, PurePosixPath(source).name)
    else:
        yield from _tree(source, stores)


def _tree(base: str, stores: Stores) -> Iterator[Unit]:
    root = base.rstrip("/") + "/"
    for place, size in stores.find(base or "."):
        if PurePosixPath(place).suffix.lower() in (SHARD, *SUFFIXES):
            yield Unit(place, place.removeprefix(root), size)


def _counted(source: str) -> Iterator[str]:
    match = _RANGE.search(source)
    assert match is not None
    first, last = match.groups()
    for number in range(int(first), int(last) + 1):
        yield f"{source[: match.start()]}{number:0{len(first)}}{source[match.end() :]}"


def _listed(entry: str, folder: str) -> Unit:
    if is_url(entry):
        return Unit(entry, entry.split("://", 1)[1])
    if entry.startswith("/"):
        return Unit(entry, entry.lstrip("/"))
    return Unit(join(folder, entry) if folder else entry, posixpath.normpath(entry))


def _entries(source: str, suffix: str, stores: Stores, column: str) -> Iterator[str]:
    with _local(source, stores) as path:
        if suffix == ".parquet":
            yield from _parquet(path, source, column)
            return
        try:
            with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
                if suffix == ".csv":
                    reader = csv.DictReader(stream)
                    name = _column(source, reader.fieldnames or [], column)
                    yield from (row[name] for row in reader if row[name])
                else:
                    lines = (line.rstrip("\r\n") for line in stream)
                    yield from (line for line in lines if line.strip())
        except (OSError, csv.Error) as error:
            raise UnusableInput(f"{one_line(source)}: cannot be read: {one_line(error)}") from error


def _parquet(path: Path, source: str, column: str) -> Iterator[str]:
    try:
        with pq.ParquetFile(path) as file:
            name = _column(source, file.schema_arrow.names, column)
            for batch in file.iter_batches(columns=[name]):
                yield from (str(value) for value in batch.column(0).to_pylist() if value)
    except (OSError, pa.ArrowException) as error:
        raise UnusableInput(f"{one_line(source)}: cannot be read: {one_line(error)}") from error


def _column(source: str, names: Iterable[str], wanted: str) -> str:
    known = list(names)
    if wanted in known:
        return wanted
    if len(known) == 1:
        return known[0]
    raise (
        one_of(f"column of {one_line(source)}", wanted, known)
        if known
        else UsageError(f"{one_line(source)}: has no columns")
    )


@contextmanager
def _local(source: str, stores: Stores) -> Iterator[Path]:
    """A local copy of a manifest, which may be too long for memory."""
    if not is_url(source):
        if not Path(source).is_file():
            raise UnusableInput(f"{one_line(source)}: no such file")
        yield Path(source)
        return
    with tempfile.TemporaryDirectory(prefix="toolkit-") as folder:
        copy = Path(folder, "manifest")
        stores.fetch(source, copy)
        yield copy


def _distinct(found: Iterator[Unit]) -> Iterator[Unit]:
    """Each place once: a manifest may name one twice. About 100 bytes of memory for each."""
    seen: set[bytes] = set()
    for unit in found:
        mark = hashlib.blake2b(unit.place.encode("utf-8", "surrogateescape"), digest_size=16)
        if mark.digest() not in seen:
            seen.add(mark.digest())
            yield unit
