"""One row for each input, whatever became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.errors import OutputError, ToolkitError, UnusableModel, one_line
from toolkit.runtime.photo import TooLarge
from toolkit.runtime.stores import failure

__all__ = ["SCHEMA", "Row", "kind_of", "readable", "to_parquet"]

SCHEMA = pa.schema(
    [
        ("input", pa.string()),
        ("unit", pa.string()),
        ("output", pa.string()),
        ("status", pa.string()),
        ("kind", pa.string()),
        ("message", pa.string()),
        ("input_sha256", pa.string()),
        ("output_sha256", pa.string()),
        ("input_bytes", pa.int64()),
        ("output_bytes", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("read_ms", pa.float32()),
        ("decode_ms", pa.float32()),
        ("network_ms", pa.float32()),
        ("write_ms", pa.float32()),
        ("store_ms", pa.float32()),
        ("node", pa.string()),
        ("run", pa.int32()),
        ("finished", pa.float64()),
    ]
)


@dataclass
class Row:
    """What became of one input. Times in milliseconds; those that are not known are None."""

    input: str
    """The photograph's address; of a member of a shard ``shard.tar#member``."""
    unit: str
    """What the source named: the photograph, or the shard that it is in."""
    output: str
    status: str = "failed"
    """``done``, ``skipped`` (the result was there before the job) or ``failed``."""
    kind: str = ""
    """Of a failure; ``recovered`` where an actor that was killed had put the result in place."""
    message: str = ""
    input_sha256: str = ""
    output_sha256: str = ""
    input_bytes: int | None = None
    output_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    read_ms: float | None = None
    decode_ms: float | None = None
    network_ms: float | None = None
    write_ms: float | None = None
    """Colours and encoder, which work together."""
    store_ms: float | None = None
    node: str = ""
    run: int = 0
    """1 for the job's first run, and one more each time that it is resumed."""
    finished: float = 0.0
    """Seconds since 1970."""

    def fail(self, error: ToolkitError) -> Row:
        """Say why; give the row back."""
        self.status, self.kind, self.message = "failed", kind_of(error), one_line(error)
        return self


def kind_of(error: ToolkitError) -> str:
    """The kind of a failure, one word or two, by which a report counts."""
    if isinstance(error, TooLarge):
        return "too large"
    if isinstance(error, UnusableModel):
        return "model"
    cause = error.__cause__
    where = failure(cause) if cause is not None else "store"
    if where != "store":
        return where
    if isinstance(error, OutputError):
        return "not written"
    return "unreadable"


def readable(name: str) -> str:
    """A name as Parquet can hold it: bytes that are no UTF-8 become ``\\xff``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def to_parquet(rows: Iterable[Row]) -> bytes:
    """The bytes of a Parquet file."""
    stream = BytesIO()
    facts = [
        {k: readable(v) if isinstance(v, str) else v for k, v in asdict(row).items()}
        for row in rows
    ]
    pq.write_table(pa.Table.from_pylist(facts, SCHEMA), stream)
    return stream.getvalue()
