from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.export.conftest import write_run
from toolkit.export.formats import FORMATS

ROOT = Path(__file__).parents[2]


def toolkit(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "toolkit", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=300,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    write_run(folder / "edge", "edge")
    return folder


def test_the_list_names_every_format(tmp_path: Path) -> None:
    done = toolkit("export", "--list", cwd=tmp_path)
    assert done.returncode == 0
    for name, form in FORMATS.items():
        assert f"{name} ({form.suffix})" in done.stdout
        for precision in form.precisions:
            assert precision in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["runs/edge", "--format", "onxx"], 2, "did you mean onnx?"),
        (["runs/edge", "--format", "onxx", "--format", "onnx"], 2, "did you mean onnx?"),
        (["runs/edge", "--format", "onnx:int3"], 2, "fp32, fp16-storage"),
        (["runs/edge", "--format", "torchscript:image"], 2, "no image boundary"),
        (["runs/edge", "--format", ","], 2, "torchscript"),
        (["runs/none"], 4, "no such run folder"),
        (["runs"], 4, "best.safetensors"),
        (["notes.txt"], 7, "not a checkpoint"),
        (["runs/schema/last.safetensors"], 7, "schema"),
        (["runs/edge", "--out", "taken"], 8, "--force"),
        (["--weights", "notes.txt", "--generator", "unet"], 2, "unet_256"),
        (["--weights", "notes.txt"], 2, "--generator"),
        (["--weights", "notes.txt", "--generator", "unet_256"], 7, "notes.txt"),
        (["runs/edge", "--proof", "nowhere"], 4, "nowhere"),
    ],
)
def test_wrong_calls_are_one_line(
    arguments: list[str], code: int, told: str, tmp_path: Path, runs: Path
) -> None:
    shutil.copytree(runs, tmp_path / "runs")
    shutil.copytree(runs / "edge", tmp_path / "runs" / "schema")
    last = tmp_path / "runs" / "schema" / "last.safetensors"
    data = last.read_bytes()
    assert b'\\"schema\\": 1' in data
    last.write_bytes(data.replace(b'\\"schema\\": 1', b'\\"schema\\": 9'))
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "taken").mkdir()
    done = toolkit("export", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert told in line
    assert not (tmp_path / "exports").exists()


def test_an_installed_model_is_verified_by_its_name(tmp_path: Path) -> None:
    done = toolkit("verify", "vivid", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"network +ok +default, strength", done.stdout)
    for file in ("default-fp16-storage", "default-int8"):
        assert re.search(rf"{file}\.onnx +numbers +ok", done.stdout)
    unknown = toolkit("verify", "livid", cwd=tmp_path)
    assert (unknown.returncode, len(unknown.stderr.splitlines())) == (7, 1)


def test_without_a_run_the_newest_finished_one_is_exported_and_verified(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "first", "edge")
    write_run(tmp_path / "runs" / "unfinished", "edge", finished=False)
    done = toolkit("export", "--format", "onnx", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "exporting runs/first, the newest finished run" in done.stderr
    assert json.loads(done.stdout)["out"] == "exports/first"

    checked = toolkit("verify", "exports/first", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "first.onnx" in checked.stdout
    assert not checked.stderr

    with open(tmp_path / "exports" / "first" / "MODEL_CARD.md", "a") as card:
        card.write("better than it is\n")
    tampered = toolkit("verify", "exports/first", cwd=tmp_path)
    assert tampered.returncode == 7
    (line,) = tampered.stderr.strip().splitlines()
    assert "MODEL_CARD.md" in line
    assert "failed" in tampered.stdout


def test_a_bundle_does_not_tell_whose_machine_made_it(tmp_path: Path, runs: Path) -> None:
    (tmp_path / "notes.md").write_text("Made for a test.")
    done = toolkit(
        *("export", runs / "edge", "--format", "onnx", "--with-checkpoint"),
        *(f"--notes={tmp_path / 'notes.md'}", "--out", tmp_path / "bundle"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    assert manifest["command"] == (
        "toolkit export edge --format onnx --with-checkpoint --notes=notes.md --out bundle"
    )
    for file in (tmp_path / "bundle").iterdir():
        for folder in (tmp_path, runs):
            assert str(folder).encode() not in file.read_bytes(), file.name


def test_a_proof_that_fails_writes_nothing(tmp_path: Path) -> None:
    import torch

    from tests.export.conftest import SMALL, small_generator
    from toolkit.training.checkpoint import read_header, save_checkpoint, weights

    write_run(tmp_path / "run", "edge")
    header = read_header(tmp_path / "run" / "best.safetensors")
    generator = small_generator("edge")
    generator.get_parameter("stem.0.weight").data[0] = torch.nan
    assert header["generator"]["options"] == SMALL["edge"]
    save_checkpoint(tmp_path / "run" / "best.safetensors", weights(generator, "generator"), header)
    done = toolkit("export", "run", "--format", "all", "--out", "out/x", cwd=tmp_path)
    assert done.returncode == 6
    assert "not finite" in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()
