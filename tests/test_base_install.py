"""The wheel, in a new environment that has the base dependencies and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps"]
    subprocess.run([*pip, "-w", folder, ROOT], check=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("env")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pins = ROOT / "requirements" / "runtime.txt"
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", pins, wheel], check=True)
    return python


def test_the_wheel_is_light_and_carries_the_model(wheel: Path) -> None:
    assert wheel.stat().st_size < 25e6
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = next(n for n in names if n.endswith(".dist-info/METADATA"))
        told = archive.read(metadata).decode()
    model = "default-fp16-storage.onnx"
    shipped = {model, "manifest.json", "MODEL_CARD.md", "checkpoint.safetensors"}
    assert "toolkit/shipped/default/default-int8.onnx" not in names
    assert {f"toolkit/shipped/default/{name}" for name in shipped} <= names
    assert "LicenseRef-Colorize-Toolkit-Weights" in told
    assert not any(name.startswith(("tests/", "exports/")) for name in names)
    assert not any(".mlpackage" in name or name.endswith(".pt") for name in names)


def test_the_pins_are_all_that_the_base_needs(python: Path) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "list", "--format", "json"], capture_output=True, check=True
    )
    names = {row["name"].lower() for row in json.loads(done.stdout)}
    assert "colorize-toolkit" in names
    assert not names & {"torch", "torchvision", "onnx", "scikit-image", "scipy", "safetensors"}
    subprocess.run([python, "-m", "pip", "check"], check=True)


def test_it_colorizes_without_torch(python: Path, tmp_path: Path) -> None:
    examples = ROOT / "examples"
    done = subprocess.run(
        [python, "-m", "toolkit", "colorize", examples, "-o", tmp_path / "out"], cwd=tmp_path
    )
    assert done.returncode == 0
    photographs = sorted(p.stem for p in examples.glob("*.jpg"))
    made = sorted((tmp_path / "out").glob("*.jpg"))
    assert len(made) == len(photographs) == 4
    for path in made:
        with Image.open(path) as image:
            red, _, blue = np.asarray(image, np.float32).transpose(2, 0, 1)
        assert np.abs(red - blue).mean() > 3


def test_it_verifies_the_shipped_model(python: Path, tmp_path: Path) -> None:
    place = subprocess.run(
        [python, "-c", "import toolkit; print(toolkit.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    ).stdout.strip()
    bundle = Path(place) / "shipped" / "default"
    subprocess.run([python, "-m", "toolkit", "verify", bundle], check=True, cwd=tmp_path)


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (["train", "."], "train"),
        (["export", "--format", "coreml"], "export"),
        (["colorize", "s3://scans/a.jpg"], "scale"),
        (["batch", "run", "s3://scans", "s3://coloured"], "scale"),
    ],
)
def test_a_missing_extra_is_one_line_with_the_command(
    command: list[str], extra: str, python: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [python, "-m", "toolkit", *command], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 5
    (line,) = done.stderr.strip().splitlines()
    assert f"pip install 'colorize-toolkit[{extra}]'" in line
