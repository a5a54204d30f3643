"""What rows say when they are summed up, and what of them counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import UnusableInput, UsageError
from toolkit.runtime.stores import Stores
from toolkit.scale.job import Job
from toolkit.scale.report import failed, summarise
from toolkit.scale.rows import Row
from toolkit.scale.run_folder import RunFolder

JOB = Job("tiny", "0" * 64)


def begin(place: Path, job: Job = JOB, **options: bool) -> RunFolder:
    chosen = {"resume": False, "overwrite": False, **options}
    return RunFolder.begin(str(place), job, b"model", Stores(), **chosen)[0]


def row(name: str, status: str = "done", run: int = 1, finished: float = 0.0) -> Row:
    times = {f"{stage}_ms": 2.0 for stage in ("read", "decode", "network", "write", "store")}
    kind = "unreadable" if status == "failed" else ""
    size = {"width": 1000, "height": 1000}
    done = {**times, **size} if status == "done" else {}
    return Row(name, name, f"out/{name}", status, kind, run=run, finished=finished, **done)  # type: ignore[arg-type]


def test_totals_and_percentiles(tmp_path: Path) -> None:
    folder = begin(tmp_path)
    assert folder.start_run({"started": 100.0}) == 1
    folder.write_rows("0001-00000000", [row("a", finished=105.0), row("b", "failed")])
    folder.write_rows("0001-00000001", [row("c", finished=110.0), row("d", "skipped")])
    report = summarise(RunFolder.of(str(tmp_path), Stores()))
    assert report.inputs == 4
    assert report.status == {"done": 2, "failed": 1, "skipped": 1}
    assert report.kinds == {"unreadable": 1}
    assert (report.startup_seconds, report.seconds) == (5, 5)
    assert report.photographs_per_second == pytest.approx(0.4)
    assert report.megapixels == 2
    assert report.milliseconds["network"] == {"p50": 2, "p99": 2}
    assert report.milliseconds["whole"] == {"p50": 10, "p99": 10}
    assert [r.input for r in failed(folder)] == ["b"]


def test_a_later_row_counts_and_none_twice(tmp_path: Path) -> None:
    folder = begin(tmp_path)
    folder.start_run({"started": 0.0})
    folder.write_rows("0001-00000000", [row("a"), row("b", "failed")])
    assert "b" in folder.done(retry_failed=False)
    assert folder.done(retry_failed=True).failed == {"b"}
    folder.start_run({"started": 50.0})
    folder.write_rows("0002-00000000", [row("b", run=2, finished=51.0)])
    assert folder.done(retry_failed=True).failed == set()
    report = summarise(folder)
    assert (report.inputs, report.status) == (2, {"done": 2})
    assert list(failed(folder)) == []


def test_done_knows_exactly_what_has_rows(tmp_path: Path) -> None:
    folder = begin(tmp_path)
    names = [f"s3://b/{i}.jpg" for i in range(500)]
    for number in range(5):
        part = names[number::5]
        folder.write_rows(f"0001-{number:08}", [row(name) for name in part[:-1]])
    done = folder.done(retry_failed=False)
    assert [name for name in names if name not in done] == names[-5:]
    assert "s3://b/500.jpg" not in done


def test_a_job_is_resumed_and_another_is_refused(tmp_path: Path) -> None:
    folder = begin(tmp_path)
    folder.write_rows("0001-00000000", [row("a")])
    with pytest.raises(UsageError, match="--resume"):
        begin(tmp_path)
    assert "a" in begin(tmp_path, resume=True).done(retry_failed=False)
    other = Job("tiny", "0" * 64, strength=0.5)
    for resume in (False, True):
        with pytest.raises(UsageError, match=r"another job \(another strength\)"):
            begin(tmp_path, other, resume=resume)
    assert "a" in begin(tmp_path, resume=True).done(retry_failed=False)
    assert not begin(tmp_path, other, overwrite=True).any_rows()
    with pytest.raises(UsageError, match="another job"):
        begin(tmp_path, resume=True)


def test_a_folder_without_a_job(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="no batch job"):
        RunFolder.of(str(tmp_path), Stores())


def test_names_that_are_no_utf8_have_rows(tmp_path: Path) -> None:
    folder = begin(tmp_path)
    name = b"\xff\xfe.jpg".decode("utf-8", "surrogateescape")
    folder.write_rows("0001-00000000", [row(name)])
    assert name in folder.done(retry_failed=False)
