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

from tests.cli.conftest import COMMAND, GRAY, Toolkit, environment, on_unix, opened, save


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
