"""``toolkit colorize`` as a person runs it: real processes, real files, real exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

GRAY = np.add.outer(np.arange(60), np.arange(0, 180, 2)).astype(np.uint8)
COMMAND = [sys.executable, "-m", "toolkit", "colorize"]
ROOT = Path(__file__).parents[2]

on_unix = pytest.mark.skipif(sys.platform == "win32", reason="Linux or macOS: signals and links")


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **changes}


def save(path: Path, image: np.ndarray = GRAY, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **options)
    return path


def opened(source: Path | bytes) -> Image.Image:
    """A picture that has been read whole, its file closed."""
    with Image.open(BytesIO(source) if isinstance(source, bytes) else source) as image:
        image.load()
        return image


class Toolkit:
    """Runs the command in a folder of its own with the tiny model."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model = folder, model

    def __call__(
        self, *arguments: str | Path, code: int = 0, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [*COMMAND, *map(str, arguments), "--model", str(self.model)]
            if "--" not in arguments
            else [*COMMAND, "--model", str(self.model), *map(str, arguments)],
            cwd=self.folder,
            env=environment(),
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        assert done.returncode == code, done.stderr.decode()
        leftovers = list(self.folder.rglob(".toolkit-tmp-*"))
        assert leftovers == []
        return done


@pytest.fixture
def toolkit(tmp_path: Path, tiny_model: Path) -> Toolkit:
    return Toolkit(tmp_path, tiny_model)


def test_a_photograph_gets_its_colours_beside_it(toolkit: Toolkit) -> None:
    save(toolkit.folder / "grandma.jpg")
    assert toolkit("grandma.jpg").stdout == b"grandma-color.jpg\n"
    result = opened(toolkit.folder / "grandma-color.jpg")
    assert (result.mode, result.size) == ("RGB", (90, 60))
    assert np.asarray(result).std(axis=2).mean() > 1


def test_nothing_that_exists_is_replaced(toolkit: Toolkit) -> None:
    save(toolkit.folder / "a.jpg")
    (toolkit.folder / "a-color.jpg").write_bytes(b"precious")
    assert b"a-color.jpg: exists" in toolkit("a.jpg", code=8).stderr
    assert toolkit("a.jpg", "--skip-existing").stdout == b""
    assert (toolkit.folder / "a-color.jpg").read_bytes() == b"precious"
    toolkit("a.jpg", "--overwrite")
    assert opened(toolkit.folder / "a-color.jpg").size == (90, 60)


@pytest.mark.parametrize("output", ["a.jpg", "./sub/../a.jpg", "link.jpg"])
def test_the_photograph_itself_is_never_replaced(toolkit: Toolkit, output: str) -> None:
    before = save(toolkit.folder / "a.jpg").read_bytes()
    (toolkit.folder / "sub").mkdir()
    (toolkit.folder / "link.jpg").symlink_to("a.jpg")
    toolkit("a.jpg", "-o", output, "--overwrite", code=2)
    toolkit(".", "-o", ".", "--overwrite")
    assert (toolkit.folder / "a.jpg").read_bytes() == before


def test_a_folder_keeps_its_tree_and_one_bad_file_stops_nothing(toolkit: Toolkit) -> None:
    save(toolkit.folder / "old" / "a.jpg")
    save(toolkit.folder / "old" / "sub" / "b.png")
    (toolkit.folder / "old" / "bad.jpg").write_text("Dear grandma,")
    cut = save(toolkit.folder / "old" / "cut.jpg", np.tile(GRAY, (4, 4)))
    cut.write_bytes(cut.read_bytes()[:-900])
    done = toolkit("old", "--jobs", "2", code=3)
    assert done.stdout.decode().split() == ["old-color/a.jpg", "old-color/sub/b.png"]
    assert b"2 of 4 photographs failed" in done.stderr
    assert b"old/bad.jpg: not a picture" in done.stderr
    assert b"old/cut.jpg" in done.stderr
    assert sorted(p.name for p in (toolkit.folder / "old-color").rglob("*.*")) == ["a.jpg", "b.png"]


def test_json_is_for_programs(toolkit: Toolkit) -> None:
    save(toolkit.folder / "a.png")
    (record,) = json.loads(toolkit("a.png", "--json").stdout)
    assert record["status"] == "done"
    assert (record["width"], record["height"]) == (90, 60)
    assert set(record["milliseconds"]) == {"decode", "network", "write"}


def test_side_by_side_and_contact_sheet(toolkit: Toolkit) -> None:
    save(toolkit.folder / "old" / "a.jpg")
    save(toolkit.folder / "old" / "b.jpg")
    toolkit("old", "--side-by-side", "--contact-sheet", "sheet.png")
    assert opened(toolkit.folder / "old-color" / "a.jpg").size == (180, 60)
    assert opened(toolkit.folder / "sheet.png").width > 700


def test_stdin_to_stdout(toolkit: Toolkit) -> None:
    data = save(toolkit.folder / "a.png").read_bytes()
    assert opened(toolkit("-", stdin=data).stdout).format == "PNG"
    got = toolkit("-", "--format", "jpeg", stdin=data).stdout
    assert opened(got).format == "JPEG"
    toolkit("-", "-o", "out.webp", stdin=data)
    assert opened(toolkit.folder / "out.webp").format == "WEBP"
    assert b"empty" in toolkit("-", code=4).stderr


def test_every_page_of_a_tiff(toolkit: Toolkit) -> None:
    pages = [Image.fromarray(GRAY[: 20 + i]) for i in range(3)]
    pages[0].save(toolkit.folder / "a.tif", save_all=True, append_images=pages[1:])
    toolkit("a.tif")
    with Image.open(toolkit.folder / "a-color.tif") as result:
        assert result.n_frames == 3  # type: ignore[attr-defined]
        heights = []
        for page in range(3):
            result.seek(page)
            heights.append(np.asarray(result).shape[0])
    assert heights == [20, 21, 22]
    assert b"3 pages, of which the first" in toolkit("a.tif", "--format", "png").stderr


def test_a_16_bit_scan_of_many_pages(toolkit: Toolkit) -> None:
    deep = (GRAY.astype(np.uint16) + 30) * 200
    pages = [Image.frombytes("I;16", (90, 60), (deep + i).tobytes()) for i in range(2)]
    pages[0].save(toolkit.folder / "a.tif", save_all=True, append_images=pages[1:])
    toolkit("a.tif")
    tifffile = pytest.importorskip("tifffile", reason="a machine with the extra `images`")
    with tifffile.TiffFile(toolkit.folder / "a-color.tif") as result:
        assert [page.dtype for page in result.pages] == [np.uint16] * 2
        assert [page.shape for page in result.pages] == [(60, 90, 3)] * 2


def test_report_and_resume(toolkit: Toolkit) -> None:
    for name in ("a", "b", "c"):
        save(toolkit.folder / "old" / f"{name}.png")
    toolkit("old", "--report", "r.jsonl", "--resume")
    with open(toolkit.folder / "r.jsonl", "a") as stream:
        stream.write('{"source": "ol')  # what a kill -9 may leave
    save(toolkit.folder / "old" / "b.png", GRAY[:50])
    (toolkit.folder / "old-color" / "c.png").unlink()
    done = toolkit("old", "--report", "r.jsonl", "--resume")
    assert done.stdout.decode().split() == ["old-color/b.png", "old-color/c.png"]
    assert opened(toolkit.folder / "old-color" / "b.png").height == 50
    assert toolkit("old", "--report", "r.jsonl", "--resume").stdout == b""
    anew = toolkit("old", "--report", "r.jsonl", "--resume", "--strength", "0.5").stdout
    assert len(anew.split()) == 3
    assert b"--report" in toolkit("old", "--resume", code=2).stderr


def test_manifest_shard_and_dry_run(toolkit: Toolkit) -> None:
    names = [f"{i}.png" for i in range(5)]
    for name in names:
        save(toolkit.folder / name)
    (toolkit.folder / "list.txt").write_text("\n".join(names))
    seen: list[str] = []
    for part in ("1/2", "2/2"):
        lines = toolkit("--manifest", "list.txt", "--shard", part, "--dry-run").stdout
        seen += [line.split(" -> ")[0] for line in lines.decode().splitlines()]
    assert sorted(seen) == names
    assert not list(toolkit.folder.glob("*-color*"))


@on_unix
def test_odd_names(toolkit: Toolkit) -> None:
    names = ["-dash.png", "with\nnewline.png", "👵🏽.png", "x" * 240 + ".png", "--output.png"]
    for name in names:
        save(toolkit.folder / name)
    names.append(os.fsdecode(b"\xff\xfe.png"))
    shutil.copy(toolkit.folder / names[0], toolkit.folder / names[-1])
    done = toolkit("--", *names)
    assert len(list(toolkit.folder.glob("*-color.png"))) == len(names)
    assert b"\xff\xfe-color.png\n" in done.stdout


def test_a_name_of_255_bytes_is_shortened_for_the_result(toolkit: Toolkit) -> None:
    name = "é" * 125 + "x.png"
    save(toolkit.folder / name)
    result = toolkit(name).stdout.decode().strip()
    assert result == "é" * 122 + "-color.png"
    assert opened(toolkit.folder / result).size == (90, 60)


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


@on_unix
def test_watch_takes_what_drops_in_once_it_has_stopped_growing(toolkit: Toolkit) -> None:
    folder = toolkit.folder / "in"
    folder.mkdir()
    whole = save(toolkit.folder / "a.png").read_bytes()
    with subprocess.Popen(
        [*COMMAND, "in", "--watch", "-o", "out", "--model", str(toolkit.model)],
        cwd=toolkit.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        (folder / "a.png").write_bytes(whole)
        assert process.stdout is not None
        assert process.stdout.readline() == b"out/a.png\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_it_never_imports_torch_or_what_only_training_needs(
    tmp_path: Path, tiny_model: Path
) -> None:
    save(tmp_path / "a.png")
    code = (
        "import sys; sys.argv[1:] = ['colorize', 'a.png', '--model', sys.argv[1]]\n"
        "from toolkit.cli.app import main\n"
        "try: main()\n"
        "finally: print(*sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tiny_model)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stderr.split())
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "torchvision", "skimage", "onnx", "scipy", "matplotlib", "rich"}


def test_nobody_is_called(tmp_path: Path, tiny_model: Path) -> None:
    """Every system call that reaches for the network is observed; there is none."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("Linux with strace: it observes the system calls")
    save(tmp_path / "a.png")
    trace = tmp_path / "trace"
    quiet = {"CI", "GITHUB_ACTIONS", "TF_BUILD", "GITLAB_CI", "JENKINS_URL", "TRAVIS", "CIRCLECI"}
    told = {"ORT_DISABLE_TELEMETRY", "DO_NOT_TRACK"}
    clean = {k: v for k, v in environment().items() if k not in quiet | told}
    watched = [strace, "-f", "-e", "trace=%network", "-o", str(trace)]
    subprocess.run(
        [*watched, *COMMAND, "a.png", "--model", str(tiny_model)],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        check=True,
    )
    calls = [line for line in trace.read_text().splitlines() if "AF_INET" in line]
    assert calls == []


def test_a_quoted_pattern_works_as_in_a_shell(toolkit: Toolkit) -> None:
    for name in ("a.png", "b.png"):
        save(toolkit.folder / "scans" / name)
    done = toolkit("scans/*.png", "-o", "out")
    assert len(done.stdout.splitlines()) == 2
    assert b"scans/*.tif: no photograph matches" in toolkit("scans/*.tif", code=4).stderr


@on_unix
def test_a_terminal_gets_a_table_of_the_run(toolkit: Toolkit) -> None:
    import pty

    for name in ("a.png", "b.png"):
        save(toolkit.folder / "scans" / name)
    (toolkit.folder / "scans" / "c.png").write_bytes(b"no picture")
    ours, theirs = pty.openpty()
    command = [*COMMAND, "scans", "--model", str(toolkit.model)]
    done = subprocess.run(
        command,
        cwd=toolkit.folder,
        env=environment(COLUMNS="100", NO_COLOR="1"),
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=False,
    )
    os.close(theirs)
    told = b""
    with contextlib.suppress(OSError):  # Linux ends a terminal that nobody holds with an error
        while part := os.read(ours, 4096):
            told += part
    os.close(ours)
    assert done.returncode == 3
    assert len(done.stdout.splitlines()) == 2  # results go where stdout goes, not above the bar
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", told.decode())
    head, cells = (
        [cell.strip() for cell in line.strip("│┃ ").replace("┃", "│").split("│")]
        for line in plain.splitlines()
        if "megapixels" in line or "│" in line
    )
    row = dict(zip(head, cells, strict=True))
    assert row["done"] == "2"
    assert row["failed"] == "1"
    assert float(row["megapixels a second"]) >= 0


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_an_animation_stays_one(toolkit: Toolkit, suffix: str) -> None:
    frames = [Image.fromarray(np.roll(GRAY, 9 * i, axis=1)) for i in range(3)]
    path = toolkit.folder / f"a{suffix}"
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:]}
    options["duration"] = [100, 200, 300]
    frames[0].save(path, loop=0, **options)
    done = toolkit(path.name)
    assert b"warning" not in done.stderr
    with Image.open(toolkit.folder / f"a-color{suffix}") as result:
        assert result.n_frames == 3  # type: ignore[attr-defined]
        assert result.info["loop"] == 0
        for i, milliseconds in enumerate((100, 200, 300)):
            result.seek(i)
            rgb = np.asarray(result.convert("RGB")).astype(int)
            assert result.info["duration"] == milliseconds
            assert np.abs(rgb[..., 0] - rgb[..., 2]).max() > 10
            light = np.asarray(result.convert("L")).astype(int)
            assert np.abs(light - np.asarray(frames[i])).mean() < 8
    still = toolkit(path.name, "-o", "still.jpg").stderr
    assert b"3 frames, of which the first is coloured" in still
    through = toolkit("-", stdin=path.read_bytes()).stdout
    with Image.open(BytesIO(through)) as result:
        assert result.n_frames == 3  # type: ignore[attr-defined]
