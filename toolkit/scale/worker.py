"""An actor: a part's photographs through one `Colorizer`, its results and rows into the store.

A part is worked off so that it may be killed anywhere. Its claim says which results were there
before. Where a claim is found, an actor has died in this part: a result that is there and was
not before is that actor's, and gets its row without being made again; and from then on the claim
names the photograph in hand, so that one that kills actors is found and failed.
"""

from __future__ import annotations

import platform
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

import pyarrow as pa

from toolkit.errors import OutputError, ToolkitError, UnusableInput, UsageError, one_line
from toolkit.files import sha256_bytes
from toolkit.runtime.batch import Settings, make
from toolkit.runtime.colorizer import Colorizer
from toolkit.runtime.formats import by_name
from toolkit.runtime.ordered import ordered
from toolkit.runtime.photo import TooLarge
from toolkit.runtime.stores import Stores, join
from toolkit.scale.job import Job
from toolkit.scale.parts import Part
from toolkit.scale.pieces import Piece, pieces, shard_key
from toolkit.scale.rows import Row
from toolkit.scale.run_folder import Claim, RunFolder
from toolkit.scale.shards import ShardWriter

__all__ = ["Summary", "Work", "Worker"]

_DEATHS = 2
"""A photograph during which so many actors broke off is failed."""

_AHEAD = 2
"""Photographs that are read while one is coloured, and results on their way to the store."""


@dataclass(frozen=True)
class Work:
    """What an actor needs to know; small, because it is sent to each."""

    destination: str
    job: Job
    run: int
    """Its number: an actor whose driver is gone sees that a later one has begun."""
    overwrite: bool
    threads: int
    max_megapixels: float
    max_bytes: int
    """Larger files are failed before they are read."""
    retries: int


@dataclass(frozen=True)
class Summary:
    """What became of a part."""

    part: str
    done: int = 0
    skipped: int = 0
    failed: int = 0
    pixels: int = 0
    stop: str = ""
    """Why the whole job cannot go on; else empty."""
    exit_code: int = 0

    @property
    def inputs(self) -> int:
        """How many rows were written."""
        return self.done + self.skipped + self.failed


