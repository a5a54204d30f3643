"""What was done with each photograph, as lines of JSON, and what need not be done again.

A line is written when its photograph is done, so that an interrupted run leaves all but the last
one. The half line that a kill -9 may leave is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import OutputError, one_line, os_reason
from toolkit.runtime.batch import DONE, Outcome
from toolkit.runtime.naming import Task

if TYPE_CHECKING:
    from toolkit.runtime.remote import Place

__all__ = ["Report", "as_json"]


def as_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome for a program to read."""
    return {
        "source": str(outcome.source),
        "target": str(outcome.target),
        "status": outcome.status,
        "width": outcome.width,
        "height": outcome.height,
        "milliseconds": outcome.milliseconds,
        "notes": list(outcome.notes),
        "error": str(outcome.error) if outcome.error else None,
    }


class Report:
    """The report of one run, and of those before it.

    Parameters
    ----------
    path : Path
    options : str
        What results depend on besides the photograph; a result of other options is made anew.
    """

    def __init__(self, path: Path, options: str) -> None:
        self._path, self._options = path, options
        self._before = {record["source"]: record for record in _records(path)}

    def knows(self, task: Task) -> bool:
        """Whether an earlier run made this task's target from this source."""
        record = self._before.get(str(task.source))
        return record is not None and record.get("target") == str(task.target)

    def is_done(self, task: Task) -> bool:
        """Whether that result is there, and source and options have not changed since."""
        record = self._before.get(str(task.source), {})
        expected = {"target": str(task.target), "options": self._options, **_stamp(task.source)}
        unchanged = all(record.get(key) == value for key, value in expected.items())
        return unchanged and record.get("status") in DONE and task.target.exists()

    def add(self, outcome: Outcome) -> None:
        """Append a line. Raises `OutputError` if it cannot be written."""
        record = {**as_json(outcome), **_stamp(outcome.source), "options": self._options}
        line = json.dumps(record, ensure_ascii=True) + "\n"
        try:
            with open(self._path, "ab+") as stream:
                if stream.tell():
                    stream.seek(-1, 2)
                    if stream.read(1) != b"\n":
                        line = "\n" + line
                stream.write(line.encode())
        except OSError as error:
            raise _cannot_write(self._path, error) from error


def _stamp(source: Place) -> dict[str, int]:
    if not isinstance(source, Path):
        return {"size": source.size()}
    try:
        facts = source.stat()
    except OSError:
        return {}
    return {"size": facts.st_size, "mtime_ns": facts.st_mtime_ns}


def _records(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        raise _cannot_write(path, error) from error
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(record.get("source"), str):
            yield record


def _cannot_write(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{one_line(path)}: the report cannot be written: {os_reason(error)}")
