"""``toolkit colorize`` when something is wrong: one clear line, and nothing lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import COMMAND, GRAY, Toolkit, environment, on_unix, opened, save


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.jpg"], 4, b"missing.jpg: no such file"),
        (["empty"], 4, b"empty: no photographs"),
        (["zero.jpg"], 4, b"zero.jpg: the file is empty"),
        (["text.jpg"], 4, b"text.jpg: not a picture"),
        (["a.png", "--format", "jpg2000"], 2, b"unknown format"),
        (["a.png", "--quality", "101"], 2, b"--quality"),
        (["a.png", "--upsample", "cubic"], 2, b"bilinear, guided"),
        (["a.png", "--size", "7"], 2, b"this model takes 32 to 256"),
        (["a.png", "--shard", "3/2"], 2, b"--shard"),
        (["a.png", "b.png", "-o", "c.png"], 2, b"one file and there are 2"),
        (["a.png", "-o", "c.xyz/../zero.jpg/d.png"], 8, b"cannot be written"),
        (["a.png", "--watch"], 2, b"--watch needs one folder"),
        (["x" * 300 + ".png"], 2, b"file name too long"),
        (["--bogus"], 2, b"--bogus"),
        ([], 2, b"no photographs are named"),
        (["a.png", "-"], 2, b"stands alone"),
    ],
)
def test_bad_input_is_one_clear_line(
    toolkit: Toolkit, arguments: list[str], code: int, words: bytes
) -> None:
    (toolkit.folder / "empty").mkdir()
    (toolkit.folder / "zero.jpg").write_bytes(b"")
    (toolkit.folder / "text.jpg").write_text("hello")
    save(toolkit.folder / "a.png")
    save(toolkit.folder / "b.png")
    done = toolkit(*arguments, code=code)
    assert words in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"error: ")
    assert done.stdout == b""


@pytest.mark.parametrize("what", ["no model", "no contract", "no such", "a folder"])
def test_models_that_cannot_be_used(tmp_path: Path, tiny_model: Path, what: str) -> None:
    model = tmp_path / "m.onnx"
    if what == "no model":
        model.write_bytes(b"\xff\xd8\xff\xe0")
    elif what == "no contract":
        model.write_bytes(tiny_model.read_bytes().replace(b"toolkit.contract", b"toolkit.CONTRACT"))
    elif what == "a folder":
        model.mkdir()
    save(tmp_path / "a.png")
    assert Toolkit(tmp_path, model)("a.png", code=7).stderr.count(b"\n") == 1


@on_unix
def test_a_folder_that_cannot_be_written(toolkit: Toolkit) -> None:
    save(toolkit.folder / "a.png")
    (toolkit.folder / "b").write_bytes(b"")
    done = toolkit("a.png", "-o", "b/c.png", code=8)
    assert b"cannot be written" in done.stderr


@on_unix
def test_a_file_that_grows_too_long_for_the_disk_leaves_nothing(toolkit: Toolkit) -> None:
    """The system's own limit on a file stands for the disk that is full in the middle of one."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 400)).astype(np.uint8)
    save(toolkit.folder / "a.png", noise)
    limited = (
        "import resource, runpy, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))\n"
        "runpy.run_module('toolkit', run_name='__main__', alter_sys=True)\n"
    )
    arguments = ["colorize", "a.png", "--model", str(toolkit.model)]
    done = subprocess.run(
        [sys.executable, "-c", limited, *arguments],
        cwd=toolkit.folder,
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 8, done.stderr.decode()
    assert done.stderr.startswith(b"error: a-color.png: cannot be written")
    assert done.stderr.count(b"\n") == 1
    assert sorted(p.name for p in toolkit.folder.iterdir()) == ["a.png"]


@on_unix
def test_a_folder_without_the_right_to_write(toolkit: Toolkit) -> None:
    save(toolkit.folder / "a.png")
    place = toolkit.folder / "locked"
    place.mkdir(mode=0o555)
    if os.access(place, os.W_OK):  # root may write everywhere, but not into the kernel's files
        place = Path("/proc/self")
    done = toolkit("a.png", "-o", place / "b.png", code=8)
    assert b"cannot be written" in done.stderr
    assert done.stderr.count(b"\n") == 1


@on_unix
def test_links_that_form_a_loop_and_pipes_stop_nothing(toolkit: Toolkit) -> None:
    save(toolkit.folder / "old" / "in" / "a.png")
    (toolkit.folder / "old" / "in" / "again").symlink_to(toolkit.folder / "old")
    os.mkfifo(toolkit.folder / "old" / "pipe.jpg")
    done = toolkit("old", "-o", "new", code=3)
    assert done.stdout == b"new/in/a.png\n"
    assert b"pipe.jpg: not a plain file" in done.stderr


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="Linux: a small disk to fill")
def test_a_full_disk_ends_the_run_with_what_is_done(toolkit: Toolkit) -> None:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("Linux as root: it mounts a disk of 300 kB")
    disk = toolkit.folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("Linux with the right to mount: it mounts a disk of 300 kB")
    try:
        noise = np.random.default_rng(0).integers(0, 256, (200, 300)).astype(np.uint8)
        for number in range(4):
            save(toolkit.folder / "old" / f"{number}.png", noise)
        done = toolkit("old", "-o", "disk", code=8)
        assert b"the disk is full" in done.stderr
        whole = list(disk.glob("*.png"))
        assert len(whole) == len(done.stdout.split()) >= 1
        for path in whole:
            opened(path)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@on_unix
def test_ctrl_c_finishes_the_photograph_in_hand(toolkit: Toolkit) -> None:
    big = np.tile(GRAY, (8, 8))
    for number in range(40):
        save(toolkit.folder / "old" / f"{number:02}.jpg", big)
    with subprocess.Popen(
        [*COMMAND, "old", "--model", str(toolkit.model)],
        cwd=toolkit.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err.decode()
    assert b"--skip-existing" in err
    done = sorted((toolkit.folder / "old-color").glob("*"))
    assert len(done) == 1 + len(out.split()) < 40
    for path in done:
        opened(path)
    rest = toolkit("old", "--skip-existing")
    assert len(rest.stdout.split()) == 40 - len(done)


@on_unix
def test_kill_9_leaves_only_whole_files(toolkit: Toolkit) -> None:
    for number in range(40):
        save(toolkit.folder / "old" / f"{number:02}.png", np.tile(GRAY, (8, 8)))
    with subprocess.Popen(
        [*COMMAND, "old", "--jobs", "2", "--model", str(toolkit.model)],
        cwd=toolkit.folder,
        env=environment(),
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    for path in (toolkit.folder / "old-color").glob("*.png"):
        if not path.name.startswith(".toolkit-tmp-"):
            opened(path)
