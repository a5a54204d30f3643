"""Actors, nodes and drivers that are killed: each input ends with one row and one right result.

The longer half of these tests: ``pytest -m scale``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.scale.conftest import BAD, PHOTOGRAPHS, ROOT, S3, files, toolkit
from toolkit.runtime.stores import Stores
from toolkit.scale.run_folder import RunFolder

pytestmark = [
    pytest.mark.scale,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="Linux: processes are found in /proc"),
]

COUNT = 48

LONGEST = 300
"""Seconds that anything may take."""

ON_NODES = ("--memory-per-actor", "1")
"""Gigabytes: more than the head node of `cluster` has."""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of a third of a megapixel, 3 % of them bad."""
    root = tmp_path_factory.mktemp("many")
    light = np.add.outer(np.arange(500), np.arange(0, 1340, 2)).astype(np.uint8)
    for number in range(COUNT):
        Image.fromarray(light + np.uint8(number)).save(root / f"{number:03}.png")
    for number in range(0, COUNT, 32):
        (root / f"{number:03}.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    return root


@pytest.fixture(scope="module")
def right(many: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `toolkit colorize` makes of them."""
    out = tmp_path_factory.mktemp("right")
    toolkit("colorize", many, "-o", out, "--model", tiny_model, code=3)
    return out


class Job:
    """`toolkit batch run` in a process of its own."""

    def __init__(self, source: Path, out: Path, model: Path, *options: str) -> None:
        self.out = out
        self._room = tempfile.mkdtemp(prefix="s-")  # what Ray leaves when its driver is killed
        self.command = [
            *(sys.executable, "-m", "toolkit", "batch", "run", str(source), str(out)),
            *("--model", str(model), "--part", "2", *options),
        ]

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self.command, *options],
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": self._room},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def until_rows(self, process: subprocess.Popen[bytes], count: int) -> None:
        """Wait until so many parts have rows."""
        deadline = time.monotonic() + LONGEST
        while len(list((self.out / "_toolkit").glob("*/rows/*.parquet"))) < count:
            if process.poll() is not None:
                pytest.fail(process.communicate()[1].decode())
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def rows(self) -> list[dict[str, Any]]:
        folder = RunFolder.of(str(self.out), Stores())
        return [row for table in folder.tables() for row in table.to_pylist()]

    def check(self, right: Path) -> None:
        """One row for each input, and the results that `toolkit colorize` writes."""
        rows = self.rows()
        assert len({row["input"] for row in rows}) == len(rows) == COUNT
        assert sum(row["status"] == "failed" for row in rows) == 2
        assert files(self.out) == files(right)
        shutil.rmtree(self._room)


def end(process: subprocess.Popen[bytes], code: int) -> str:
    """Wait for the end; what was told on the way."""
    try:
        _, told = process.communicate(timeout=LONGEST)
    finally:
        process.kill()
    assert process.returncode == code, told.decode()
    return told.decode()


def children(pid: int) -> list[tuple[int, str]]:
    """All processes below one, with their command lines."""
    parents: dict[int, list[int]] = {}
    lines: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            lines[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        parents.setdefault(int(stat[1]), []).append(int(entry.name))
    found, left = [], [pid]
    while left:
        for child in parents.get(left.pop(), []):
            found.append((child, lines.get(child, "")))
            left.append(child)
    return found


def test_the_driver_killed_and_resumed(
    many: Path, right: Path, tiny_model: Path, tmp_path: Path
) -> None:
    job = Job(many, tmp_path / "out", tiny_model, "--actors", "2")
    process = job.start()
    job.until_rows(process, 3)
    process.kill()
    process.communicate()
    made = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").glob("*.png")}
    assert 0 < len(made) < COUNT
    end(job.start("--resume"), 3)  # at once: the first one's actors may live for seconds
    job.check(right)
    assert {p: p.stat().st_mtime_ns for p in made} == made  # nothing is made twice


def test_an_actor_killed_by_a_signal(
    many: Path, right: Path, tiny_model: Path, tmp_path: Path
) -> None:
    job = Job(many, tmp_path / "out", tiny_model, "--actors", "1")
    process = job.start()
    job.until_rows(process, 2)
    actors = [pid for pid, line in children(process.pid) if "MapWorker" in line]
    assert actors
    os.kill(actors[0], signal.SIGKILL)
    end(process, 3)
    job.check(right)


@pytest.fixture
def cluster() -> Iterator[Callable[[], Any]]:
    """A Ray cluster of several nodes on this machine."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    made = []

    def start() -> Any:
        node = {"object_store_memory": 80_000_000, "memory": 2_000_000_000, "num_gpus": 0}
        head = {**node, "num_cpus": 1, "memory": 100_000_000, "include_dashboard": False}
        made.append(Cluster(initialize_head=True, head_node_args=head))
        return made[0], node

    yield start
    for each in made:
        each.shutdown()  # type: ignore[no-untyped-call]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray", "ignore::ResourceWarning")
@pytest.mark.parametrize("spare", [True, False], ids=["with room left", "without"])
def test_a_node_killed_in_the_middle(
    many: Path,
    right: Path,
    tiny_model: Path,
    tmp_path: Path,
    cluster: Callable[[], Any],
    spare: bool,
) -> None:
    nodes, node = cluster()
    first, *_ = (nodes.add_node(num_cpus=1, **node) for _ in range(2 + spare))
    nodes.wait_for_nodes()
    job = Job(many, tmp_path / "out", tiny_model, *ON_NODES, "--actors", "2")
    process = job.start("--address", nodes.address)
    job.until_rows(process, 2)
    nodes.remove_node(first, allow_graceful=False)
    end(process, 3)
    job.check(right)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray", "ignore::ResourceWarning")
def test_all_nodes_killed_end_the_job_with_a_line_and_more_of_them_go_on(
    many: Path, right: Path, tiny_model: Path, tmp_path: Path, cluster: Callable[[], Any]
) -> None:
    nodes, node = cluster()
    workers = [nodes.add_node(num_cpus=1, **node) for _ in range(2)]
    nodes.wait_for_nodes()
    job = Job(many, tmp_path / "out", tiny_model, *ON_NODES, "--address", nodes.address)
    process = job.start()
    job.until_rows(process, 2)
    for worker in workers:
        nodes.remove_node(worker, allow_graceful=False)
    told = end(process, 5)
    assert "none that is left holds an actor" in told
    assert "Traceback" not in told
    nodes.add_node(num_cpus=1, **node)
    nodes.wait_for_nodes()
    end(job.start("--resume"), 3)
    job.check(right)


def test_from_s3_to_s3_through_ray(
    bucket: str, scans: Path, expected: Path, tiny_model: Path, s3: S3
) -> None:
    stores = Stores()
    names = [p.relative_to(scans).as_posix() for p in sorted(scans.rglob("*")) if p.is_file()]
    for name in names:
        stores.write(f"{bucket}/in/{name}", (scans / name).read_bytes())
    told = toolkit(
        *("batch", "run", f"{bucket}/in", f"{bucket}/out", "--model", tiny_model), code=3
    )
    assert f"{len(BAD)} of {len(names)} photographs failed" in told
    assert len(names) == PHOTOGRAPHS + 1 + len(BAD)
    for name in set(names) - BAD:
        assert stores.read(f"{bucket}/out/{name}") == (expected / name).read_bytes()
    results = [p for p in s3.puts() if p.startswith(f"/{bucket[5:]}/out/") and "_toolkit" not in p]
    assert len(results) == len(set(results)) == len(names) - len(BAD)
