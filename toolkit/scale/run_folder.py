"""What a job keeps beside its results: the model, claims, and the rows that decide what is done.

::

    DEST/_toolkit/job.json                   the job whose results these are
    DEST/_toolkit/IDENTITY/model.onnx
                          /claims/PART.json  parts in hand, and what was there before them
                          /rows/PART.parquet
                          /runs/NNNN.json    when each run began, and with what
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.errors import UnusableInput, UsageError, one_line
from toolkit.runtime.stores import Stores, failure, join
from toolkit.scale.job import Job
from toolkit.scale.parts import Part
from toolkit.scale.rows import Row, readable, to_parquet

__all__ = ["NAME", "Claim", "Done", "RunFolder"]

NAME = "_toolkit"
_SCHEMA = 1
_READERS = 16
"""Files of rows that are read at a time."""


@dataclass
class Claim:
    """A part that an actor has in hand."""

    part: str
    """As JSON."""
    existing: list[str]
    """Results that were there before: not of this job."""
    current: dict[str, int] = field(default_factory=dict)
    """Photographs during which an actor broke off, and how often; kept once that happened."""


class Done:
    """The units whose rows are written: 16 bytes each, because there may be ten millions.

    Parameters
    ----------
    marks : list of bytes objects
        The marks of some units each, one after another.
    failed : set of str
        Units to be done again.
    """

    def __init__(self, marks: list[bytes], failed: set[str]) -> None:
        self.failed = failed
        pairs = np.frombuffer(b"".join(marks), ">u8").astype(np.uint64).reshape(-1, 2)
        self._marks = pairs[np.argsort(pairs[:, 0], kind="stable")]

    def __len__(self) -> int:
        return len(self._marks)

    def __contains__(self, unit: str) -> bool:
        first, second = np.frombuffer(_mark(unit), ">u8").astype(np.uint64)
        low, high = (np.searchsorted(self._marks[:, 0], first, side=s) for s in ("left", "right"))
        return bool((self._marks[low:high, 1] == second).any())


class RunFolder:
    """The folder of one job.

    Parameters
    ----------
    destination : str
    identity : str
        Of the job.
    stores : Stores
    """

    def __init__(self, destination: str, identity: str, stores: Stores) -> None:
        self._place = join(join(destination, NAME), identity)
        self._stores = stores

    @property
    def model(self) -> str:
        """The model's file."""
        return join(self._place, "model.onnx")

    @classmethod
    def begin(
        cls,
        destination: str,
        job: Job,
        model: bytes,
        stores: Stores,
        *,
        resume: bool,
        overwrite: bool,
    ) -> tuple[RunFolder, bool]:
        """Start a job, or go on with it.

        Returns
        -------
        folder : RunFolder
        overwrite : bool
            Whether results that exist are replaced, as the job was begun.

        Raises
        ------
        UsageError
            If another job's rows are there, or this one's and it is not resumed.
        OutputError
            If the folder cannot be written.
        """
        card = join(join(destination, NAME), "job.json")
        known = _read_json(card, stores)
        folder = cls(destination, job.identity, stores)
        if known is not None and known.get("identity") != job.identity and not overwrite:
            raise UsageError(
                f"{one_line(destination)}: holds the results of another job "
                f"({_differences(known, job)}): give another destination, or --overwrite to "
                "replace them"
            )
        if resume and overwrite:
            raise UsageError("--resume goes on with a job and --overwrite starts it anew: give one")
        if known is not None and known.get("identity") == job.identity and not overwrite:
            if not resume and folder.any_rows():
                raise UsageError(
                    f"{one_line(destination)}: this job has rows there already: go on with "
                    "--resume, or start anew with --overwrite"
                )
            return folder, bool(known.get("overwrite"))
        folder._clear()
        stores.write(folder.model, model)
        told = {**asdict(job), "identity": job.identity, "schema": _SCHEMA, "overwrite": overwrite}
        stores.write(card, json.dumps(told, indent=2).encode())
        return folder, overwrite

    @classmethod
    def of(cls, place: str, stores: Stores) -> RunFolder:
        """The folder of the job whose destination `place` is. Raises `UnusableInput`."""
        base = place.rstrip("/").removesuffix(f"/{NAME}")
        known = _read_json(join(join(base, NAME), "job.json"), stores)
        if known is None:
            raise UnusableInput(
                f"{one_line(place)}: no batch job has written here; give the DEST of toolkit "
                "batch run"
            )
        return cls(base, str(known["identity"]), stores)

    def start_run(self, facts: dict[str, Any]) -> int:
        """Write down that a run begins; its number, from 1 on."""
        number = len(self._names("runs")) + 1
        text = json.dumps(facts, indent=2)
        self._stores.write(join(self._place, f"runs/{number:04}.json"), text.encode())
        return number

    def has_run(self, number: int) -> bool:
        """Whether the run of this number has begun."""
        return self._stores.exists(join(self._place, f"runs/{number:04}.json"))

    def runs(self) -> list[dict[str, Any]]:
        """What was written down of each run."""
        return [json.loads(self._stores.read(place)) for place in self._names("runs")]

    def any_rows(self) -> bool:
        """Whether any row is written."""
        return bool(self._names("rows"))

    def has_rows(self, part: str) -> bool:
        """Whether the rows of a part are written."""
        return self._stores.exists(self._rows(part))

    def write_rows(self, part: str, rows: Iterable[Row]) -> None:
        """Write the rows of a part. Raises `OutputError`."""
        self._stores.write(self._rows(part), to_parquet(rows))

    def tables(self, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """The rows of each part, in the order in which the parts were cut."""

        def read(place: str) -> pa.Table:
            return pq.read_table(BytesIO(self._stores.read(place)), columns=columns)

        with ThreadPoolExecutor(_READERS) as pool:
            yield from pool.map(read, self._names("rows"))

    def done(self, *, retry_failed: bool) -> Done:
        """The units that need not be done again."""
        marks = []
        failed: set[str] = set()
        for table in self.tables(["unit", "status"]):
            units = table["unit"].to_pylist()
            marks.append(b"".join({_mark(unit) for unit in units}))
            failed.difference_update(units)  # a later run may have done them
            if retry_failed:
                pairs = zip(units, table["status"].to_pylist(), strict=True)
                failed.update(unit for unit, status in pairs if status == "failed")
        return Done(marks, failed)

    def claim(self, part: str) -> Claim | None:
        """The claim of a part that an actor has or had in hand."""
        found = _read_json(self._claim(part), self._stores)
        return None if found is None else Claim(**found)

    def write_claim(self, part: str, claim: Claim) -> None:
        """Write a claim. Raises `OutputError`."""
        self._stores.write(self._claim(part), json.dumps(asdict(claim)).encode())

    def release(self, part: str) -> None:
        """Remove a claim: the rows are written. One that stays does no harm."""
        with suppress(Exception):
            self._stores.delete(self._claim(part))

    def claimed(self) -> Iterator[Part]:
        """Parts that were in hand when something was killed, without those that have rows."""
        for place in self._names("claims"):
            part = Part.from_json(json.loads(self._stores.read(place))["part"])
            if not self.has_rows(part.id):
                yield part

    def _rows(self, part: str) -> str:
        return join(self._place, f"rows/{part}.parquet")

    def _claim(self, part: str) -> str:
        return join(self._place, f"claims/{part}.json")

    def _names(self, kind: str) -> list[str]:
        try:
            return sorted(place for place, _ in self._stores.find(join(self._place, kind)))
        except UnusableInput as error:
            if error.__cause__ is None or failure(error.__cause__) == "missing":
                return []
            raise

    def _clear(self) -> None:
        for kind in ("claims", "rows", "runs"):
            for place in self._names(kind):
                self._stores.delete(place)


def _mark(unit: str) -> bytes:
    return hashlib.blake2b(readable(unit).encode(), digest_size=16).digest()


def _read_json(place: str, stores: Stores) -> dict[str, Any] | None:
    if not stores.exists(place):
        return None
    try:
        value = json.loads(stores.read(place))
    except ValueError as error:
        raise UnusableInput(f"{one_line(place)}: not JSON: {one_line(error)}") from None
    return value if isinstance(value, dict) else None


def _differences(known: dict[str, Any], job: Job) -> str:
    facts = asdict(job)
    names = [n for n in facts if n != "model" and known.get(n) != facts[n]]
    return "another " + ", ".join(n.replace("_sha256", "").replace("_", " ") for n in names)
