"""What the rows say: totals, throughput, percentiles, failures by kind, what to try again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from toolkit.scale.rows import Row
from toolkit.scale.run_folder import RunFolder

__all__ = ["STAGES", "Report", "failed", "summarise"]

STAGES = ("read", "decode", "network", "write", "store")
_COLUMNS = ["input", "status", "kind", "run", "finished", "width", "height"]


@dataclass
class Report:
    """The sums over a job's rows."""

    inputs: int = 0
    """Rows, one for each input."""
    status: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    """Of failures."""
    megapixels: float = 0.0
    seconds: float = 0.0
    """Of all runs, from their first photograph to their last."""
    startup_seconds: float = 0.0
    """Of all runs, before their first photograph: actors that start, models that load."""
    milliseconds: dict[str, dict[str, float]] = field(default_factory=dict)
    """p50 and p99 of each stage and of ``whole``."""
    runs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def photographs_per_second(self) -> float:
        """Of those that are done."""
        return self.status.get("done", 0) / max(self.seconds, 1e-9)


def summarise(folder: RunFolder) -> Report:
    """Read all rows, part by part. Raises `UnusableInput`."""
    report = Report(runs=folder.runs())
    status: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    times: dict[str, list[np.ndarray[Any, Any]]] = {s: [] for s in (*STAGES, "whole")}
    spans: dict[int, tuple[float, float]] = {}
    for rows in _latest(folder, [*_COLUMNS, *(f"{stage}_ms" for stage in STAGES)]):
        status.update(row["status"] for row in rows)
        kinds.update(row["kind"] for row in rows if row["status"] == "failed")
        timed = [row for row in rows if row["status"] == "done" and row["network_ms"] is not None]
        laps = np.array([[row[f"{s}_ms"] or 0 for s in STAGES] for row in timed], np.float32)
        laps = laps.reshape(-1, len(STAGES))
        for index, stage in enumerate(STAGES):
            times[stage].append(laps[:, index])
        times["whole"].append(laps.sum(axis=1))
        report.megapixels += sum((r["width"] or 0) * (r["height"] or 0) for r in rows) / 1e6
        for row in rows:
            if row["finished"]:
                first, last = spans.get(row["run"], (row["finished"], 0.0))
                spans[row["run"]] = (min(first, row["finished"]), max(last, row["finished"]))
    report.inputs = sum(status.values())
    report.status, report.kinds = dict(status), dict(kinds.most_common())
    for number, run in enumerate(report.runs, 1):
        first, last = spans.get(number, (run["started"], run["started"]))
        report.startup_seconds += first - run["started"]
        report.seconds += last - first
    for stage, parts in times.items():
        together = np.concatenate(parts) if parts else np.empty(0)
        if len(together):
            p50, p99 = np.percentile(together, (50, 99))
            report.milliseconds[stage] = {"p50": float(p50), "p99": float(p99)}
    return report


def failed(folder: RunFolder) -> Iterator[Row]:
    """The rows that failed, for a list to retry."""
    for rows in _latest(folder, ["input", "unit", "output", "status", "kind", "message"]):
        for row in rows:
            if row["status"] == "failed":
                yield Row(**row)


def _latest(folder: RunFolder, columns: list[str]) -> Iterator[list[dict[str, Any]]]:
    """The rows of each part without those that a later run's rows replace.

    The last part that names an input counts: parts sort by the run that cut them.
    """
    again: dict[str, int] = {}
    tables = folder.tables(["input", "run"])
    for number, table in enumerate(tables):
        runs = table["run"].to_pylist()
        if runs and runs[0] > 1:  # only a resumed run can have done something again
            again.update(dict.fromkeys(table["input"].to_pylist(), number))
    for number, table in enumerate(folder.tables(columns)):
        yield [row for row in table.to_pylist() if again.get(row["input"], number) == number]
