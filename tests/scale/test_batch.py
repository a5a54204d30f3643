"""``toolkit batch`` as a person runs it: real processes, Ray, files and S3."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scale.conftest import BAD, PHOTOGRAPHS, ROOT, S3, files, toolkit
from toolkit.runtime.stores import Stores

INPUTS = PHOTOGRAPHS + 1 + len(BAD)

on_linux = pytest.mark.skipif(sys.platform == "win32", reason="Linux or macOS: Ray")


@on_linux
def test_a_folder_is_done_reported_and_resumed(
    scans: Path, expected: Path, tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    told = toolkit("batch", "run", scans, out, "--model", tiny_model, "--actors", 1, code=3)
    assert files(out) == files(expected)
    assert f"{len(BAD)} of {INPUTS} photographs failed" in told
    assert "actors: 1, each with CPUs and threads: 1, memory: " in told  # the plan
    assert f"{INPUTS} photographs and shards left to do" in told
    report = json.loads(toolkit("batch", "report", out, "--json"))
    assert report["inputs"] == INPUTS
    assert report["status"] == {"done": INPUTS - len(BAD), "failed": len(BAD)}
    assert report["kinds"] == {"unreadable": len(BAD)}
    listed = toolkit("batch", "report", out, "--failed").split("\n")
    assert {Path(line).name for line in listed if line} == BAD
    assert "go on with --resume" in toolkit(
        "batch", "run", scans, out, "--model", tiny_model, code=2
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "missing", "out"], 4, "missing: no such folder"),
        (["run", ".", "out"], 2, "lies in the source"),
        (["run", ".", "../out", "--layout", "zip"], 2, "tree, shards"),
        (["run", ".", "../out", "--retry-failed"], 2, "--resume"),
        (["run", ".", "../out", "--model", "missing.onnx"], 7, "missing.onnx"),
        (["report", "."], 4, "no batch job"),
    ],
)
def test_what_cannot_be_done_is_one_line_before_anything_starts(
    arguments: list[str], code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(b"x")
    monkeypatch.chdir(tmp_path / "in")
    told = toolkit("batch", *arguments, code=code)
    assert words in told
    assert told.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_wrong_credentials_and_a_missing_bucket_are_one_line(
    bucket: str, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ("--model", tiny_model)
    told = toolkit("batch", "run", "s3://missing/in", f"{bucket}/out", *model, code=4)
    assert "no such file, folder or bucket" in told
    Stores().write(f"{bucket}/in/a.jpg", b"x")
    told = toolkit("batch", "run", f"{bucket}/in", "s3://missing/out", *model, code=8)
    assert "no such file, folder or bucket" in told
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong")
    told = toolkit("batch", "run", f"{bucket}/in", f"{bucket}/out", *model, code=4)
    assert "check the credentials" in told
    assert told.count("\n") == 1


def test_colorize_takes_addresses(
    bucket: str, scans: Path, expected: Path, tiny_model: Path, tmp_path: Path, s3: S3
) -> None:
    stores = Stores()
    for name in ("letter.jpg", "pages.tif", "box0/000.jpg"):
        stores.write(f"{bucket}/in/{name}", (scans / name).read_bytes())
    told = toolkit("colorize", f"{bucket}/in", "-o", f"{bucket}/out", "--model", tiny_model, code=3)
    assert f"{bucket}/out/box0/000.jpg" in told
    for name in ("pages.tif", "box0/000.jpg"):
        assert stores.read(f"{bucket}/out/{name}") == (expected / name).read_bytes()
    assert not stores.exists(f"{bucket}/out/letter.jpg")
    one = f"{bucket}/in/box0/000.jpg"
    assert f"{one[:-4]}-color.jpg" in toolkit("colorize", one, "--model", tiny_model)
    toolkit("colorize", one, "-o", tmp_path / "here.jpg", "--model", tiny_model)
    assert (tmp_path / "here.jpg").read_bytes() == (expected / "box0" / "000.jpg").read_bytes()
    assert "exists" in toolkit("colorize", one, "--model", tiny_model, code=8)


def test_the_exit_code_stands_where_ray_aborts_at_the_end(tmp_path: Path) -> None:
    program = (
        "import atexit, os, sys, ray; from toolkit.cli.app import main; "
        "atexit.register(os.abort); sys.argv = ['toolkit', *sys.argv[1:]]; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "batch", "report", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4, done
    assert done.stderr.startswith("error: ")