class Worker:
    """Called with one part at a time; an actor of Ray Data.

    Parameters
    ----------
    work : Work
    """

    def __init__(self, work: Work) -> None:
        warnings.filterwarnings("ignore", module=r"PIL\.")  # told in our own words
        self._work = work
        self._stores = Stores(work.retries)
        self._folder = RunFolder(work.destination, work.job.identity, self._stores)
        self._to = by_name(work.job.format) if work.job.format else None
        self._settings = Settings(quality=work.job.quality)

    @cached_property
    def _colorizer(self) -> Colorizer:
        with tempfile.TemporaryDirectory(prefix="toolkit-") as folder:
            model = Path(folder, "model.onnx")
            self._stores.fetch(self._folder.model, model)
            return self._work.job.colorizer(model, self._work.threads, self._work.max_megapixels)

    def __call__(self, table: pa.Table) -> pa.Table:
        """Work off the part in a table of one row; a table of one `Summary`."""
        (text,) = table["part"].to_pylist()
        part = Part.from_json(text)
        try:
            summary = self.work_off(part)
        except ToolkitError as error:
            summary = Summary(part.id, stop=one_line(error), exit_code=error.exit_code)
        except Exception as error:  # a bug of ours: the driver would see no more than a death
            told = f"{type(error).__name__}: {one_line(error)}"
            summary = Summary(part.id, stop=told, exit_code=ToolkitError.exit_code)
        return pa.Table.from_pylist([vars(summary)])

    def work_off(self, part: Part) -> Summary:
        """Colour a part and write its rows.

        Raises
        ------
        OutputError, UnusableInput, UnusableModel
            If the next part would fare no better: the disk is full, the store is gone.
        UsageError
            If a later run of the job has begun, whose actors may have the same photographs.
        """
        if self._folder.has_rows(part.id):  # the actor died after its work was done
            return Summary(part.id)
        _ = self._colorizer  # a model that cannot be opened fails the job, not each photograph
        with tempfile.TemporaryDirectory(prefix="toolkit-") as name:
            folder = Path(name)
            job = self._work.job
            listed = list(
                pieces(part, self._work.destination, job.layout, self._to, self._stores, folder)
            )
            if job.layout == "shards":
                rows = list(self._into_shard(part, listed, folder))
            else:
                rows = list(self._into_tree(part, listed))
        for row in rows:
            row.node, row.run = platform.node(), self._work.run
        self._folder.write_rows(part.id, rows)
        self._folder.release(part.id)
        counts = Counter(row.status for row in rows)
        pixels = sum((row.width or 0) * (row.height or 0) for row in rows)
        done, skipped, failed = (counts[s] for s in ("done", "skipped", "failed"))
        return Summary(part.id, done, skipped, failed, pixels)

    def _into_tree(self, part: Part, listed: list[Piece]) -> Iterator[Row]:
        claim = self._folder.claim(part.id)
        careful = claim is not None
        if claim is None:
            claim = self._take(part, self._existing(listed))
        existing = frozenset() if self._work.overwrite else frozenset(claim.existing)
        again = {unit.place for unit in part.units if unit.again}

        def one(piece: Piece) -> tuple[Row, bytes]:
            row = Row(piece.input, piece.unit, piece.output)
            try:
                if piece.output in existing and piece.unit not in again:
                    row.status, row.message = "skipped", "the result is there already"
                    return row, b""
                if careful and piece.output not in claim.existing and self._recovered(piece, row):
                    return row, b""
                return self._read(piece, row)
            except ToolkitError as error:
                return row.fail(error), b""

        def coloured() -> Iterator[tuple[Row, bytes]]:
            for row, data in ordered(one, listed, 1 if careful else _AHEAD):
                if data and careful and not self._survives(part, claim, row):
                    data = b""
                result = self._colour(row, data) if data else b""
                claim.current.pop(row.input, None)
                yield row, result

        yield from ordered(self._put, coloured(), 1 if careful else _AHEAD)

    def _into_shard(self, part: Part, listed: list[Piece], folder: Path) -> Iterator[Row]:
        """Make a whole shard and put it in place; one that was put without rows is put again."""
        output = join(self._work.destination, shard_key(part))
        claim = self._folder.claim(part.id)
        careful = claim is not None
        if claim is None:
            claim = self._take(part, [output] if self._stores.exists(output) else [])
        ours = self._work.overwrite or any(unit.again for unit in part.units)
        skipped = bool(claim.existing) and not ours
        path = folder / "output.tar"
        made = 0
        with ShardWriter(path) as shard:
            for piece in listed:
                row = Row(piece.input, piece.unit, piece.output)
                if skipped:
                    row.status, row.message = "skipped", "the shard is there already"
                    if piece.is_photo:
                        yield row
                    continue
                try:
                    row, data = self._read(piece, row)
                    if piece.is_photo:
                        alive = not careful or self._survives(part, claim, row)
                        data = self._colour(row, data) if alive else b""
                        claim.current.pop(row.input, None)
                    if data:
                        shard.add(piece.name, data)
                        made += 1
                except ToolkitError as error:
                    row.fail(error)
                if piece.is_photo:
                    yield self._finished(row, data) if data and not row.kind else row
        if made:
            self._stores.put(path, output)

    def _take(self, part: Part, existing: list[str]) -> Claim:
        """Claim a part, unless a later run has begun, which may not have seen the claim."""
        claim = Claim(part.to_json(), existing)
        self._folder.write_claim(part.id, claim)
        if self._folder.has_run(self._work.run + 1):
            self._folder.release(part.id)
            raise UsageError("another run of this job has begun, and this one stops")
        return claim

    def _existing(self, listed: list[Piece]) -> list[str]:
        def there(piece: Piece) -> str:
            return piece.output if not piece.problem and self._stores.exists(piece.output) else ""

        return [output for output in ordered(there, listed, 4 * _AHEAD) if output]

    def _read(self, piece: Piece, row: Row) -> tuple[Row, bytes]:
        if piece.problem:
            raise piece.problem
        started = time.perf_counter()
        row.input_bytes = piece.size()
        if row.input_bytes > self._work.max_bytes:
            raise TooLarge(
                f"{one_line(piece.input)}: {row.input_bytes / 1e6:.0f} MB are more than the "
                f"{self._work.max_bytes / 1e6:.0f} MB that an actor's memory is for; raise it with "
                "--memory-per-actor"
            )
        data = piece.read()
        row.input_bytes, row.input_sha256 = len(data), sha256_bytes(data)
        row.read_ms = 1e3 * (time.perf_counter() - started)
        if not data:
            raise UnusableInput(f"{one_line(piece.input)}: the file is empty")
        return row, data

    def _colour(self, row: Row, data: bytes) -> bytes:
        """The result's bytes; none where the photograph fails."""
        stream = BytesIO()
        try:
            made = make(
                data, lambda: nullcontext(stream), self._colorizer, self._settings, self._to
            )
        except ToolkitError as error:
            row.fail(error)
            return b""
        except (
            Exception
        ) as error:  # a bug of ours or of a library: one photograph, not ten millions
            row.kind, row.message = "bug", f"{type(error).__name__}: {one_line(error)}"
            return b""
        row.width, row.height = made.width, made.height
        laps = made.milliseconds
        row.decode_ms, row.network_ms, row.write_ms = laps["decode"], laps["network"], laps["write"]
        row.message = "; ".join(made.notes)
        return stream.getvalue()

    def _put(self, result: tuple[Row, bytes]) -> Row:
        row, data = result
        if not data:
            row.finished = time.time()
            return row
        started = time.perf_counter()
        try:
            self._stores.write(row.output, data)
        except OutputError as error:
            row.fail(error)
            if row.kind == "full":
                raise
            return row
        row.store_ms = 1e3 * (time.perf_counter() - started)
        return self._finished(row, data)

    def _finished(self, row: Row, data: bytes) -> Row:
        row.status, row.output_bytes, row.output_sha256 = "done", len(data), sha256_bytes(data)
        row.finished = time.time()
        return row

    def _recovered(self, piece: Piece, row: Row) -> bool:
        """Whether an actor that was killed had put this result in place."""
        if piece.problem or not self._stores.exists(piece.output):
            return False
        self._read(piece, row)
        self._finished(row, self._stores.read(piece.output))
        row.kind = "recovered"
        return True

    def _survives(self, part: Part, claim: Claim, row: Row) -> bool:
        """Write down what is in hand; False if actors broke off at it before."""
        deaths = claim.current.get(row.input, 0)
        if deaths >= _DEATHS:
            row.kind, row.message = "crash", f"{deaths} actors broke off at this photograph"
            return False
        claim.current[row.input] = deaths + 1
        self._folder.write_claim(part.id, claim)
        return True
