"""`toolkit doctor` as a process, on this machine and on broken ones."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

import toolkit
from tests.conftest import tiny_contract, tiny_network
from toolkit.cli.doctor import BASE, EXTRAS, _cpu_features

ROOT = Path(toolkit.__file__).parent.parent


def run(*arguments: str, first: Path | None = None, **settings: str) -> Any:
    """Run the command; modules in the folder `first` hide those that are installed."""
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    path = os.pathsep.join(str(p) for p in (first, ROOT) if p)
    return subprocess.run(
        [sys.executable, "-m", "toolkit", "doctor", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**environment, "PYTHONPATH": path, **settings},
        check=False,
    )


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder of the user's models with one bundle in it."""
    from hashlib import sha256

    data = tiny_network(tiny_contract()).SerializeToString()
    bundle = tmp_path / "models" / "mine"
    bundle.mkdir(parents=True)
    (bundle / "tiny.onnx").write_bytes(data)
    entry = {"format": "onnx", "sha256": sha256(data).hexdigest(), "size": len(data)}
    manifest = {"schema": 1, "files": {"tiny.onnx": entry}}
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path / "models"


def test_a_machine_that_has_the_base_is_fit(models: Path) -> None:
    result = run("--json", TOOLKIT_MODELS=str(models))
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    for name in BASE:
        assert report["base"][name] == {"version": version(name), "problem": None}
    assert report["extras"]["export"]["packages"]["onnx"] == version("onnx")
    assert 1 <= report["threads"]["allowed"] <= report["threads"]["machine"]
    assert report["telemetry"] == "off"
    assert report["model_folder"] == str(models)
    assert report["settings"] == {"TOOLKIT_MODELS": str(models)}
    mine = next(m for m in report["models"] if m["name"] == "mine")
    assert (mine["origin"], mine["problem"]) == ("yours", None)


def test_the_text_says_the_same(models: Path) -> None:
    result = run(TOOLKIT_MODELS=str(models))
    assert (result.returncode, result.stderr) == (0, "")
    assert re.search(rf"^onnxruntime +{version('onnxruntime')}$", result.stdout, re.MULTILINE)
    assert re.search(r"^model mine +yours: intact", result.stdout, re.MULTILINE)
    assert re.search(r"^telemetry +off$", result.stdout, re.MULTILINE)


def test_threads_are_those_that_the_process_may_use() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("needs Linux, which can tie a process to a processor")
    code = "import os, sys; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "sys.argv = ['toolkit', 'doctor', '--json']; from toolkit.cli.app import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert json.loads(result.stdout)["threads"]["allowed"] == 1


@pytest.mark.parametrize(
    ("module", "package"), [("numpy", "numpy"), ("PIL", "pillow"), ("onnxruntime", "onnxruntime")]
)
def test_a_missing_package_of_the_base_ends_with_the_command_that_brings_it(
    tmp_path: Path, module: str, package: str
) -> None:
    (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError(\"No module '{module}'\")")
    result = run("--json", first=tmp_path)
    assert result.returncode == 5
    assert json.loads(result.stdout)["base"][package]["problem"] == f"No module '{module}'"
    error = result.stderr.splitlines()[-1]
    assert re.match(rf"error: the base needs .*pip install .*\b{package}\b", error)
    assert "Traceback" not in result.stderr


def test_a_model_whose_hash_does_not_hold_ends_with_7(models: Path) -> None:
    with open(models / "mine" / "tiny.onnx", "ab") as stream:
        stream.write(b"\0")
    result = run("--json", TOOLKIT_MODELS=str(models))
    assert result.returncode == 7
    mine = next(m for m in json.loads(result.stdout)["models"] if m["name"] == "mine")
    assert "hash differs" in mine["problem"]
    assert "hash differs" in result.stderr


def test_a_user_who_left_the_telemetry_on_is_told() -> None:
    report = json.loads(run("--json", ORT_DISABLE_TELEMETRY="0").stdout)
    assert report["telemetry"].startswith("left to onnxruntime")


def test_the_packages_are_those_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert _names(project["dependencies"]) == set(BASE)
    extras = project["optional-dependencies"]
    assert {k: _names(v) - {project["name"]} for k, v in extras.items() if k != "all"} == {
        k: set(v) for k, v in EXTRAS.items()
    }


@pytest.mark.parametrize(
    ("text", "features"),
    [
        (
            "processor : 0\nflags\t\t: fpu avx2 avx512f avx512_vnni amx_tile\n",
            "AVX2 AVX-512 VNNI AMX",
        ),
        ("flags : fpu avx2 avx_vnni\n", "AVX2 VNNI"),
        ("flags : fpu avx2 avx512f avx512_bf16\n", "AVX2 AVX-512 BF16"),
        ("Features\t: fp asimd asimddp\n", "NEON dot product"),
        ("flags : fpu sse2\n", ""),
    ],
)
def test_the_processor_is_read_from_its_flags(tmp_path: Path, text: str, features: str) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert " ".join(_cpu_features(tmp_path / "cpuinfo") or []) == features


def test_a_processor_that_does_not_tell_is_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("Processor : something\n")
    assert _cpu_features(tmp_path / "cpuinfo") is None
    assert _cpu_features(tmp_path / "missing") is None


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9-]", requirement)[0] for requirement in requirements}
