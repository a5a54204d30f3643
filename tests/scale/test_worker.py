"""One actor's work, without Ray: claims, rows and results on local disks and in S3."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.scale.conftest import BAD, PHOTOGRAPHS, S3, Tar, bad_photographs, files
from toolkit.errors import OutputError, UsageError
from toolkit.files import sha256_bytes
from toolkit.runtime import stores as stores_module
from toolkit.runtime.stores import Stores
from toolkit.scale.batch import job_of
from toolkit.scale.job import Job
from toolkit.scale.parts import Part
from toolkit.scale.run_folder import RunFolder
from toolkit.scale.sources import units
from toolkit.scale.worker import Work, Worker

Rows = dict[str, dict[str, Any]]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores_module, "_FIRST_PAUSE", 0.01)


class Bench:
    """A job begun in a folder, and one actor of it."""

    def __init__(self, model: Path, destination: str, **options: Any) -> None:
        self.stores = Stores(retries=2)
        self.job, data = job_of(str(model), **options)
        self.destination = destination
        self.folder, _ = RunFolder.begin(
            destination, self.job, data, self.stores, resume=False, overwrite=False
        )
        self.work = Work(destination, self.job, 1, False, 1, 250, 50_000_000, 2)

    def part(self, source: str, number: int = 0) -> Part:
        return Part(f"0001-{number:08}", tuple(units(source, self.stores)))

    def work_off(self, part: Part, **changes: Any) -> Rows:
        """The rows of a part by their input, made by a new actor."""
        Worker(replace(self.work, **changes)).work_off(part)
        (table,) = [t for t in self.folder.tables() if t.num_rows]
        return {row["input"]: row for row in table.to_pylist()}


def statuses(rows: Rows) -> list[str]:
    return sorted(row["status"] for row in rows.values())


@pytest.fixture
def make(tiny_model: Path) -> Callable[..., Bench]:
    def bench(destination: object, **options: Any) -> Bench:
        return Bench(tiny_model, str(destination), **options)

    return bench


def test_results_are_those_of_colorize_and_every_input_has_a_row(
    make: Callable[..., Bench], scans: Path, expected: Path, tmp_path: Path
) -> None:
    bench = make(tmp_path / "out")
    rows = bench.work_off(bench.part(str(scans)))
    assert files(tmp_path / "out") == files(expected)
    assert len(rows) == PHOTOGRAPHS + 1 + len(BAD)
    for place, row in rows.items():
        source, name = Path(place), Path(place).name
        if name in BAD:
            assert (row["status"], row["kind"]) == ("failed", "unreadable")
            assert row["message"]
            continue
        result = Path(row["output"])
        assert row["status"] == "done"
        assert row["input_sha256"] == sha256_bytes(source.read_bytes())
        assert row["output_sha256"] == sha256_bytes(result.read_bytes())
        assert (row["input_bytes"], row["output_bytes"]) == (
            source.stat().st_size,
            result.stat().st_size,
        )
        assert min(row[f"{s}_ms"] for s in ("read", "decode", "network", "write", "store")) >= 0
        assert row["node"]
        assert (row["width"], row["height"]) == (90, 60)


def test_from_s3_to_s3(
    make: Callable[..., Bench], scans: Path, expected: Path, bucket: str, s3: S3
) -> None:
    stores = Stores()
    for name in ("letter.jpg", "pages.tif", "box0/000.jpg", "box1/001.png"):
        stores.write(f"{bucket}/in/{name}", (scans / name).read_bytes())
    whole = (scans / "box0" / "000.jpg").read_bytes()
    for name in ("throttled-2.jpg", "dropped.jpg"):
        stores.write(f"{bucket}/in/{name}", whole)
    bench = make(f"{bucket}/out")
    rows = bench.work_off(bench.part(f"{bucket}/in"))
    kinds = {place.rsplit("/", 1)[-1]: (r["status"], r["kind"]) for place, r in rows.items()}
    assert kinds == {
        "letter.jpg": ("failed", "unreadable"),
        "dropped.jpg": ("failed", "connection"),
        "throttled-2.jpg": ("done", ""),
        "pages.tif": ("done", ""),
        "000.jpg": ("done", ""),
        "001.png": ("done", ""),
    }
    for name in ("pages.tif", "box0/000.jpg", "box1/001.png"):
        assert stores.read(f"{bucket}/out/{name}") == (expected / name).read_bytes()
    results = [p for p in s3.puts() if p.startswith(f"/{bucket[5:]}/out/") and "_toolkit" not in p]
    assert len(results) == len(set(results)) == 4  # each was put once


def test_results_that_were_there_before_are_skipped(
    make: Callable[..., Bench], scans: Path, expected: Path, tmp_path: Path
) -> None:
    (tmp_path / "out" / "box0").mkdir(parents=True)
    old = tmp_path / "out" / "box0" / "000.jpg"
    old.write_bytes(b"precious")
    bench = make(tmp_path / "out")
    rows = bench.work_off(bench.part(str(scans)))
    assert statuses(rows).count("skipped") == 1
    assert old.read_bytes() == b"precious"


def test_with_overwrite_they_are_replaced(
    make: Callable[..., Bench], scans: Path, expected: Path, tmp_path: Path
) -> None:
    (tmp_path / "out" / "box0").mkdir(parents=True)
    (tmp_path / "out" / "box0" / "000.jpg").write_bytes(b"old")
    bench = make(tmp_path / "out")
    bench.work_off(bench.part(str(scans)), overwrite=True)
    assert files(tmp_path / "out") == files(expected)


class Killed(BaseException):
    """Stands for what no handler sees."""


def test_an_actor_that_was_killed_leaves_results_that_are_not_made_again(
    make: Callable[..., Bench],
    scans: Path,
    expected: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = make(tmp_path / "out")
    part = bench.part(str(scans))

    def never(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "write_rows", never)
        with pytest.raises(Killed):
            Worker(bench.work).work_off(part)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.jpg")}
    assert before
    assert [p.id for p in bench.folder.claimed()] == [part.id]
    rows = bench.work_off(part)
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert files(tmp_path / "out") == files(expected)
    done = [row for row in rows.values() if row["status"] == "done"]
    assert {row["kind"] for row in done} == {"recovered"}
    assert all(
        row["output_sha256"] == sha256_bytes(Path(row["output"]).read_bytes()) for row in done
    )
    assert list(bench.folder.claimed()) == []


def test_a_photograph_that_kills_actors_is_failed(
    make: Callable[..., Bench], scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make(tmp_path / "out")
    part = bench.part(str(scans))
    poison = sha256_bytes((scans / "box1" / "001.png").read_bytes())
    colour = Worker._colour

    def dies(self: Worker, row: Any, data: bytes) -> bytes:
        if row.input_sha256 == poison:
            raise Killed
        return colour(self, row, data)

    monkeypatch.setattr(Worker, "_colour", dies)
    for _ in range(3):
        with pytest.raises(Killed):
            Worker(bench.work).work_off(part)
    rows = bench.work_off(part)
    assert [r["kind"] for p, r in rows.items() if p.endswith("001.png")] == ["crash"]
    assert statuses(rows).count("done") == PHOTOGRAPHS
    bad = {Path(p).name for p, r in rows.items() if r["kind"] == "unreadable"}
    assert bad == BAD


def test_what_is_too_large_for_the_actors_memory_is_failed(
    make: Callable[..., Bench], scans: Path, tmp_path: Path
) -> None:
    bench = make(tmp_path / "out")
    rows = bench.work_off(bench.part(str(scans / "box0")), max_megapixels=0.001)
    assert {r["kind"] for r in rows.values()} == {"too large"}
    other = make(tmp_path / "other")
    rows = other.work_off(other.part(str(scans / "box0")), max_bytes=100)
    assert {r["kind"] for r in rows.values()} == {"too large"}
    assert all(r["input_sha256"] == "" for r in rows.values())  # it was not even read


def test_a_result_that_cannot_be_written_is_failed_and_rows_that_cannot_stop_the_job(
    make: Callable[..., Bench], scans: Path, tmp_path: Path
) -> None:
    bench = make(tmp_path / "out")
    (tmp_path / "out" / "box0").write_bytes(b"")  # a file where a folder must be
    rows = bench.work_off(bench.part(str(scans)))
    assert {r["kind"] for p, r in rows.items() if "box0" in p} == {"not written"}
    assert statuses(rows).count("done") > PHOTOGRAPHS // 2
    claims = tmp_path / "out" / "_toolkit" / bench.job.identity / "claims"
    claims.rmdir()
    claims.write_bytes(b"")
    with pytest.raises(OutputError):
        Worker(bench.work).work_off(bench.part(str(scans), number=1))


def test_shards_to_a_tree_and_to_shards(
    make: Callable[..., Bench], scans: Path, expected: Path, tmp_path: Path, make_tar: Tar
) -> None:
    (tmp_path / "in").mkdir()
    names = ["box0/000.jpg", "pages.tif", "letter.jpg"]
    content = {name: (scans / name).read_bytes() for name in names}
    tar = make_tar(tmp_path / "in" / "a.tar", {**content, "pages.json": b"{}", "../up.jpg": b"x"})
    tree = make(tmp_path / "tree")
    rows = tree.work_off(tree.part(str(tar)))
    assert {row["status"] for p, row in rows.items() if p.endswith(("000.jpg", ".tif"))} == {"done"}
    assert sorted(p.split("#")[1] for p in rows) == sorted([*names, "../up.jpg"])
    assert set(files(tmp_path / "tree")) == {"a/box0/000.jpg", "a/pages.tif"}
    assert not (tmp_path / "up.jpg").exists()

    shards = make(tmp_path / "shards", layout="shards")
    again = shards.work_off(shards.part(str(tar)))
    assert statuses(again) == statuses(rows)
    with tarfile.open(tmp_path / "shards" / "a.tar") as made:
        assert made.getnames() == ["box0/000.jpg", "pages.tif", "pages.json"]
        for name in ("box0/000.jpg", "pages.tif"):
            member = made.extractfile(name)
            assert member is not None
            assert member.read() == (expected / name).read_bytes()


def test_the_actors_of_an_earlier_run_stop_where_a_later_one_has_begun(
    make: Callable[..., Bench], scans: Path, tmp_path: Path
) -> None:
    bench = make(tmp_path / "out")
    for number in (1, 2):
        assert bench.folder.start_run({"started": 0.0}) == number
    part = bench.part(str(scans))
    with pytest.raises(UsageError, match="another run"):
        Worker(bench.work).work_off(part)
    assert list(bench.folder.claimed()) == []
    assert files(tmp_path / "out") == {}
    assert len(bench.work_off(part, run=2)) == PHOTOGRAPHS + 1 + len(BAD)


def test_a_result_that_the_store_does_not_take_is_failed(
    make: Callable[..., Bench], scans: Path, bucket: str, tmp_path: Path
) -> None:
    whole = (scans / "box0" / "000.jpg").read_bytes()
    for name in ("a.jpg", "put-throttled.jpg", "put-dropped.jpg", "put-dropped-1.jpg"):
        (tmp_path / name).write_bytes(whole)
    bench = make(f"{bucket}/out")
    rows = bench.work_off(bench.part(str(tmp_path)))
    assert {Path(place).name: (r["status"], r["kind"]) for place, r in rows.items()} == {
        "a.jpg": ("done", ""),
        "put-dropped-1.jpg": ("done", ""),
        "put-dropped.jpg": ("failed", "connection"),
        "put-throttled.jpg": ("failed", "throttled"),
    }
    there = [place.rsplit("/", 1)[-1] for place, _ in Stores().find(f"{bucket}/out")]
    assert sorted(n for n in there if n.endswith(".jpg")) == ["a.jpg", "put-dropped-1.jpg"]


def test_bad_photographs_of_every_kind_have_rows(
    make: Callable[..., Bench], scans: Path, tmp_path: Path
) -> None:
    kinds = bad_photographs(tmp_path / "in", scans)
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(f"in/{name}" for name in kinds))
    bench = make(tmp_path / "out")
    rows = bench.work_off(bench.part(str(listed)))
    assert {Path(place).name: row["kind"] for place, row in rows.items()} == kinds
    assert all(row["status"] == "failed" and row["message"] for row in rows.values())
    assert files(tmp_path / "out") == {}


def test_a_shard_that_ends_too_early(
    make: Callable[..., Bench], scans: Path, tmp_path: Path, make_tar: Tar
) -> None:
    content = {f"{i}.jpg": (scans / "box0" / "000.jpg").read_bytes() for i in range(3)}
    tar = make_tar(tmp_path / "a.tar", content)
    tar.write_bytes(tar.read_bytes()[:2500])
    bench = make(tmp_path / "out")
    rows = bench.work_off(bench.part(str(tar)))
    assert rows[f"{tar}#0.jpg"]["status"] == "done"
    assert "failed" in statuses(rows)


def test_photographs_into_a_shard(
    make: Callable[..., Bench], scans: Path, expected: Path, tmp_path: Path
) -> None:
    bench = make(tmp_path / "out", layout="shards", format="png")
    rows = bench.work_off(bench.part(str(scans / "box0")))
    with tarfile.open(tmp_path / "out" / "part-0001-00000000.tar") as made:
        assert "000.jpg.png" in made.getnames()
        assert len(made.getnames()) == len(rows)


def test_another_option_is_another_job(tiny_model: Path) -> None:
    job, _ = job_of(str(tiny_model))
    others = [
        replace(job, strength=0.5),
        replace(job, quality=91),
        replace(job, model_sha256="0" * 64),
        replace(job, layout="shards"),
    ]
    assert len({j.identity for j in [job, *others]}) == 5
    assert replace(job, model="another name").identity == job.identity
    assert Job(**json.loads(json.dumps(vars(job)))).identity == job.identity
