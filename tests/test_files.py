"""Files that appear whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolkit.errors import OutputError, UnusableModel
from toolkit.files import (
    atomic_folder,
    atomic_write,
    inside,
    read_bytes,
    sha256,
    sha256_bytes,
    write_bytes,
    write_text,
)


def leftovers(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if p.name.startswith(".toolkit-tmp-")]


def fail_half_way(target: Path) -> None:
    with atomic_write(target) as stream:
        stream.write(b"half of the new")
        raise ZeroDivisionError


def fail_in_folder(target: Path) -> None:
    with atomic_folder(target, overwrite=True) as folder:
        (folder / "a").write_bytes(b"1")
        raise ZeroDivisionError


def test_a_file_is_written_whole_into_a_new_folder(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "a.bin"
    write_bytes(target, b"abc")
    assert target.read_bytes() == b"abc"
    assert leftovers(target.parent) == []


def test_an_error_in_the_block_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "old")
    with pytest.raises(ZeroDivisionError):
        fail_half_way(target)
    assert target.read_text() == "old"
    assert leftovers(tmp_path) == []


def test_what_exists_is_not_replaced_unless_allowed(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "old")
    with pytest.raises(OutputError, match="exists"):
        write_text(target, "new", overwrite=False)
    assert target.read_text() == "old"
    write_text(target, "new")
    assert target.read_text() == "new"


def test_a_file_that_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    stack = ExitStack()
    stream = stack.enter_context(atomic_write(target, overwrite=False))
    stream.write(b"ours")
    target.write_bytes(b"theirs")
    with pytest.raises(OutputError, match="exists"):
        stack.close()
    assert target.read_bytes() == b"theirs"
    assert leftovers(tmp_path) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_bytes(b"")
    with pytest.raises(OutputError, match=r"file/a\.txt: cannot be written"):
        write_text(blocker / "a.txt", "x")


WRITER = """
import sys, pathlib
from toolkit.files import atomic_write
with atomic_write(pathlib.Path(sys.argv[1])) as stream:
    stream.write(b"half")
    stream.flush()
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Linux or macOS: kill -9 is theirs")
def test_kill_9_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert target.read_bytes() == b"old"


REWRITER = """
import sys, pathlib
from toolkit.files import write_bytes
target = pathlib.Path(sys.argv[1])
number = 0
while True:
    write_bytes(target, bytes([number % 256]) * 1_000_000)
    number += 1
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Linux or macOS: kill -9 is theirs")
def test_kill_9_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    for wait in (0.0, 0.003, 0.011, 0.023):
        with subprocess.Popen([sys.executable, "-c", REWRITER, str(target)]) as process:
            deadline = time.monotonic() + 30
            while not target.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(wait)
            process.kill()
        data = target.read_bytes()
        assert len(data) == 1_000_000
        assert len(set(data)) == 1


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    with pytest.raises(ZeroDivisionError):
        fail_in_folder(target)
    assert list(tmp_path.iterdir()) == []
    with atomic_folder(target) as folder:
        (folder / "a").write_bytes(b"1")
        assert not target.exists()
    assert (target / "a").read_bytes() == b"1"
    assert leftovers(tmp_path) == []


def test_a_folder_replaces_the_old_one_only_if_allowed(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    with atomic_folder(target) as folder:
        (folder / "old").write_bytes(b"")
    with pytest.raises(OutputError, match="exists"), atomic_folder(target):
        pytest.fail("the block must not run")
    with atomic_folder(target, overwrite=True) as folder:
        (folder / "new").write_bytes(b"")
    assert [p.name for p in target.iterdir()] == ["new"]
    assert leftovers(tmp_path) == []


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    with atomic_folder(target) as folder:
        (folder / "old").write_bytes(b"")
    with pytest.raises(ZeroDivisionError):
        fail_in_folder(target)
    assert [p.name for p in target.iterdir()] == ["old"]


def test_hashes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert sha256(tmp_path / "a") == sha256_bytes(b"abc") == expected


def test_a_model_over_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(b"12345")
    assert read_bytes(path, limit=5) == b"12345"
    with pytest.raises(UnusableModel, match="larger"):
        read_bytes(path, limit=4)
    with pytest.raises(UnusableModel, match="no such file"):
        read_bytes(tmp_path / "b.onnx", limit=5)


@pytest.mark.parametrize("name", ["", "../a", "/etc/passwd", "a/../../b", "a\0b", "link/a"])
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(UnusableModel, match="outside"):
        inside(folder, name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40))
def test_any_name_stays_inside_or_is_refused(tmp_path: Path, name: str) -> None:
    try:
        path = inside(tmp_path, name)
    except UnusableModel:
        return
    assert Path(os.path.realpath(path)).is_relative_to(tmp_path.resolve())
